"""When a requirement is met, and how far one has come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never

from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.vocabulary import Vocabulary
from progress.rules.samples import Metric
from progress.rules.vocabulary import COMPARE, TRAITS, ZERO_OVER_NOTHING, Operator, RequirementType, TimeUnit


class Nature(Vocabulary):
    """How one knows that a requirement is met."""

    DERIVED = "DERIVED"
    """From the tally alone, since what was reached cannot be lost."""
    STICKY = "STICKY"
    """It must be remembered."""
    MOMENTARY = "MOMENTARY"
    """It is read when all else is met: `lt` and `lte`."""
    WINDOW = "WINDOW"
    """It is remembered, with the best window so far."""
    TARGET = "TARGET"
    """From the player's completed achievements and quests, and the level now."""


DERIVED, STICKY, MOMENTARY = Nature.DERIVED, Nature.STICKY, Nature.MOMENTARY
WINDOW, TARGET = Nature.WINDOW, Nature.TARGET


@dataclass(frozen=True, slots=True)
class Requirement:
    """One aggregate of a metric, in a time frame, against a threshold; or another achievement or quest, or a level."""

    type: RequirementType
    metric: str
    target: str
    operator: Operator
    threshold: float
    window: timedelta | None
    digest: str
    nature: Nature

    def compare(self, value: float | None) -> bool:
        return value is not None and COMPARE[self.operator](value, self.threshold)

    def is_met(self, value: float | None, remembered: Any = None) -> bool:
        """Whether it is met, by its aggregate's value now and what is remembered of it (True: it was reached).

        For all but targets. What 0 meets was reached before the first sample.
        """
        match self.nature:
            case Nature.STICKY:
                return remembered is True or (self.type in ZERO_OVER_NOTHING and self.compare(0))
            case Nature.WINDOW:
                return remembered is True
            case Nature.DERIVED if self.operator == Operator.EQ:  # it rises one by one: whoever is past it was there
                return value is not None and value >= self.threshold
            case Nature.DERIVED | Nature.MOMENTARY:
                return self.compare(value)
            case Nature.TARGET:
                raise ValueError("whoever knows what the player has says whether a target is met")
        assert_never(self.nature)

    def fraction(self, value: float | None, met: bool) -> float:
        """How far it has come, 0 to 1."""
        if met:
            return 1.0
        if self.nature in (MOMENTARY, TARGET) or value is None or self.threshold <= 0:
            return 0.0
        return min(max(value / self.threshold, 0.0), 1.0)


def compile_requirement(definition: Mapping[str, Any], metrics: Mapping[str, Metric]) -> Requirement:
    type_ = RequirementType(definition["type"])
    frame = definition.get("timeframe")
    operator = Operator(definition.get("operator") or "gte")
    metric = definition.get("metric") or ""
    digest = hashlib.blake2b(
        canonical({k: v for k, v in definition.items() if v is not None}), digest_size=8
    ).hexdigest()
    window = timedelta(seconds=frame["duration"] * TimeUnit(frame["unit"]).seconds) if frame else None
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


def _nature(type_: RequirementType, operator: Operator, window: timedelta | None) -> Nature:
    traits = TRAITS[type_]
    if not traits.attribute:
        return TARGET
    if window is not None:
        return WINDOW
    if operator.is_downward:
        return MOMENTARY
    cannot_be_lost = traits.grows_by_one or (traits.never_falls and operator.is_upward)
    return DERIVED if cannot_be_lost else STICKY
