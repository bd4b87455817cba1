"""What a rule would have found of the past that is kept: it is played through anew, in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from django.core.cache import cache
from django.db.models import Max, Min

from anticheat.batches import Kept, in_order
from anticheat.evaluating import Evaluation
from anticheat.judging import rule_of
from anticheat.models import Rule
from anticheat.profiling import COLUMNS, DAY, LeastSeconds
from anticheat.proving import LONG, Proof
from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.messaging.followers import EVENTS
from gamification.kernel.storage import shares

CHUNK = 5_000
PATIENCE = 20.0
"""Seconds, after which what was played until then has to do."""
NAMED = 10
NOT_IN_THE_PAST = {
    "REUSE": "what uses an id again is refused, and is no kept event",
    "TWINS": "it looks only beside what other rules find",
}
"""Kinds that have nothing to be tried on, and why."""
REMEMBERED = 86_400
"""Seconds for which what was tried counts as proof."""


class Tried(NamedTuple):
    players: int
    found: int
    named: list[str]
    is_whole: bool
    """Whether there was time for all of it."""
    proof: Proof
    """How many players it has judged, over how many days of arrival."""


def preview(rules: Sequence[Rule], days: int, now: datetime) -> list[Tried]:
    """How many players each of these rules would find of those whose events arrived within so many days, ten of them by
    id. All rules look at the events together, so that many take no longer than one."""
    tried = tuple(
        rule_of(rule.kind, f"#{place}", rule.parameters or {}, slot=place) for place, rule in enumerate(rules)
    )
    until = time.monotonic() + PATIENCE
    least = publishing.current()[LeastSeconds]
    players, is_whole = 0, True
    judged, found = [0] * len(tried), [list[PlayerId]() for _ in tried]
    played_on: list[int] = []
    for share in shares.every():
        evaluation = Evaluation(tried, least)
        with shares.within(share):
            is_whole &= _play(evaluation, now - timedelta(days=days), until, played_on)
        evaluation.finish()
        players += len(evaluation.players)
        for player_id, played in evaluation.players.items():
            by = {name for name, _ in played.found}
            for place, rule in enumerate(tried):
                judged[place] += played.judged >> place & 1
                if rule.name in by:
                    found[place].append(player_id)
    span = max(played_on) - min(played_on) + 1 if played_on else 0
    answers = []
    for place, rule in enumerate(tried):
        proof = Proof(judged[place], span if is_whole else min(span, LONG - 1))  # not all there are, so not for LONG
        with suppress(Exception):  # a cache that is away has it tried once more
            cache.set(_key(rule.kind, rule.parameters), tuple(proof), timeout=REMEMBERED)
        answers.append(Tried(players, len(found[place]), sorted(found[place])[:NAMED], is_whole, proof))
    return answers


def proven_by(kind: str, parameters: Mapping[str, float]) -> Proof:
    """What a rule of this kind with these parameters has judged of the past, where it was tried lately."""
    try:
        return Proof(*cache.get(_key(kind, parameters), ()))
    except Exception:  # likewise
        return Proof()


def _key(kind: str, parameters: Mapping[str, float]) -> str:
    whole = sorted((name, float(value)) for name, value in rule_of(kind, "", parameters).parameters.items())
    return f"anticheat.tried.{kind}.{blake2b(repr(whole).encode(), digest_size=16).hexdigest()}"


def _play(evaluation: Evaluation, since: datetime, until: float, played_on: list[int]) -> bool:
    """Returns whether there was time for all. Notes first and last day of arrival."""
    last = _before(since)
    while time.monotonic() < until:
        rows = EVENTS.rows.filter(pk__gt=last, received_at__gte=since).values_list("pk", *COLUMNS)[:CHUNK]
        chunk = [Kept(*row) for row in rows]
        for row in in_order(chunk):
            evaluation.play(row.player_id, row.event_id, row.type, _data(row.data), row.at, row.received, 0)
        if chunk:
            played_on += (chunk[0].received // DAY, chunk[-1].received // DAY)
        if len(chunk) < CHUNK:
            return True
        last = chunk[-1].pk
    return False


def _before(since: datetime) -> int:
    """A row before which all have arrived earlier, or all but a few that were committed late: nothing but the rows' ids
    is in the order of arrival and has an index."""
    ends = EVENTS.model._default_manager.aggregate(least=Min("pk"), most=Max("pk"))
    low, high = (ends["least"] or 1) - 1, ends["most"] or 0
    while low < high:
        middle = (low + high) // 2
        arrived = EVENTS.rows.filter(pk__gt=middle).values_list("received_at", flat=True).first()
        if arrived is not None and arrived < since:
            low = middle + 1
        else:
            high = middle
    return low


_data: Any = msgspec.json.Decoder(dict[str, Any]).decode
