"""Which samples count together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gamification.kernel.core.encoding import instant
from progress import periods
from progress.periods import Period, Zones

NEVER, ALWAYS = "NEVER", "ALWAYS"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which samples count together: those of a life, a period, a span of dates, or one run of a repeating goal."""

    repeat: str = NEVER
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    run_of: str = ""
    """ALWAYS: the goal whose runs these are; its tally begins anew with each."""
    label: str = field(init=False, compare=False)
    """Names the scope in units and keys; equal scopes have equal labels. A player's whole life: ""."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self._label())

    def contains(self, at: datetime) -> bool:
        return (self.starts_at is None or at >= self.starts_at) and (self.ends_at is None or at < self.ends_at)

    @property
    def is_bounded(self) -> bool:
        """Whether it has dates or periods, so that something else may happen outside of it."""
        return self.repeat in periods.KINDS or self.starts_at is not None or self.ends_at is not None

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
        return periods.period(self.repeat, zones, at) if self.repeat in periods.KINDS else None

    def key(self, opens: datetime | None) -> str:
        """The scope's tally key; `opens` is the period's opening instant, where there are periods."""
        return f"{self.label}#{instant(opens)}" if opens else self.label


LIFETIME = Scope()
