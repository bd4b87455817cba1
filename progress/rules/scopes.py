"""Which samples count together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import assert_never

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.vocabulary import Vocabulary
from progress import periods
from progress.periods import Period, PeriodKind, Zones

opening = lru_cache(maxsize=4096)(instant)
"""When a period opens, as text: event after event asks for the same few."""


class Repeat(Vocabulary):
    """How often something can be completed: once, once in each period, or again as soon as it was."""

    NEVER = "NEVER"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    ALWAYS = "ALWAYS"

    @property
    def period(self) -> PeriodKind | None:
        """In what kind of period once; None: that does not matter."""
        match self:
            case Repeat.DAILY:
                return PeriodKind.DAILY
            case Repeat.WEEKLY:
                return PeriodKind.WEEKLY
            case Repeat.MONTHLY:
                return PeriodKind.MONTHLY
            case Repeat.NEVER | Repeat.ALWAYS:
                return None
        assert_never(self)


NEVER, ALWAYS = Repeat.NEVER, Repeat.ALWAYS


@dataclass(frozen=True, slots=True)
class Scope:
    """Which samples count together: those of a life, a period, a span of dates, or one run of a repeating goal."""

    repeat: Repeat = NEVER
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    run_of: str = ""
    """ALWAYS: the goal whose runs these are; its tally begins anew with each."""
    period_kind: PeriodKind | None = field(init=False, compare=False)
    """What kind of periods it has; None: it has none."""
    label: str = field(init=False, compare=False)
    """Names the scope in units and keys; equal scopes have equal labels. A player's whole life: ""."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "period_kind", self.repeat.period)
        object.__setattr__(self, "label", self._label())

    def contains(self, at: datetime) -> bool:
        return (self.starts_at is None or at >= self.starts_at) and (self.ends_at is None or at < self.ends_at)

    @property
    def is_bounded(self) -> bool:
        """Whether it has dates or periods, so that something else may happen outside of it."""
        return self.period_kind is not None or self.starts_at is not None or self.ends_at is not None

    def _label(self) -> str:
        if self.repeat == NEVER and not self.starts_at and not self.ends_at:
            return ""
        dates = ""
        if self.starts_at or self.ends_at:
            dates = (
                f"{instant(self.starts_at) if self.starts_at else ''}/{instant(self.ends_at) if self.ends_at else ''}"
            )
        return f"{self.repeat[0]}{self.run_of}@{dates}"

    def period(self, zones: Zones, at: datetime) -> Period | None:
        return periods.period(self.period_kind, zones, at) if self.period_kind is not None else None

    def key(self, opens: datetime | None) -> str:
        """The scope's tally key; `opens` is the period's opening instant, where there are periods."""
        return f"{self.label}#{opening(opens)}" if opens else self.label


LIFETIME = Scope()
