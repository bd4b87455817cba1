"""Published metrics and goals, compiled so that an event finds the few goals it may complete.

A goal can only become complete at an event at which one of its requirements becomes met. So each tally has, an
aggregate, a sorted list of the thresholds that are watched on it; folding a sample in bisects between the value before
and after. Ten times the achievements cost a few more steps of that bisection.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gamification.kernel.content.publishing import Definitions, Units
from gamification.kernel.core.fact_types import OWN_TYPES
from progress.rules.goals import Goal
from progress.rules.requirements import MOMENTARY, WINDOW, Requirement
from progress.rules.samples import Metric, compile_metric
from progress.rules.scopes import ALWAYS, LIFETIME, Scope
from progress.rules.vocabulary import RequirementType

GoalRequirement = tuple[Goal, Requirement]
"""A requirement, with the goal that it is one of."""


@dataclass(slots=True)
class ThresholdIndex:
    """The thresholds on one aggregate of one tally, sorted, each list with the requirements it belongs to beside it."""

    up: list[float] = field(default_factory=list)
    """Met once the value has risen to the threshold. `gt t` stands as the next double above t."""
    up_met: list[GoalRequirement] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    """Met once the value has fallen to the threshold. `lt t` stands as the next double below t."""
    down_met: list[GoalRequirement] = field(default_factory=list)
    equal: dict[float, list[GoalRequirement]] = field(default_factory=dict)
    quarters: list[float] = field(default_factory=list)
    """The values at which a plain goal is one, two and three quarters done."""
    quarter_goals: list[tuple[Goal, int]] = field(default_factory=list)

    def crossed(self, before: float | None, after: float) -> list[GoalRequirement]:
        """The requirements that became met as the value went from `before` (None: undefined) to `after`."""
        found: list[GoalRequirement] = []
        if self.up:
            low = 0 if before is None else bisect_right(self.up, before)
            high = bisect_right(self.up, after)
            if low < high:
                found += self.up_met[low:high]
        if self.down:
            low = bisect_left(self.down, after)
            high = len(self.down) if before is None else bisect_left(self.down, before)
            if low < high:
                found += self.down_met[low:high]
        if self.equal and before != after:
            found += self.equal.get(after, ())
        return found

    def passed(self, before: float, after: float) -> list[tuple[Goal, int]]:
        """The plain goals that passed a quarter as the value went from `before` to `after`, each with its quarter."""
        return self.quarter_goals[bisect_right(self.quarters, before) : bisect_right(self.quarters, after)]


@dataclass(slots=True, eq=False)
class TallySpec:
    """One metric counted in one scope: since when, what is kept of it, and which goals depend on it."""

    metric: str
    scope: Scope
    counted_since: int
    """The publication since which it is counted, as a unit."""
    members_since: int | None = None
    """The publication since which its different members are kept (DISTINCT); None: they are not."""
    days_since: int | None = None
    """The publication since which its days are kept (STREAK); None: they are not."""
    thresholds: dict[RequirementType, ThresholdIndex] = field(default_factory=dict)
    """By the aggregate they are on."""
    windows: list[GoalRequirement] = field(default_factory=list)
    composite: list[Goal] = field(default_factory=list)
    """Goals that are not plain: their progress is read at the end of a batch. One that is a single window is not
    among them: it is read when its best window grows."""


@dataclass(slots=True)
class RuleIndex:
    """What metering and loading look up for an event."""

    metrics: dict[str, Metric]
    by_type: dict[str, tuple[Metric, ...]]
    """Type of event → the metrics that count such events."""
    specs: dict[str, tuple[TallySpec, ...]]
    """Metric → the tallies that a sample of it counts in."""
    related: dict[str, tuple[TallySpec, ...]]
    """Metric → the tallies to load for a sample of it: its own, and those of every goal that the event could complete,
    at once or because another goal is complete then."""
    own: tuple[TallySpec, ...]
    """The tallies to load for the service's own events, which nobody knows when a batch is loaded."""
    remembering: dict[str, tuple[Goal, ...]]
    """Metric → the goals with a memory that a sample of it could complete."""
    remembering_own: tuple[Goal, ...]
    """The goals with a memory that the service's own events could complete."""
    opening: tuple[TallySpec, ...]
    """The tallies of goals that wait for others and have dates or periods: any event could complete one of them, when
    what it waited for was completed outside of them."""
    remembering_opening: tuple[Goal, ...]
    """Those of these goals that have a memory."""
    windows: dict[str, tuple[float, int]]
    """Metric → (seconds of its longest window, the publication since which samples are kept for it)."""


def compile_metrics(definitions: Definitions) -> dict[str, Metric]:
    return {id_: compile_metric(definition) for id_, definition in definitions.get("metric", {}).items()}


def compile_rule_index(
    metrics: Mapping[str, Metric],
    goals: Iterable[Goal],
    waiting: Mapping[str, Iterable[Goal]],
    units: Units,
    *,
    roused: Iterable[Goal] = (),
    asked: Iterable[Requirement] = (),
) -> RuleIndex:
    """Index what is published.

    `waiting`: owner of a goal → the goals that wait for it to be complete. `roused`: the goals that an event of the
    service's own may complete although no metric counts it. `asked`: requirements on a player's whole life, of quests.
    """
    specs: dict[tuple[str, Scope], TallySpec] = {}

    def spec(metric: str, scope: Scope) -> TallySpec:
        if (metric, scope) not in specs:
            specs[metric, scope] = TallySpec(metric, scope, units.since(f"tally:{metric}:{scope.label}"))
        return specs[metric, scope]

    longest: dict[str, float] = {}
    for metric in metrics:
        spec(metric, LIFETIME)
    goals = list(goals)
    for goal in goals:
        for requirement in goal.requirements:
            if requirement.metric:
                _watch(spec(requirement.metric, goal.scope), goal, requirement, units, longest)
    for requirement in asked:
        if requirement.metric:
            _keep(spec(requirement.metric, LIFETIME), requirement, units, longest)
    for each in specs.values():
        for index in each.thresholds.values():
            _sort(index)
    by_metric: dict[str, list[TallySpec]] = {}
    for each in specs.values():
        by_metric.setdefault(each.metric, []).append(each)
    by_type: dict[str, list[Metric]] = {}
    for compiled in metrics.values():
        by_type.setdefault(compiled.event_type, []).append(compiled)
    naming: dict[str, list[Goal]] = {}
    for goal in goals:
        for name in {r.metric for r in goal.requirements if r.metric}:
            naming.setdefault(name, []).append(goal)
    related, remembering = {}, {}
    for metric in metrics:
        found, looked_at = _related(by_metric.get(metric, ()), naming.get(metric, ()), specs, waiting)
        related[metric] = found
        remembering[metric] = tuple(goal for goal in looked_at if goal.has_memory)
    listening = [metric.id for metric in metrics.values() if metric.event_type in OWN_TYPES]
    own = {id(each): each for metric in listening for each in related[metric]}
    waiters = {id(goal): goal for found in waiting.values() for goal in found if goal.scope.is_bounded}
    opening = {id(each): each for goal in waiters.values() for each in _read_for(goal, specs)}
    remembering_own = {id(goal): goal for metric in listening for goal in remembering[metric]}
    found, looked_at = _related((), list(roused), specs, waiting)
    own |= {id(each): each for each in found}
    remembering_own |= {id(goal): goal for goal in looked_at if goal.has_memory}
    return RuleIndex(
        metrics=dict(metrics),
        by_type={type_: tuple(found) for type_, found in by_type.items()},
        specs={metric: tuple(found) for metric, found in by_metric.items()},
        related=related,
        own=tuple(own.values()),
        remembering=remembering,
        remembering_own=tuple(remembering_own.values()),
        opening=tuple(opening.values()),
        remembering_opening=tuple(goal for goal in waiters.values() if goal.has_memory),
        windows={m: (seconds, units.since(f"window:{m}:{seconds:g}")) for m, seconds in longest.items()},
    )


def _keep(spec: TallySpec, requirement: Requirement, units: Units, longest: dict[str, float]) -> None:
    """Have everything kept that the requirement is read from."""
    label = f"{spec.metric}:{spec.scope.label}"
    if requirement.window is not None:
        longest[spec.metric] = max(longest.get(spec.metric, 0), requirement.window.total_seconds())
    elif requirement.type == RequirementType.DISTINCT:
        spec.members_since = units.since(f"members:{label}")
    elif requirement.type == RequirementType.STREAK:
        spec.days_since = units.since(f"days:{label}")


def _watch(spec: TallySpec, goal: Goal, requirement: Requirement, units: Units, longest: dict[str, float]) -> None:
    _keep(spec, requirement, units, longest)
    if requirement.nature == WINDOW:
        spec.windows.append((goal, requirement))
    else:
        index = spec.thresholds.setdefault(requirement.type, ThresholdIndex())
        threshold = requirement.threshold
        met = (goal, requirement)
        if requirement.operator == "eq":
            index.equal.setdefault(threshold, []).append(met)
        elif requirement.nature == MOMENTARY:
            index.down.append(threshold if requirement.operator == "lte" else math.nextafter(threshold, -math.inf))
            index.down_met.append(met)
        else:
            index.up.append(threshold if requirement.operator == "gte" else math.nextafter(threshold, math.inf))
            index.up_met.append(met)
        if goal.plain and threshold > 0:
            index.quarters += [threshold * quarter / 4 for quarter in (1, 2, 3)]
            index.quarter_goals += [(goal, quarter) for quarter in (1, 2, 3)]
    is_one_window = len(goal.requirements) == 1 and requirement.nature == WINDOW
    if not goal.plain and not is_one_window and goal not in spec.composite:
        spec.composite.append(goal)


def _sort(index: ThresholdIndex) -> None:
    pairs: list[tuple[list[float], list[Any]]] = [
        (index.up, index.up_met),
        (index.down, index.down_met),
        (index.quarters, index.quarter_goals),
    ]
    for values, beside in pairs:
        order = sorted(range(len(values)), key=values.__getitem__)
        values[:] = [values[i] for i in order]
        beside[:] = [beside[i] for i in order]


def _read_for(goal: Goal, specs: Mapping[tuple[str, Scope], TallySpec]) -> Iterator[TallySpec]:
    """What is read to complete a goal: its metrics in its scope, and how many samples have arrived for those windows
    that begin anew with each completion.
    """
    for requirement in goal.requirements:
        if requirement.metric:
            yield specs[requirement.metric, goal.scope]
            if requirement.nature == WINDOW and goal.scope.repeat == ALWAYS:
                yield specs[requirement.metric, LIFETIME]


def _related(
    own: Iterable[TallySpec],
    naming: Iterable[Goal],
    specs: Mapping[tuple[str, Scope], TallySpec],
    waiting: Mapping[str, Iterable[Goal]],
) -> tuple[tuple[TallySpec, ...], list[Goal]]:
    """A metric's own tallies with those of every goal that could be completed because of it; and these goals."""
    found = {id(each): each for each in own}
    queue = list(naming)
    seen = {goal.owner for goal in queue}
    for goal in queue:  # grows while it is walked
        found |= {id(each): each for each in _read_for(goal, specs)}
        for waiter in waiting.get(goal.owner, ()):
            if waiter.owner not in seen:
                seen.add(waiter.owner)
                queue.append(waiter)
    return tuple(found.values()), queue
