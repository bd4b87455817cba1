"""`Idempotency-Key`: a POST that is sent again gets its first answer again, and takes effect once.

The key is claimed first, in a short transaction of its own that a unique constraint decides; then the work and its
answer are committed together. So whoever crashes leaves nothing behind but a claim, which another takes over after a
minute; and a holder that was merely slow finds its claim gone when it wants to commit, and takes its work back.

Refusals and failures are not kept: a state that refused today may grant tomorrow.

With an answer it is kept whom it is about, so that erasing a player deletes the answers to and about them and no other.
The answer to a batch goes whole: whoever repeats that one changes nothing, since its events have their own identities.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, overload

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import Invalid, PlayerId, Refused
from gamification.kernel.models import AnsweredPlayer, IdempotencyKey
from gamification.kernel.storage import sql
from gamification.kernel.storage.pseudonyms import pseudonym
from gamification.kernel.web.access import PlayerToken, concerned, principal
from gamification.kernel.web.parsing import BadJson, strict_json
from gamification.kernel.web.rendering import Renderer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
TAKEOVER_AFTER = timedelta(seconds=60)
"""How old a claim without an answer is when another request may take it over: its holder counts as gone."""
ABANDONED_AFTER = timedelta(minutes=10)
"""How old a claim without an answer is when it is deleted. Its key may name a player, and erasing would not find it."""

_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
First = Callable[[Any, Request], HttpResponseBase | None]


class KeyReused(Refused):
    code = "idempotency_key_reused"
    status = 422


class InProgress(Refused):
    code = "idempotency_in_progress"
    status = 409
    retry_after = 1


class KeyRequired(Invalid):
    code = "idempotency_key_required"


@overload
def idempotent(view: View) -> View: ...
@overload
def idempotent(*, required: bool = False, first: First | None = None) -> Callable[[View], View]: ...
def idempotent(
    view: View | None = None, *, required: bool = False, first: First | None = None
) -> View | Callable[[View], View]:
    """Decorates a view's `post`. The view runs in a transaction that commits with its answer: what it leaves to
    `transaction.on_commit` happens when that has succeeded. `required`: refused without a key. `first` may answer in
    the view's stead, before that transaction begins: what waits for another server would keep it open."""
    if view is None:
        return lambda method: _decorated(method, required, first)
    return _decorated(view, required, first)


def _decorated(method: View, required: bool, first: First | None) -> View:
    @wraps(method)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = idempotency_key(request)
        if key is None:
            if required:
                detail = f"This needs an {HEADER} header: without one it could take effect twice."
                raise KeyRequired(detail, [{"path": HEADER, "code": "required", "detail": detail}])
            response = first(self, request) if first is not None else None
            return method(self, request, *args, **kwargs) if response is None else response
        caller = principal(request)
        claim = _claim(caller.caller, key, _fingerprint(request), timezone.now())
        if claim.status is not None:
            return _replay(claim)
        try:
            response = first(self, request) if first is not None else None
            with transaction.atomic():
                if response is None:
                    response = method(self, request, *args, **kwargs)
                if 200 <= response.status_code < 300:
                    about = concerned(request)
                    if isinstance(caller, PlayerToken):
                        about.add(caller.player_id)
                    _keep(claim, response, about)
                else:
                    _let_go(claim)
        except BaseException:
            _let_go(claim)
            raise
        return response

    wrapper.needs_key = required  # type: ignore[attr-defined] # read by the schema
    return wrapper  # type: ignore[return-value]


def idempotency_key(request: Request) -> str | None:
    """The key that came with a request; refused when it is not 1 to 255 visible ASCII characters."""
    key = request.headers.get(HEADER)
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        detail = f"An {HEADER} is 1 to 255 visible ASCII characters."
        raise Invalid(detail, [{"path": HEADER, "code": "invalid", "detail": detail}])
    return key


def expired(now: datetime) -> QuerySet[IdempotencyKey]:
    """Answers that are no longer given, and claims whose holder died long ago."""
    dead = Q(status=None, created_at__lt=now - ABANDONED_AFTER)
    return IdempotencyKey.objects.filter(Q(created_at__lt=now - KEPT_FOR) | dead)


def forget_player(player_id: PlayerId) -> None:
    """Delete the answers to a player and those about them."""
    IdempotencyKey.objects.filter(players__pseudonym=pseudonym(player_id)).delete()


def _fingerprint(request: Request) -> str:
    body: bytes = request._request.body
    with suppress(BadJson):
        body = canonical(strict_json(body))  # the same JSON, however it is spaced and ordered
    text = f"{request.method}\0{request.get_full_path()}\0".encode() + body
    return hashlib.sha256(text).hexdigest()


def _claim(caller: str, key: str, fingerprint: str, now: datetime) -> IdempotencyKey:
    """Our claim, a row without a status; or the row that holds the first answer."""
    while True:
        try:
            with transaction.atomic():
                return IdempotencyKey.objects.create(caller=caller, key=key, fingerprint=fingerprint, created_at=now)
        except IntegrityError:
            found = IdempotencyKey.objects.filter(caller=caller, key=key).first()
        if found is None:  # let go a moment ago
            continue
        age = now - found.created_at
        if age >= KEPT_FOR or (found.status is None and age >= TAKEOVER_AFTER):
            # Only one can see this row as it is and change it; `created_at` says whose it is from then on.
            taken = IdempotencyKey.objects.filter(pk=found.pk, created_at=found.created_at).update(
                fingerprint=fingerprint, status=None, body="", created_at=now
            )
            if taken:
                found.players.all().delete()
                found.refresh_from_db()
                return found
        elif found.fingerprint != fingerprint:
            raise KeyReused(f"This {HEADER} came with another request before.")
        elif found.status is None:
            raise InProgress(f"The first request with this {HEADER} is still running.")
        else:
            return found


def _keep(claim: IdempotencyKey, response: HttpResponseBase, about: Collection[PlayerId]) -> None:
    if isinstance(response, Response):
        text = "" if response.data is None else Renderer().render(response.data).decode()
    else:
        text = getattr(response, "content", b"").decode()
    kept = IdempotencyKey.objects.filter(pk=claim.pk, created_at=claim.created_at, status=None).update(
        status=response.status_code, body=text
    )
    if not kept:
        raise InProgress(f"This took so long that another request with this {HEADER} took over.")
    sql.insert(AnsweredPlayer, ("answer_id", "pseudonym"), [(claim.pk, each) for each in sorted(map(pseudonym, about))])


def _let_go(claim: IdempotencyKey) -> None:
    IdempotencyKey.objects.filter(pk=claim.pk, created_at=claim.created_at, status=None).delete()


def _replay(claim: IdempotencyKey) -> HttpResponse:
    return HttpResponse(
        claim.body,
        status=claim.status,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )
