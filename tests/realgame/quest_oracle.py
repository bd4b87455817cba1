"""What becomes of the real game's quests, worked out in plain Python from the contract's words: every event in turn,
lists of what counted, and a look at all of them after each.

As in `oracle`, no line of the service is used. It takes the events in the order in which they are processed, each with
the clock's time then: quests, unlike most achievements, depend on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from tests.realgame.oracle import (
    REACH,
    Event,
    Samples,
    Value,
    count,
    distinct,
    gt,
    gte,
    instant,
    least,
    lt,
    samples_of,
    total,
)

LONG_AFTER = datetime.max.replace(tzinfo=instant("2023-01-01T00:00:00Z").tzinfo)
"""When what is imported is processed: all deadlines have passed."""


@dataclass
class Asked:
    """A requirement of a step, or a fail condition."""

    metric: str
    of: Callable[[Samples], Value]
    compare: Callable[[Any, Any], bool]
    threshold: float
    within: timedelta | None = None


@dataclass
class StepRule:
    name: str
    asked: list[Asked]
    order: int = 1
    take: int | None = None  # None: all of them
    optional: bool = False
    branch: str | None = None


@dataclass
class QuestRule:
    steps: list[StepRule]
    to_start: tuple[str, int] | None = None  # a metric, and how many samples of it in the player's life
    fails: list[Asked] = field(default_factory=list)
    limit: timedelta | None = None
    cooldown: timedelta = timedelta(0)
    again: bool = False  # whether a completed one starts again


QUESTS = {
    "apprenticeship": QuestRule(
        [
            StepRule("two-levels", [Asked("solved", count, gte, 2)]),
            StepRule("pull", [Asked("drags", total, gte, 300)], 2),
            StepRule("aim", [Asked("hits", count, gte, 12), Asked("near_misses", least, lt, 100)], 2, take=1),
            StepRule("fine-tune", [Asked("nudges", count, gte, 5)], 2, optional=True),
            StepRule(
                "on-your-own",
                [
                    Asked("solved", distinct, gte, 6),
                    Asked("skips", count, gt, 2),
                    Asked("second_thoughts", total, gte, 10),
                ],
                3,
                take=2,
            ),
        ]
    ),
    "no-short-cuts": QuestRule(
        [
            StepRule("climb", [Asked("solved", count, gte, 6)]),
            StepRule("by-hand", [Asked("drags", total, gte, 200)], 2, branch="hands"),
            StepRule("by-keys", [Asked("nudges", count, gte, 6)], 2, branch="keys"),
            StepRule("and-hit", [Asked("hits", count, gte, 3)], 3, branch="keys"),
        ],
        to_start=("begun", 3),
        fails=[Asked("resets", count, gte, 2), Asked("skips", count, gte, 3, within=timedelta(minutes=1))],
        cooldown=timedelta(seconds=90),
        again=True,
    ),
    "sprint": QuestRule(
        [
            StepRule("two-in-a-row", [Asked("solved", count, gte, 2)]),
            StepRule("and-three-hits", [Asked("hits", count, gte, 3)], 2),
        ],
        limit=timedelta(seconds=60),
        cooldown=timedelta(seconds=30),
    ),
}


@dataclass
class Counted:
    """One requirement, and what counted for it."""

    asked: Asked
    since: datetime
    samples: list[tuple[datetime, str, float, Any]] = field(default_factory=list)
    met: bool = False

    def take(self, event: Event) -> None:
        found = samples_of(event).get(self.asked.metric)
        if found is not None and event["at"] >= self.since and not self.met:
            self.samples.append((event["at"], event["id"], found[1], found[2]))
            self.samples.sort(key=lambda sample: sample[:2])
            self.met = self.asked.compare in REACH and self.holds

    @property
    def value(self) -> Value:
        plain: Samples = [(at, value, member) for at, _, value, member in self.samples]
        if self.asked.within is None:
            return self.asked.of(plain)
        windows = [[one for one in plain if end - self.asked.within < one[0] <= end] for end, _, _ in plain]
        return max((self.asked.of(window) or 0 for window in windows), default=0)

    @property
    def holds(self) -> bool:
        return self.met or (self.value is not None and self.asked.compare(self.value, self.asked.threshold))

    @property
    def progress(self) -> float:
        if self.asked.compare not in REACH or self.holds:
            return float(self.holds)
        return max(0.0, min(1.0, (self.value or 0) / self.asked.threshold))


@dataclass
class StepRun:
    rule: StepRule
    counted: list[Counted] = field(default_factory=list)
    active: bool = False
    begun_by: Event | None = None  # the event that made it active does not count for it
    done: bool = False
    skipped: bool = False

    @property
    def take(self) -> int:
        return self.rule.take or len(self.rule.asked)

    @property
    def is_met(self) -> bool:
        return sum(each.holds for each in self.counted) >= self.take

    @property
    def progress(self) -> float:
        if self.done or not self.counted:
            return float(self.done)
        best = sorted((each.progress for each in self.counted), reverse=True)[: self.take]
        return min(0.99, sum(best) / len(best))


@dataclass
class Run:
    rule: QuestRule
    started_at: datetime
    status: str = "IN_PROGRESS"
    ended_at: datetime | None = None
    steps: list[StepRun] = field(default_factory=list)
    fails: list[Counted] = field(default_factory=list)
    gave: list[str] = field(default_factory=list)
    """The steps that were completed, in order."""

    @property
    def deadline(self) -> datetime | None:
        return self.started_at + self.rule.limit if self.rule.limit else None

    @property
    def progress(self) -> float:
        counting = [step for step in self.steps if not (step.rule.optional or step.skipped)]
        mean = sum(step.progress for step in counting) / len(counting)
        return mean if all(step.done for step in counting) else min(0.99, mean)

    def end(self, status: str, at: datetime) -> None:
        self.status, self.ended_at = status, at
        for step in self.steps:
            step.active = False

    def open_steps(self, at: datetime, event: Event | None) -> None:
        """A step is active when every mandatory step of a lower order is complete."""
        waiting = [s.rule.order for s in self.steps if not (s.rule.optional or s.skipped or s.done)]
        for step in self.steps:
            if not step.skipped and not step.counted and all(step.rule.order <= order for order in waiting):
                step.active, step.begun_by = True, event
                step.counted = [Counted(asked, at) for asked in step.rule.asked]

    def take(self, event: Event) -> None:
        if self.deadline is not None and event["at"] > self.deadline:
            return
        for condition in self.fails:
            condition.take(event)
        for step in self.steps:
            if step.active and step.begun_by is not event:
                for each in step.counted:
                    each.take(event)
        if any(condition.holds for condition in self.fails):
            self.end("FAILED", event["at"])
            return
        while ready := [step for step in self.steps if step.active and step.is_met]:
            self.complete(ready[0], event)
        if all(step.done or step.skipped or step.rule.optional for step in self.steps):
            self.end("COMPLETED", event["at"])

    def complete(self, step: StepRun, event: Event) -> None:
        step.done, step.active = True, False
        self.gave.append(step.rule.name)
        rivals = {other.rule.branch for other in self.steps if other.rule.order == step.rule.order}
        for other in self.steps:
            unchosen = other.rule.branch in rivals - {None, step.rule.branch}
            if step.rule.branch is not None and unchosen and not other.done:
                other.skipped, other.active = True, False
        self.open_steps(event["at"], event)


def runs_of(rule: QuestRule, mine: Iterable[tuple[Event, datetime]], grace: timedelta) -> list[Run]:
    """All runs of one player and quest; the events as they are processed, each with the clock's time."""
    runs: list[Run] = []
    seen = 0  # how many samples of what it takes to start
    for event, now in mine:
        newest = runs[-1] if runs else None
        if newest and newest.status == "IN_PROGRESS" and newest.deadline and now > newest.deadline + grace:
            newest.end("EXPIRED", newest.deadline)
        seen += rule.to_start is not None and rule.to_start[0] in samples_of(event)
        if may_start(rule, runs, event["at"], seen) and not (rule.limit and now > event["at"] + rule.limit + grace):
            newest = Run(rule, event["at"], steps=[StepRun(step) for step in rule.steps])
            newest.fails = [Counted(asked, event["at"]) for asked in rule.fails]
            newest.open_steps(event["at"], None)
            runs.append(newest)
        if newest and newest.status == "IN_PROGRESS":
            newest.take(event)
    return runs


def may_start(rule: QuestRule, runs: Sequence[Run], at: datetime, seen: int) -> bool:
    if rule.to_start is not None and seen < rule.to_start[1]:
        return False
    if not rule.again and any(run.status == "COMPLETED" for run in runs):
        return False
    return not runs or (runs[-1].ended_at is not None and at >= runs[-1].ended_at + rule.cooldown)


Clocked = list[tuple[Event, datetime]]


def processed(events: Sequence[Event], size: int, clock: Callable[[Event], datetime] | None = None) -> Clocked:
    """The events as batches of `size` are processed: each batch in order, at the time of its last event or, without a
    clock, long after."""
    order: Clocked = []
    for start in range(0, len(events), size):
        batch = [{**event, "at": instant(event["timestamp"])} for event in events[start : start + size]]
        batch.sort(key=lambda event: (event["at"], event["id"]))
        now = clock(batch[-1]) if clock else LONG_AFTER
        order += [(event, now) for event in batch]
    return order


def counted(order: Clocked, grace: timedelta = timedelta(0)) -> dict[str, dict[str, list[Run]]]:
    """player → quest → runs, as they are in the end, when every deadline has passed."""

    def player(turn: tuple[Event, datetime]) -> str:
        return str(turn[0]["player_id"])

    found: dict[str, dict[str, list[Run]]] = {}
    for name, turns in groupby(sorted(order, key=player), key=player):
        mine = list(turns)
        found[name] = {quest: runs_of(rule, mine, grace) for quest, rule in QUESTS.items()}
        for run in (runs[-1] for runs in found[name].values() if runs):
            if run.status == "IN_PROGRESS" and run.deadline is not None:
                run.end("EXPIRED", run.deadline)
    return found
