"""Findings about how a player plays: at most one a player, rule and day of arrival, and what follows from new ones.

Whoever finds something hands it to `record` within its own transaction. What is new is kept and handed on to whoever
the project has connected, in that same transaction: a standing that changes because of a finding changes with it, or
neither does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple

from anticheat.models import StatisticalFinding
from anticheat.verdicts import FLAG as FLAG
from anticheat.verdicts import SHADOW as SHADOW
from anticheat.verdicts import WITHHOLD as WITHHOLD
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql

PROFILER = "profiler"
"""The source of what statistical rules find."""


class Found(NamedTuple):
    """The columns of a finding, in this order."""

    player_id: PlayerId
    rule: str
    day: date
    kind: str
    family: str
    action: str
    value: float | None
    limit: float | None
    n: int | None
    since: datetime | None
    until: datetime | None
    log10_tail: float | None
    source: str
    evidence: dict[str, Any]
    found_at: datetime


React = Callable[[Sequence[StatisticalFinding]], object]


def _nothing(found: Sequence[StatisticalFinding]) -> None:
    """Nobody is connected."""


_react: React = _nothing


def connect(react: React) -> None:
    """Hand new findings, of one share and in the order of player, rule and day, to `react`, in their transaction."""
    global _react
    _react = react


def record(found: Sequence[Found], *, react: React | None = None) -> list[StatisticalFinding]:
    """Keep what is found; gives back, and hands on, what is new: to `react`, where a command sees to it itself.

    Within a transaction, and a share, of the caller.
    """
    first: dict[tuple[PlayerId, str, date], Found] = {}
    for each in sorted(found, key=itemgetter(0, 1, 2)):
        first.setdefault((each.player_id, each.rule, each.day), each)
    columns = ("id", *Found._fields)
    rows = sql.insert(StatisticalFinding, Found._fields, list(first.values()), ignore_conflicts=True, returning=columns)
    new = [StatisticalFinding(**dict(zip(columns, row, strict=True))) for row in sorted(rows, key=itemgetter(1, 2, 3))]
    if new:
        (react or _react)(new)
    return new


def forget(player_ids: Collection[PlayerId]) -> None:
    """Take back what was found of players who were erased meanwhile."""
    StatisticalFinding.objects.filter(player_id__in=list(player_ids)).delete()
