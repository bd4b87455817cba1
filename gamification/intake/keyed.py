"""Requests with an `Idempotency-Key` that share a commit: what they came to is kept in the transaction of their group.

All keys of a group are claimed in one short transaction before it, and all answers kept in one statement, so a key
costs a group two statements more, however many requests have one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, transaction

from gamification.intake.answering import Response
from gamification.kernel.core.messages import Outcome, PlayerId, Refused
from gamification.kernel.models import IdempotencyKey
from gamification.kernel.storage import claims, database_timeout
from gamification.kernel.storage.claims import Answer, Asked
from gamification.kernel.web.idempotency import replay


@dataclass(slots=True, eq=False)
class Keyed:
    """A request with a key: what it asks for, and how it is answered."""

    asked: Asked
    about: frozenset[PlayerId]
    """The players whom the answer is about."""
    respond: Callable[[Outcome], Response]
    """The answer to what its events came to."""
    held: IdempotencyKey | None = None
    """Its claim."""


def claim(requests: Sequence[Keyed], now: datetime) -> list[Response | Refused | None]:
    """What each gets at once: the first answer again, or a refusal. None: it has the claim, and is to be processed."""
    came_to: list[Response | Refused | None] = []
    for request, found in zip(requests, claims.claim_each([each.asked for each in requests], now), strict=True):
        if isinstance(found, Refused):
            came_to.append(found)
        elif found.status is not None:
            came_to.append(replay(found))
        else:
            request.held = found
            came_to.append(None)
    return came_to


def claim_one(request: Keyed, now: datetime) -> Response | None:
    """The same for a request by itself, whose events no transaction holds all: refusals are raised."""
    [settled] = claim([request], now)
    if isinstance(settled, Refused):
        raise settled
    return settled


def keep_one(request: Keyed, outcome: Outcome) -> Response:
    """Keep its answer, in a transaction of its own."""
    with transaction.atomic():
        return keep({0: (request, outcome)})[0]


def keep(came_to: Mapping[int, tuple[Keyed, Outcome]]) -> dict[int, Response]:
    """Keep the answers to what these came to. Only within the transaction of the group that it came in."""
    responses = {place: request.respond(outcome) for place, (request, outcome) in came_to.items()}
    claims.keep_each(
        [
            (request.held, Answer(responses[place].status_code, responses[place].content.decode(), request.about))
            for place, (request, _) in came_to.items()
            if request.held is not None
        ]
    )
    return responses


def let_go(requests: Iterable[Keyed]) -> None:
    """Give up the claims of what could not be processed. Where that fails, another takes them over in a minute."""
    held = [request.held for request in requests if request.held is not None]
    if held:
        with suppress(DatabaseError), database_timeout.within(settings.DB_TIMEOUT):
            claims.let_go(held)
