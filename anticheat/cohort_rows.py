"""How cohorts are kept: a row for each event type, currency and piece of content; only changed ones are written.

A process keeps what it has read and written as long as nobody else has written since: the number of the turn says so.
"""

from __future__ import annotations

from typing import Any

import msgspec

from anticheat.cohorts import Cohort, OfType, Sketch
from anticheat.models import CohortPart
from gamification.kernel.storage import sql

TURN = "turn"


class Judged(msgspec.Struct, array_like=True):
    """How many players a rule has judged, and on which days of arrival first and last."""

    players: int = 0
    first_day: int = 0
    last_day: int = 0


class KeptCohort:
    """A cohort with what rules have judged in it, and the number of turns in which it was written."""

    def __init__(self) -> None:
        self.cohort = Cohort()
        self.judged: dict[str, Judged] = {}
        self.turn = 0

    def note_judged(self, rule: str, day: int) -> None:
        judged = self.judged.setdefault(rule, Judged())
        judged.players += 1
        self._note_day(judged, day)
        self.cohort.changed.add(("rule", rule))

    def note_day(self, rule: str, day: int) -> None:
        judged = self.judged.get(rule)
        if judged is not None and not judged.first_day <= day <= judged.last_day:
            self._note_day(judged, day)
            self.cohort.changed.add(("rule", rule))

    def _note_day(self, judged: Judged, day: int) -> None:
        judged.first_day = min(judged.first_day or day, day)
        judged.last_day = max(judged.last_day, day)

    def write(self) -> None:
        """Write what has changed. One writes at a time: the follower's lock sees to it."""
        self.turn += 1
        rows: list[tuple[str, bytes]] = [(TURN, _encode(self.turn))]
        for kind, key in sorted(self.cohort.changed):
            part = self._part(kind, key)
            if part is not None:
                rows.append((f"{kind}:{key}", _encode(part)))
        sql.upsert(CohortPart, ("key", "state"), sorted(rows), conflict=("key",), set_=("state",))
        self.cohort.changed.clear()

    def _part(self, kind: str, key: str) -> Any:
        match kind:
            case "type":
                return self.cohort.types.get(int(key))
            case "income":
                return self.cohort.incomes.get(int(key))
            case "content":
                return self.cohort.seconds.get(key)
        return self.judged.get(key)


def turn() -> int:
    rows = sql.select_where(CohortPart, ("state",), {"key": TURN})
    return int(msgspec.msgpack.decode(rows[0][0])) if rows else 0


def read() -> KeptCohort:
    """The cohort of the share that is named."""
    kept = KeptCohort()
    for whole, state in CohortPart.objects.values_list("key", "state"):
        kind, _, key = whole.partition(":")
        match kind:
            case "type":
                kept.cohort.types[int(key)] = msgspec.msgpack.decode(state, type=OfType)
            case "income":
                kept.cohort.incomes[int(key)] = msgspec.msgpack.decode(state, type=Sketch)
            case "content":
                kept.cohort.seconds[key] = msgspec.msgpack.decode(state, type=Sketch)
            case "rule":
                kept.judged[key] = msgspec.msgpack.decode(state, type=Judged)
            case _:
                kept.turn = msgspec.msgpack.decode(state)
    for type_ in list(kept.cohort.types):
        kept.cohort.look(type_)
    return kept


_encode = msgspec.msgpack.Encoder().encode
