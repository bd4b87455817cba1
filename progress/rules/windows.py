"""The best of all sliding windows over some samples."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, Protocol

from gamification.kernel.core import sums
from progress.rules.requirements import Requirement
from progress.rules.vocabulary import RequirementType


class InWindow(Protocol):
    """What a window adds up."""

    @property
    def at(self) -> datetime: ...

    @property
    def value(self) -> float: ...

    @property
    def member(self) -> str | None: ...


class WindowEntry(NamedTuple):
    """A sample that is kept for windows."""

    at: datetime
    event_id: str
    value: float
    member: str | None
    arrival: int
    """Its number in the order of arrival."""


WINDOW_MEMORY = timedelta(days=35)
"""A sample that is older than the player's newest of its metric by more than this counts in all but windows."""

FEW = 4
"""So many windows are cheaper to add up one by one."""

_at = attrgetter("at")


def best_window(
    samples: Sequence[InWindow], requirement: Requirement, holding: datetime | None = None
) -> tuple[float | None, datetime | None]:
    """The greatest value of any window `(t - duration, t]` ending at a sample (None: there is none), and the first `t`
    at which the requirement is met (None: at none); of all windows, or of those that hold one instant. `samples` are in
    (timestamp, id) order. Exact at any size.
    """
    assert requirement.window is not None
    start, first, end = 0, 0, len(samples)
    if holding is not None:
        start = bisect_left(samples, holding, key=_at)
        first = bisect_right(samples, holding - requirement.window, key=_at)
        end = bisect_left(samples, holding + requirement.window, key=_at)
    running = _RUNNING[requirement.type]() if end - start > FEW else None
    taken = first
    best: float | None = None
    for last in range(start, end):
        at = samples[last].at
        if last + 1 < end and samples[last + 1].at == at:
            continue  # a window that ends at this instant holds them all
        while samples[first].at <= at - requirement.window:
            if running is not None and first < taken:
                running.take(samples[first])
            first += 1
        if running is not None:
            taken = max(taken, first)
            for sample in samples[taken : last + 1]:
                running.add(sample)
            taken = last + 1
            value = running.value
        else:
            value = _ADDED_UP[requirement.type](samples[first : last + 1])
        best = value if best is None else max(best, value)
        if requirement.compare(value):
            return best, at
    return best, None


_ADDED_UP: dict[RequirementType, Callable[[Sequence[InWindow]], float]] = {
    RequirementType.COUNT: len,
    RequirementType.SUM: lambda samples: math.fsum(sample.value for sample in samples),
    RequirementType.MAX: lambda samples: max(sample.value for sample in samples),
    RequirementType.DISTINCT: lambda samples: len({sample.member for sample in samples if sample.member}),
}


class _Running(Protocol):
    """An aggregate of a window that slides: what comes in goes out again, in the same order."""

    @property
    def value(self) -> float: ...

    def add(self, sample: InWindow) -> None: ...

    def take(self, sample: InWindow) -> None: ...


class _Count:
    def __init__(self) -> None:
        self.value = 0.0

    def add(self, sample: InWindow) -> None:
        self.value += 1

    def take(self, sample: InWindow) -> None:
        self.value -= 1


class _Sum:
    def __init__(self) -> None:
        self.value, self._rest = 0.0, sums.load("")

    def add(self, sample: InWindow) -> None:
        self.value, self._rest = sums.add(self.value, self._rest, sample.value)

    def take(self, sample: InWindow) -> None:
        self.value, self._rest = sums.add(self.value, self._rest, -sample.value)


class _Max:
    def __init__(self) -> None:
        self._falling: deque[float] = deque()
        """Those that are the greatest once all before them have gone."""

    @property
    def value(self) -> float:
        return self._falling[0]

    def add(self, sample: InWindow) -> None:
        while self._falling and self._falling[-1] < sample.value:
            self._falling.pop()
        self._falling.append(sample.value)

    def take(self, sample: InWindow) -> None:
        if self._falling[0] == sample.value:
            self._falling.popleft()


class _Distinct:
    def __init__(self) -> None:
        self._members: Counter[str] = Counter()

    @property
    def value(self) -> float:
        return len(self._members)

    def add(self, sample: InWindow) -> None:
        if sample.member:
            self._members[sample.member] += 1

    def take(self, sample: InWindow) -> None:
        if sample.member:
            self._members[sample.member] -= 1
            if not self._members[sample.member]:
                del self._members[sample.member]


_RUNNING: dict[RequirementType, Callable[[], _Running]] = {
    RequirementType.COUNT: _Count,
    RequirementType.SUM: _Sum,
    RequirementType.MAX: _Max,
    RequirementType.DISTINCT: _Distinct,
}
