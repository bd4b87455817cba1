"""What samples add up to: all aggregates of one metric for one player in one scope."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from gamification.kernel.core import sums
from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.sums import Rest
from progress.periods import Period
from progress.rules.vocabulary import TRAITS, WITH_A_METRIC, RequirementType

MAX_RUNS = 64
"""Runs of days that a STREAK remembers. Of more, the oldest are forgotten, but never the longest: a day that comes late
beside one that was forgotten then counts as if that had not been.
"""


@dataclass(slots=True, eq=False)
class Tally:
    """All aggregates of one metric for one player in one scope. MAX, MIN and LATEST over nothing are None."""

    count: int = 0
    sum: float = 0.0
    """The double nearest to the true sum of the samples, in whatever order they came."""
    max: float | None = None
    min: float | None = None
    latest: float | None = None
    latest_at: datetime | None = None
    latest_id: str = ""
    members: int = 0
    runs: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    """Adjoining days with a sample: (first opens, last closes, days), oldest first."""
    rest: Rest = ()
    """What the true sum is beyond `sum`."""
    dirty: bool = False

    def fold(self, value: float, at: datetime, event_id: str) -> None:
        self.dirty = True
        self.count += 1
        self.sum, self.rest = sums.add(self.sum, self.rest, value)
        if self.max is None or value > self.max:
            self.max = value
        if self.min is None or value < self.min:
            self.min = value
        if self.latest_at is None or (at, event_id) >= (self.latest_at, self.latest_id):
            self.latest, self.latest_at, self.latest_id = value, at, event_id

    def add_day(self, day: Period) -> None:
        """Note a sample on that day; joins runs that it makes adjoining."""
        runs = self.runs
        place = len(runs)
        while place and runs[place - 1][0] > day.opens:
            place -= 1
        if place and runs[place - 1][1] > day.opens:
            return
        opens, closes, days = day.opens, day.closes, 1
        if place and runs[place - 1][1] == opens:
            place -= 1
            opens, days = runs[place][0], runs[place][2] + days
            del runs[place]
        if place < len(runs) and runs[place][0] == closes:
            closes, days = runs[place][1], runs[place][2] + days
            del runs[place]
        runs.insert(place, (opens, closes, days))
        if len(runs) > MAX_RUNS:
            del runs[1 if runs[0][2] == self.streak else 0]
        self.dirty = True

    @property
    def streak(self) -> int:
        """The longest run so far, in days."""
        return max((run[2] for run in self.runs), default=0)

    def current_run(self, today: Period) -> int:
        """How many days the run has that is still alive: its last day is `today` (the player's), or the one before."""
        return self.runs[-1][2] if self.runs and self.runs[-1][1] >= today.opens else 0

    def value(self, aggregate: RequirementType) -> float | None:
        return _READ[aggregate](self)


_READ: dict[RequirementType, Callable[[Tally], float | None]] = {
    type_: attrgetter(TRAITS[type_].attribute) for type_ in WITH_A_METRIC
}


def dump_runs(runs: Sequence[tuple[datetime, datetime, int]]) -> str:
    return json.dumps([[instant(a), instant(b), n] for a, b, n in runs]) if runs else ""


def load_runs(text: str) -> list[tuple[datetime, datetime, int]]:
    return [(parse_instant(a), parse_instant(b), n) for a, b, n in json.loads(text)] if text else []
