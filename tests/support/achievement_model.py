"""One player's achievements, worked out slowly: after each event, all over again from the list of what counted so far.

It shares no line with the service. It knows nothing of tallies, ladders or queries: lists, loops and comparisons only.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Definition = dict[str, Any]
Value = float | None

COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le, "eq": operator.eq}
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
ROUNDS = 8
TOO_LATE_FOR_WINDOWS = timedelta(days=35)


@dataclass(frozen=True)
class Happened:
    """An event, as a game server sends it or the service states it itself."""

    id: str
    type: str
    data: dict[str, Any]
    at: datetime


@dataclass(frozen=True)
class Sample:
    nth: int
    """Its event was the n-th that counted."""
    id: str
    at: datetime
    value: float
    member: Any
    in_windows: bool


@dataclass(frozen=True)
class Completion:
    at: datetime
    nth: int
    values: list[tuple[Value, bool]]
    """Each requirement's value and whether it was met."""


@dataclass
class Model:
    metrics: Sequence[Definition]
    achievements: Sequence[Definition]
    zone: ZoneInfo
    counted: list[Happened] = field(default_factory=list)
    completions: dict[str, dict[str, Completion]] = field(default_factory=dict)
    """achievement → occurrence → how it was completed."""
    held: int = 0
    _seen: set[str] = field(default_factory=set)

    # -- what happens --------------------------------------------------------------------------------------------------

    def process(self, batch: Sequence[Happened]) -> None:
        fresh = {event.id: event for event in reversed(batch) if event.id not in self._seen}
        self._seen |= set(fresh)
        wave = sorted(fresh.values(), key=lambda event: (event.at, event.id))
        for _ in range(ROUNDS):
            stated: list[Happened] = []
            for event in wave:
                self.counted.append(event)
                stated += self._complete_all(event)
            wave = stated
        self.held += sum(any(worth(metric, event) is not None for metric in self.metrics) for event in wave)

    def _complete_all(self, event: Happened) -> Iterator[Happened]:
        """Complete whatever is complete after this event, until nothing more follows; states what was completed."""
        is_over = False
        while not is_over:
            is_over = True
            for achievement in self.achievements:
                if self._is_complete(achievement, event.at):
                    occurrence = self.occurrence(achievement, event.at)
                    values = self.values(achievement, event.at)
                    done = Completion(event.at, len(self.counted), values)
                    self.completions.setdefault(achievement["id"], {})[occurrence] = done
                    is_over = False
                    data = {name: achievement[name] for name in ("id", "type", "category", "points")}
                    yield Happened(f"~{achievement['id']}/{occurrence}", "achievement.completed", data, event.at)

    def _is_complete(self, achievement: Definition, at: datetime) -> bool:
        if self.occurrence(achievement, at) in self.completions.get(achievement["id"], {}):
            return False
        if not achievement["is_enabled"] or not within_dates(achievement, at):
            return False
        if not all(other in self.completions for other in achievement["prerequisites"]):
            return False
        return self.met(achievement, at)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def met(self, achievement: Definition, at: datetime) -> bool:
        return sum(met for _, met in self.values(achievement, at)) >= needed(achievement)

    def progress(self, achievement: Definition, at: datetime) -> float:
        fractions = [
            fraction(requirement, value, met)
            for requirement, (value, met) in zip(achievement["requirements"], self.values(achievement, at), strict=True)
        ]
        best = sorted(fractions, reverse=True)[: needed(achievement)]
        whole = sum(best) / len(best) if best else 1.0
        return whole if self.met(achievement, at) else min(whole, 0.99)

    def values(self, achievement: Definition, at: datetime) -> list[tuple[Value, bool]]:
        found: list[tuple[Value, bool]] = []
        for requirement in achievement["requirements"]:
            if requirement["type"] == "ACHIEVEMENT":
                done = requirement["target"] in self.completions
                found.append((float(done), done))
            else:
                found.append(self._value(requirement, self.samples(achievement, requirement["metric"], at)))
        return found

    def _value(self, requirement: Definition, samples: list[Sample]) -> tuple[Value, bool]:
        """The value now; for gt, gte and eq, whether it was met after any of the samples, or before all."""
        type_, compare, threshold = requirement["type"], COMPARE[requirement["operator"]], requirement["threshold"]

        def meets(value: Value) -> bool:
            return value is not None and bool(compare(value, threshold))

        if requirement.get("timeframe"):
            frame = requirement["timeframe"]
            windows = list(best_windows(type_, frame["duration"] * UNITS[frame["unit"]], samples))
            best = max(windows, default=None if type_ == "MAX" else 0)
            return best, any(meets(value) for value in windows)
        value = self._aggregate(type_, samples)
        if requirement["operator"] in ("lt", "lte"):
            return value, meets(value)
        ever = (self._aggregate(type_, samples[:n]) for n in range(len(samples) + 1))
        return value, any(meets(value) for value in ever)

    def _aggregate(self, type_: str, samples: Sequence[Sample]) -> Value:
        if type_ == "STREAK":
            return longest_run({self.day(sample.at) for sample in samples})
        return aggregate(type_, samples)

    # -- what counts where ---------------------------------------------------------------------------------------------

    def samples(self, achievement: Definition, metric_id: str, at: datetime) -> list[Sample]:
        """Those in scope, in the order in which they counted."""
        return [
            sample
            for sample in self._all_samples(metric_id)
            if within_dates(achievement, sample.at) and self._in_scope(achievement, sample, at)
        ]

    def _in_scope(self, achievement: Definition, sample: Sample, at: datetime) -> bool:
        if achievement["repeat"] == "NEVER":
            return True
        if achievement["repeat"] == "ALWAYS":
            runs = self.completions.get(achievement["id"], {}).values()
            return sample.nth > max((run.nth for run in runs), default=0)
        return self.period(achievement["repeat"], sample.at) == self.period(achievement["repeat"], at)

    def _all_samples(self, metric_id: str) -> Iterator[Sample]:
        [metric] = [metric for metric in self.metrics if metric["id"] == metric_id]
        newest: datetime | None = None
        for nth, event in enumerate(self.counted, start=1):
            value = worth(metric, event)
            if value is not None:
                member = event.data.get(metric["member_field"] or "")
                is_late = newest is not None and newest - event.at > TOO_LATE_FOR_WINDOWS
                newest = max(newest or event.at, event.at)
                yield Sample(nth, event.id, event.at, value, member, not is_late)

    def occurrence(self, achievement: Definition, at: datetime) -> str:
        if achievement["repeat"] == "NEVER":
            return "0"
        if achievement["repeat"] == "ALWAYS":
            return str(len(self.completions.get(achievement["id"], {})) + 1)
        return str(self.period(achievement["repeat"], at))

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def period(self, kind: str, at: datetime) -> date:
        day = self.day(at)
        return {"DAILY": day, "WEEKLY": day - timedelta(days=day.weekday()), "MONTHLY": day.replace(day=1)}[kind]


def worth(metric: Definition, event: Happened) -> Value:
    """What an event is worth to a metric; None: nothing."""
    if event.type != metric["event_type"]:
        return None
    for condition in metric["conditions"]:
        found = event.data.get(condition["field"])
        if found is None or not COMPARE[condition["op"]](found, condition["value"]):
            return None
    if metric["value_field"] is None:
        return 1
    return event.data.get(metric["value_field"])


def aggregate(type_: str, samples: Sequence[Sample]) -> Value:
    values = [sample.value for sample in samples]
    if type_ == "COUNT":
        return len(values)
    if type_ == "SUM":
        return sum(values)
    if type_ == "DISTINCT":
        return len({(type(sample.member), sample.member) for sample in samples if sample.member is not None})
    if not samples:
        return None
    if type_ == "LATEST":
        return max(samples, key=lambda sample: (sample.at, sample.id)).value
    return {"MAX": max, "MIN": min}[type_](values)


def best_windows(type_: str, length: timedelta, samples: Sequence[Sample]) -> Iterator[float]:
    """The value of every window that ends at a sample, as it was after each of the samples."""
    for n in range(1, len(samples) + 1):
        so_far = [sample for sample in samples[:n] if sample.in_windows]
        for end in {sample.at for sample in so_far}:
            value = aggregate(type_, [sample for sample in so_far if end - length < sample.at <= end])
            assert value is not None
            yield value


def longest_run(days: set[date]) -> int:
    return max((run_from(day, days) for day in days), default=0)


def run_from(day: date, days: set[date]) -> int:
    return 1 + run_from(day + timedelta(days=1), days) if day in days else 0


def within_dates(achievement: Definition, at: datetime) -> bool:
    starts, ends = achievement["starts_at"], achievement["ends_at"]
    if starts is not None and at < datetime.fromisoformat(starts):
        return False
    return ends is None or at < datetime.fromisoformat(ends)


def needed(achievement: Definition) -> int:
    match = achievement["match"]
    if isinstance(match, dict):
        return int(match["at_least"])
    return len(achievement["requirements"]) if match == "ALL" else min(1, len(achievement["requirements"]))


def fraction(requirement: Definition, value: Value, met: bool) -> float:
    if met:
        return 1
    if requirement["type"] == "ACHIEVEMENT" or requirement["operator"] in ("lt", "lte"):
        return 0
    threshold = requirement["threshold"]
    return 0 if threshold <= 0 or value is None else min(max(value / threshold, 0), 1)
