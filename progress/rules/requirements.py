"""When a requirement is met, and how far one has come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gamification.kernel.core.encoding import canonical
from progress.rules.samples import Metric

DERIVED, STICKY, MOMENTARY, WINDOW, TARGET = "DERIVED", "STICKY", "MOMENTARY", "WINDOW", "TARGET"
ZERO_OVER_NOTHING = frozenset({"COUNT", "SUM", "DISTINCT", "STREAK"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One aggregate of a metric, in a time frame, against a threshold; or another achievement or quest, or a level.

    `nature` says how one knows that it is met: DERIVED: from the tally alone, since what was reached cannot be lost.
    STICKY: it must be remembered. MOMENTARY (lt, lte): read when all else is met. WINDOW: remembered, with the best
    window so far. TARGET: the player's completed achievements and quests, and the level now.
    """

    type: str
    metric: str
    target: str
    operator: str
    threshold: float
    window: timedelta | None
    digest: str
    nature: str

    def compare(self, value: float | None) -> bool:
        if value is None:
            return False
        if self.operator == "gte":
            return value >= self.threshold
        if self.operator == "gt":
            return value > self.threshold
        if self.operator == "lte":
            return value <= self.threshold
        if self.operator == "lt":
            return value < self.threshold
        return value == self.threshold

    def is_met(self, value: float | None, remembered: Any = None) -> bool:
        """Whether it is met, by its aggregate's value now and what is remembered of it (True: it was reached).

        For all but targets. What 0 meets was reached before the first sample.
        """
        if self.nature in (STICKY, WINDOW):
            return remembered is True or (self.nature == STICKY and self.type in ZERO_OVER_NOTHING and self.compare(0))
        if self.operator == "eq":  # DERIVED: it rises one by one, so whoever is past it was there
            return value is not None and value >= self.threshold
        return self.compare(value)

    def fraction(self, value: float | None, met: bool) -> float:
        """How far it has come, 0 to 1."""
        if met:
            return 1.0
        if self.nature in (MOMENTARY, TARGET) or value is None or self.threshold <= 0:
            return 0.0
        return min(max(value / self.threshold, 0.0), 1.0)


_UNITS = {"minutes": 60, "hours": 3600, "days": 86400}


def compile_requirement(definition: Mapping[str, Any], metrics: Mapping[str, Metric]) -> Requirement:
    type_ = definition["type"]
    frame = definition.get("timeframe")
    operator = definition.get("operator") or "gte"
    metric = definition.get("metric") or ""
    digest = hashlib.blake2b(
        canonical({k: v for k, v in definition.items() if v is not None}), digest_size=8
    ).hexdigest()
    window = timedelta(seconds=frame["duration"] * _UNITS[frame["unit"]]) if frame else None
    return Requirement(
        type=type_,
        metric=metric,
        target=definition.get("target") or "",
        operator=operator,
        threshold=float(definition.get("threshold") or 0),
        window=window,
        digest=digest,
        nature=_nature(type_, operator, window),
    )


def _nature(type_: str, operator: str, window: timedelta | None) -> str:
    if type_ in ("ACHIEVEMENT", "QUEST", "LEVEL"):
        return TARGET
    if window is not None:
        return WINDOW
    if operator in ("lt", "lte"):
        return MOMENTARY
    grows_by_one = type_ in ("COUNT", "DISTINCT")  # not SUM: a report may bear any number
    never_falls = type_ in ("MAX", "STREAK") and operator != "eq"
    return DERIVED if grows_by_one or never_falls else STICKY
