"""What is answered to whoever posts events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from django.http import HttpResponse

from gamification.intake.decoding import Decoded, Rejected
from gamification.kernel.core.encoding import encoded, instant
from gamification.kernel.core.messages import Fact, Outcome, PlayerId
from gamification.kernel.web import problem_response


class Response(Protocol):
    """What whoever sends an answer asks of it: Django's response, or a Reply."""

    @property
    def status_code(self) -> int: ...

    @property
    def content(self) -> bytes: ...

    def items(self) -> Iterable[tuple[str, str]]:
        """The headers."""


class Reply(NamedTuple):
    """An answer in JSON. Django's own response takes longer to make than what it says here takes to work out."""

    status_code: int
    content: bytes
    more: tuple[tuple[str, str], ...] = ()

    def items(self) -> Iterable[tuple[str, str]]:
        return (("Content-Type", "application/json"), *self.more)

    def response(self) -> HttpResponse:
        """The same for Django, whose middleware adds to it."""
        return HttpResponse(self.content, status=self.status_code, headers=dict(self.items()))


def prefers_to_wait(prefer: str) -> bool:
    """Whether a `Prefer` header says `wait`, alone or among others (RFC 7240); `wait=10` asks for no more than that."""
    return any(re.split("[=;]", preference)[0].strip().lower() == "wait" for preference in prefer.split(","))


def refused(decoded: Decoded) -> HttpResponse | None:
    """The answer to a single event that is wrong by itself."""
    return _refusal(decoded.rejected[0]) if decoded.single and decoded.rejected else None


def handed_over(decoded: Decoded, counts: Mapping[str, int]) -> Reply:
    """The answer where the workers settle the events."""
    return Reply(202, encoded({**counts, "rejected": [_shown(bad) for bad in decoded.rejected]}))


def processed(decoded: Decoded, outcome: Outcome, *, waited: bool) -> HttpResponse | Reply:
    """The answer where the events were processed in place."""
    rejected = _rejected(decoded, outcome)
    more = (("Preference-Applied", "wait"),) if waited else ()
    if decoded.single and rejected:
        response = _refusal(rejected[0])
        for name, said in more:
            response[name] = said
        return response
    answer = {
        "accepted": outcome.accepted,
        "duplicates": outcome.duplicates,
        "rejected": [_shown(bad) for bad in rejected],
        "results": _results(decoded, outcome),
    }
    return Reply(200, encoded(answer), more)


def _rejected(decoded: Decoded, outcome: Outcome) -> list[Rejected]:
    """What decoding refused and what the inbox refused, in the order of the request."""
    rejected = list(decoded.rejected)
    if outcome.refused:
        place = {id(event): index for index, event in decoded.good}
        rejected += [Rejected(place[id(event)], code, detail) for event, code, detail in outcome.refused]
        rejected.sort(key=lambda bad: bad.index)
    return rejected


def _refusal(bad: Rejected) -> HttpResponse:
    errors = [{"path": bad.path, "code": bad.code, "detail": bad.detail}] if bad.path else []
    return problem_response(400, bad.code, bad.detail, errors=errors)


def _shown(bad: Rejected) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": bad.index, "code": bad.code, "detail": bad.detail}
    return shown | {"path": bad.path} if bad.path else shown


def _results(decoded: Decoded, outcome: Outcome) -> dict[str, Any]:
    """What came of it, for every player named by an event that was accepted or known already."""
    refused = {id(event) for event, _, _ in outcome.refused}
    results: dict[str, Any] = {
        event.player_id: {"facts": [], **_counted(outcome, event.player_id)}
        for _, event in decoded.good
        if id(event) not in refused
    }
    for player_id, fact in _facts(outcome.facts):
        if player_id in results:
            results[player_id]["facts"].append(fact)
    return results


def result(outcome: Outcome, player_id: PlayerId) -> dict[str, Any]:
    """What came of it for one player."""
    facts = [fact for whose, fact in _facts(outcome.facts) if whose == player_id]
    return {"facts": facts, **_counted(outcome, player_id)}


def _counted(outcome: Outcome, player_id: PlayerId) -> dict[str, Any]:
    return {"metrics": outcome.metrics.get(player_id, {}), "held": outcome.held.get(player_id, [])}


def _facts(facts: Iterable[Fact]) -> Iterable[tuple[str, dict[str, Any]]]:
    for fact in facts:
        yield fact.player_id, shown_fact(fact)


def shown_fact(fact: Fact) -> dict[str, Any]:
    return {"id": fact.id, "type": fact.type, "data": fact.data, "timestamp": instant(fact.timestamp)}
