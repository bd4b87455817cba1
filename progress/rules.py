"""What events are worth and when requirements are met: plain decisions, no database, no clock.

An event is worth a sample to each metric whose conditions hold. Samples are folded into *tallies*, one a scope (a
player's whole life, a period, a span of dates, one run of a repeating achievement). A *requirement* reads one aggregate
of a tally against a threshold; a *goal* is some requirements, how many of them it takes, and the scope they count in.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from gamification.kernel.core import sums
from gamification.kernel.core.encoding import canonical, instant, parse_instant
from gamification.kernel.core.messages import GameEvent, Json, Sample
from gamification.kernel.core.sums import Rest
from progress import periods
from progress.periods import Period, Zones

MAX_EXACT = 2**53
NEVER, ALWAYS = "NEVER", "ALWAYS"
WINDOW_MEMORY = timedelta(days=35)
"""A sample that is older than the player's newest of its metric by more than this counts in all but windows."""

MOST_RUNS = 64
"""Runs of days that a STREAK remembers. Of more, the oldest are forgotten, but never the longest: a day that comes late
beside one that was forgotten then counts as if that had not been.
"""

_MISSING = object()


# -- samples -----------------------------------------------------------------------------------------------------------


class NoValue(Exception):
    """The conditions hold, but there is no number to count."""


def look_up(data: Json, path: Sequence[str]) -> Any:
    """The value at a dotted path, or `_MISSING`."""
    for key in path:
        if type(data) is not dict or key not in data:
            return _MISSING
        data = data[key]
    return data


def is_absent(found: Any) -> bool:
    """Whether `look_up` found nothing there."""
    return found is _MISSING


def is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def is_countable(value: Any) -> bool:
    """Whether it may be a sample's value: a number within ±2^53. Beyond, all doubles are integers, and how somebody
    spelled one (1e16, 10000000000000000) must not matter.
    """
    return is_number(value) and abs(value) <= MAX_EXACT


def same(one: Json, other: Json) -> bool:
    """Equal as JSON values of one kind: 1 is 1.0, but neither "1" nor true."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _of_one_kind(one: Json, other: Json) -> bool:
    return (is_number(one) and is_number(other)) or type(one) is type(other)


def _differs(value: Json, other: Json) -> bool:
    return _of_one_kind(value, other) and not same(value, other)


def _among(value: Json, options: Json) -> bool:
    return isinstance(options, list) and any(same(value, option) for option in options)


def _beside(value: Json, options: Json) -> bool:
    """In none of the options, of which there is at least one of its kind (or there are none at all)."""
    if not isinstance(options, list) or _among(value, options):
        return False
    return not options or any(_of_one_kind(value, option) for option in options)


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, bound: is_number(value) and is_number(bound) and compare(value, bound)


_OPS: dict[str, Callable[[Json, Json], bool]] = {
    "eq": same,
    "ne": _differs,
    "in": _among,
    "not_in": _beside,
    "gt": _numbers(lambda a, b: a > b),
    "gte": _numbers(lambda a, b: a >= b),
    "lt": _numbers(lambda a, b: a < b),
    "lte": _numbers(lambda a, b: a <= b),
}


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    path: tuple[str, ...]
    op: str
    value: Json

    def holds(self, data: dict[str, Json]) -> bool:
        """Never raises; an absent field meets only `exists: false`, one of another kind than asked for nothing."""
        found = look_up(data, self.path)
        if self.op == "exists":
            return (found is not _MISSING) is bool(self.value)
        return found is not _MISSING and _OPS[self.op](found, self.value)


@dataclass(frozen=True, slots=True)
class Metric:
    id: str
    event_type: str
    value_path: tuple[str, ...]
    member_path: tuple[str, ...]
    conditions: tuple[Condition, ...]
    reported_by: str

    def sample(self, data: dict[str, Json]) -> Sample | None:
        """What an event of the metric's type is worth; None where a condition does not hold.

        Raises NoValue where they hold but the value is absent, not a number, or beyond ±2^53.
        """
        for condition in self.conditions:
            if not condition.holds(data):
                return None
        value: Any = 1.0
        if self.value_path:
            value = look_up(data, self.value_path)
            if not is_countable(value):
                raise NoValue
        member = member_text(look_up(data, self.member_path)) if self.member_path else None
        return Sample(self.id, float(value), member)


def compile_metric(definition: Mapping[str, Any]) -> Metric:
    def path(name: str | None) -> tuple[str, ...]:
        return tuple(name.split(".")) if name else ()

    return Metric(
        id=definition["id"],
        event_type=definition["event_type"],
        value_path=path(definition.get("value_field")),
        member_path=path(definition.get("member_field")),
        conditions=tuple(
            Condition(c["field"], path(c["field"]), c["op"], c.get("value")) for c in definition.get("conditions", [])
        ),
        reported_by=definition.get("reported_by", "SERVER"),
    )


def reported(event: GameEvent, metrics: Mapping[str, Metric]) -> tuple[Sample, ...]:
    """What a `metrics.reported` event is worth: a sample for each metric it names, whatever the metric's conditions."""
    values = event.data.get("metrics", {})
    return tuple(Sample(id_, float(value)) for id_, value in values.items() if id_ in metrics and is_countable(value))


def member_text(value: Any) -> str | None:
    """A member as it is stored: strings, numbers and booleans, told apart by kind; long ones as a hash."""
    if type(value) is str:
        text = "s:" + value
    elif type(value) is bool:
        text = "b:1" if value else "b:0"
    elif is_number(value):
        text = "n:" + canonical(value).decode()
    else:
        return None
    if len(text) > 80:
        text = "h:" + hashlib.blake2b(text.encode(), digest_size=24).hexdigest()
    return text


# -- tallies -----------------------------------------------------------------------------------------------------------


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
        if len(runs) > MOST_RUNS:
            del runs[1 if runs[0][2] == self.streak else 0]
        self.dirty = True

    @property
    def streak(self) -> int:
        """The longest run so far, in days."""
        return max((run[2] for run in self.runs), default=0)

    def current_run(self, today: Period) -> int:
        """How many days the run has that is still alive: its last day is `today` (the player's), or the one before."""
        return self.runs[-1][2] if self.runs and self.runs[-1][1] >= today.opens else 0

    def value(self, aggregate: str) -> float | None:
        return _READ[aggregate](self)


_READ: dict[str, Callable[[Tally], float | None]] = {
    "COUNT": attrgetter("count"),
    "SUM": attrgetter("sum"),
    "MAX": attrgetter("max"),
    "MIN": attrgetter("min"),
    "LATEST": attrgetter("latest"),
    "DISTINCT": attrgetter("members"),
    "STREAK": attrgetter("streak"),
}


def dump_runs(runs: Sequence[tuple[datetime, datetime, int]]) -> str:
    return json.dumps([[instant(a), instant(b), n] for a, b, n in runs]) if runs else ""


def load_runs(text: str) -> list[tuple[datetime, datetime, int]]:
    return [(parse_instant(a), parse_instant(b), n) for a, b, n in json.loads(text)] if text else []


# -- scopes ------------------------------------------------------------------------------------------------------------


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

    def holds(self, at: datetime) -> bool:
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


# -- requirements ------------------------------------------------------------------------------------------------------

DERIVED, STICKY, HOLD, WINDOW, TARGET = "DERIVED", "STICKY", "HOLD", "WINDOW", "TARGET"
ZERO_OVER_NOTHING = frozenset({"COUNT", "SUM", "DISTINCT", "STREAK"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One aggregate of a metric, in a time frame, against a threshold; or another achievement or quest, or a level.

    `nature` says how one knows that it is met: DERIVED: from the tally alone, since what was reached cannot be lost.
    STICKY: it must be remembered. HOLD (lt, lte): read at the moment of completion. WINDOW: remembered, with the best
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

    def is_met(self, value: float | None, reached: Any = None) -> bool:
        """Whether it is met, by its aggregate's value now and what was remembered (True: it was reached).

        For all but targets. What 0 meets was reached before the first sample.
        """
        if self.nature in (STICKY, WINDOW):
            return reached is True or (self.nature == STICKY and self.type in ZERO_OVER_NOTHING and self.compare(0))
        if self.operator == "eq":  # DERIVED: it rises one by one, so whoever is past it was there
            return value is not None and value >= self.threshold
        return self.compare(value)

    def fraction(self, value: float | None, met: bool) -> float:
        """How far it has come, 0 to 1."""
        if met:
            return 1.0
        if self.nature in (HOLD, TARGET) or value is None or self.threshold <= 0:
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
        return HOLD
    grows_by_one = type_ in ("COUNT", "DISTINCT")  # not SUM: a report may bear any number
    never_falls = type_ in ("MAX", "STREAK") and operator != "eq"
    return DERIVED if grows_by_one or never_falls else STICKY


# -- goals -------------------------------------------------------------------------------------------------------------


def needed(match: Json, count: int) -> int:
    """How many of `count` requirements must be met."""
    if match == "ANY":
        return min(1, count)
    if isinstance(match, dict):
        return int(match["at_least"])
    return count


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Requirements, how many of them it takes (`need`), and the scope they count in.

    `since` is the publication from which it is kept: for a player whose past was counted up to an older one it is
    pending. `plain` goals are a single requirement that is DERIVED, or STICKY and complete
    as soon as it is met: what is left of them can be read off one tally.
    """

    owner: str
    requirements: tuple[Requirement, ...]
    need: int
    scope: Scope
    since: int
    plain: bool

    @property
    def has_memory(self) -> bool:
        """Whether something of it must be kept beside the tallies while it is unfinished."""
        if self.scope.repeat != NEVER:
            return True
        return not self.plain and any(r.nature in (STICKY, WINDOW) for r in self.requirements)


def combined(need: int, fractions: Sequence[float], met: Sequence[bool]) -> float:
    """Progress as a whole, 0 to 1: the mean of the `need` best (all: the mean; any: the best). Unmet: at most 0.99."""
    if not fractions:
        return 1.0
    best = sorted(fractions, reverse=True)[:need]
    value = math.fsum(best) / len(best)
    return value if sum(met) >= need else min(value, 0.99)
