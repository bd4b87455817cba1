"""What a rule would have found of the past that is kept: it is played through anew, in memory."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from anticheat.batches import Kept, in_order
from anticheat.evaluating import Evaluation
from anticheat.judging import rule_of
from anticheat.models import Rule
from anticheat.profiling import COLUMNS
from gamification.kernel.messaging.followers import EVENTS
from gamification.kernel.storage import shares

CHUNK = 5_000
PATIENCE = 20.0
"""Seconds, after which what was played until then has to do."""
NAMED = 10


class Tried(NamedTuple):
    players: int
    found: int
    named: list[str]
    is_whole: bool
    """Whether there was time for all of it."""


def preview(rule: Rule, days: int, now: datetime) -> Tried:
    """How many players this rule would find of those whose events arrived within so many days, ten of them by id."""
    tried = rule_of(rule.kind, rule.name, rule.parameters or {})
    until = time.monotonic() + PATIENCE
    players, found, is_whole = 0, [], True
    for share in shares.every():
        with shares.within(share):
            evaluation = Evaluation((tried,))
            is_whole &= _play(evaluation, now - timedelta(days=days), until)
        evaluation.finish()
        players += len(evaluation.players)
        found += [player_id for player_id, played in evaluation.players.items() if played.found]
    return Tried(players, len(found), sorted(found)[:NAMED], is_whole)


def _play(evaluation: Evaluation, since: datetime, until: float) -> bool:
    """Returns whether there was time for all."""
    last = 0
    while time.monotonic() < until:
        rows = EVENTS.rows.filter(pk__gt=last, received_at__gte=since).values_list("pk", *COLUMNS)[:CHUNK]
        chunk = [Kept(*row) for row in rows]
        for row in in_order(chunk):
            evaluation.play(row.player_id, row.event_id, row.type, _data(row.data), row.at, row.received, 0)
        if len(chunk) < CHUNK:
            return True
        last = chunk[-1].pk
    return False


_data: Any = msgspec.json.Decoder(dict[str, Any]).decode
