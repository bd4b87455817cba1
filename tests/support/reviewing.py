"""Findings about how somebody plays, as whoever finds them hands them on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from anticheat import findings
from anticheat.findings import Found
from anticheat.models import StatisticalFinding
from gamification.kernel.storage import shares
from tests.support.rewarding import NOON

FAMILIES = {"PACE": "rhythm", "GRID": "rhythm", "MARATHON": "endurance", "RATE": "volume", "REUSE": "identity"}


def finding(
    kind: str = "PACE",
    player_id: str = "ann",
    *,
    ago: int = 0,
    action: str = "WITHHOLD",
    tail: float | None = -9.5,
    now: datetime = NOON,
    **fields: Any,
) -> Found:
    """What a rule called as its kind finds of a player, `ago` days before `now`."""
    at = now - timedelta(days=ago)
    found: dict[str, Any] = {
        "player_id": player_id, "rule": kind.lower(), "day": at.date(), "kind": kind, "family": FAMILIES[kind],
        "action": action, "value": 0.1, "limit": 0.25, "n": 300, "since": at - timedelta(hours=2), "until": at,
        "log10_tail": tail, "source": "profiler", "evidence": {"windows": [0.1, 0.12]}, "found_at": at,
    }  # fmt: skip
    return Found(**{**found, **fields})


def find(*found: Found) -> list[StatisticalFinding]:
    """Hand findings on, one after the other, as the days go by."""
    new: list[StatisticalFinding] = []
    for each in sorted(found, key=lambda each: each.found_at):
        with shares.of(each.player_id):
            new += findings.record([each])
    return new
