"""What is wrong with quests and pools that are about to be published: plain decisions, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from gamification.kernel.content.publishing import Definition, Definitions, Problem
from gamification.kernel.core.encoding import parse_instant
from progress.checks import (
    contradictions,
    cycles,
    ends_in_the_past,
    least_to_reach,
    met_without_events,
    requirement_problems,
)
from progress.rules.goals import needed
from progress.rules.vocabulary import COMPARE, TRAITS, WITH_A_TARGET, RequirementType

SHORTEST_DAY = 23 * 3600
"""A day on which clocks are put forward, in seconds."""

Found = Iterator[tuple[str, str, str]]


def problems(definitions: Definitions) -> Iterator[Problem]:
    for id_, quest in definitions.get("quest", {}).items():
        for path, code, detail in _of_a_quest(quest, definitions):
            yield Problem("quest", id_, path, code, detail)
    for id_, pool in definitions.get("pool", {}).items():
        for path, code, detail in _of_a_pool(pool):
            yield Problem("pool", id_, path, code, detail)
    yield from _circles(definitions)


def advice(quest: Definition, definitions: Definitions, now: datetime) -> Found:
    """What is odd about a quest, but may be meant."""
    yield from ends_in_the_past(quest["end_date"], "end_date", now)


def _of_a_quest(quest: Definition, definitions: Definitions) -> Found:
    metrics = definitions.get("metric", {})
    yield from requirement_problems(quest["requirements"], metrics)
    yield from contradictions(quest["requirements"])
    yield from _levels_to_start(quest["requirements"], definitions)
    yield from _fail_conditions(quest, metrics)
    for index, step in enumerate(quest["steps"]):
        for path, code, detail in _of_a_step(step, quest, metrics):
            yield f"steps[{index}].{path}", code, detail
    yield from _plan(quest["steps"])
    starts, ends = quest["start_date"], quest["end_date"]
    if starts and ends and parse_instant(starts) >= parse_instant(ends):
        yield "end_date", "ends_before_it_starts", "It has to end after it starts."
    if quest["repeat"] == "ALWAYS" and quest["auto_start"] and _completes_at_once(quest["steps"]):
        detail = "Once what its steps name is completed it would start and be complete at every event."
        yield "repeat", "never_begins_anew", detail


def _completes_at_once(steps: Sequence[Definition]) -> bool:
    """Whether others' completion alone, which lasts, may complete all mandatory steps."""
    return all(step["is_optional"] or _lasts(step) for step in steps) and not all(s["is_optional"] for s in steps)


def _lasts(step: Definition) -> bool:
    requirements = step["requirements"]
    others = [r for r in requirements if r["type"] in WITH_A_TARGET]
    lasting = len(others) + sum(map(met_without_events, requirements))
    return bool(others) and lasting >= needed(step["match"], len(requirements))


# -- requirements ------------------------------------------------------------------------------------------------------


def _levels_to_start(requirements: Sequence[Definition], definitions: Definitions) -> Found:
    """Levels that nobody is ever at. While no level is described, nothing is known of them."""
    known = {level["level"]: level["xp"] for level in definitions.get("level", {}).values()}
    if not known:
        return
    possible = [*known, *([] if 0 in known.values() else [0])]
    for index, requirement in enumerate(requirements):
        if requirement["type"] == RequirementType.LEVEL:
            operator, threshold = requirement["operator"], requirement["threshold"]
            if not any(COMPARE[operator](level, threshold) for level in possible):
                detail = f"LEVEL {operator} {threshold} can never be met: the highest level is {max(possible)}."
                yield f"requirements[{index}].threshold", "never_met", detail


def _of_a_step(step: Definition, quest: Definition, metrics: dict[str, Definition]) -> Found:
    requirements = step["requirements"]
    take = needed(step["match"], len(requirements))
    yield from _within_a_run(requirements, "requirements", quest, metrics)
    if take > len(requirements):
        yield "match", "never_met", f"{take} requirements are asked for, but there are only {len(requirements)}."
    elif requirements and sum(map(met_without_events, requirements)) >= take:
        detail = "It is met as soon as the step is active. Add a requirement that playing meets."
        yield "requirements", "met_before_playing", detail
    elif take == len(requirements):
        yield from contradictions(requirements)
        yield from _fails_first(requirements, quest["fail_conditions"])


def _fails_first(requirements: Sequence[Definition], fail_conditions: Sequence[Definition]) -> Found:
    """Requirements of a step that no run meets, because it has failed by then: a run has counted at least as much as
    its step has.
    """
    fails: dict[tuple[str, str], float] = {}
    for condition in fail_conditions:
        type_, exactly = condition["type"], condition.get("operator") == "eq"
        traits = TRAITS[type_]
        if not traits.never_falls or condition.get("timeframe") or (exactly and not traits.is_whole):
            continue
        least = least_to_reach(condition)
        if least is not None:
            key = type_, condition["metric"]
            fails[key] = min(least, fails.get(key, least))
    for index, requirement in enumerate(requirements):
        fatal = fails.get((requirement["type"], requirement.get("metric", "")))
        least = None if fatal is None else least_to_reach(requirement)
        if fatal is not None and least is not None and fatal <= least:
            detail = f"A run has failed before: one of the fail conditions is {requirement['type']} of {fatal:g}."
            yield f"requirements[{index}].threshold", "never_met", detail


def _fail_conditions(quest: Definition, metrics: dict[str, Definition]) -> Found:
    conditions = quest["fail_conditions"]
    yield from _within_a_run(conditions, "fail_conditions", quest, metrics)
    for index, condition in enumerate(conditions):
        if met_without_events(condition):
            what = f"{condition['type']} {condition['operator']} {condition['threshold']}"
            detail = f"{what} is met before anything has happened: every run would fail as it starts."
            yield f"fail_conditions[{index}]", "fails_at_once", detail


def _within_a_run(
    requirements: Sequence[Definition], within: str, quest: Definition, metrics: dict[str, Definition]
) -> Found:
    """Problems of requirements that are counted within a run, which may be too short for some."""
    found = list(requirement_problems(requirements, metrics, quest["repeat"], within))
    yield from found
    most = _most_days(quest)
    for index, requirement in enumerate(requirements):
        path = f"{within}[{index}]"
        if requirement["type"] == RequirementType.LEVEL:
            detail = "Only what it takes to start a quest can be a level."
            yield f"{path}.type", "level_not_allowed", detail
        elif requirement["type"] == RequirementType.STREAK and most is not None:
            least = least_to_reach(requirement)
            if least is not None and least > most and (f"{path}.threshold", "never_met") not in {f[:2] for f in found}:
                detail = f"No run is long enough for {least:g} days in a row."
                yield f"{path}.threshold", "never_met", detail


def _most_days(quest: Definition) -> int | None:
    """The most days that one run can touch; None where there is no bound."""
    spans = [] if quest["time_limit"] is None else [float(quest["time_limit"])]
    if quest["start_date"] and quest["end_date"]:
        spans.append((parse_instant(quest["end_date"]) - parse_instant(quest["start_date"])).total_seconds())
    return int(max(min(spans), 0) // SHORTEST_DAY) + 2 if spans else None


# -- steps -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """Steps of one order in different branches, of which the first completed one chooses."""

    order: int
    branches: set[str]
    mandatory: set[str]
    """Those branches that have a mandatory step there."""
    fresh: set[str]
    """Of the mandatory ones, those between which no choice of a lower order decides."""

    def decides(self, one: str, other: str) -> bool:
        """Whether every run has chosen between two branches once it is past this order. It has, where a step of the
        order has to be completed.
        """
        return {one, other} <= self.branches and bool(self.fresh or self.mandatory & {one, other})


def _plan(steps: Sequence[Definition]) -> Found:
    choices = list(_choices(steps))
    if not steps:
        yield "steps", "no_steps", "A quest needs at least one step."
    elif all(step["is_optional"] for step in steps):
        yield "steps", "no_mandatory_step", "A quest is complete when its mandatory steps are: make one of them so."
    else:
        for index, step in enumerate(steps):
            if step["is_optional"] and not _is_reachable(step, steps, choices):
                detail = "The quest is complete before the step is active: let a mandatory one come with or after it."
                yield f"steps[{index}]", "unreachable_step", detail
    between = set[str]().union(*(choice.branches for choice in choices))
    alone: dict[str, int] = {}
    for index, step in enumerate(steps):
        if step["branch"] is not None and step["branch"] not in between:
            alone.setdefault(step["branch"], index)
    for branch, index in alone.items():
        detail = f"There is nothing to choose: no other branch has a step of one order with {branch}."
        yield f"steps[{index}].branch", "branch_without_alternative", detail


def _choices(steps: Sequence[Definition]) -> Iterator[Choice]:
    """The choices between branches, by rising order."""
    branches: dict[int, set[str]] = {}
    mandatory: dict[int, set[str]] = {}
    for step in steps:
        if step["branch"] is not None:
            branches.setdefault(step["order"], set()).add(step["branch"])
            if not step["is_optional"]:
                mandatory.setdefault(step["order"], set()).add(step["branch"])
    before: set[str] = set()
    for order, among in sorted(branches.items()):
        if len(among) > 1:
            must = mandatory.get(order, set())
            yield Choice(order, among, must, must - before)
            before |= among


def _is_reachable(step: Definition, steps: Sequence[Definition], choices: Sequence[Choice]) -> bool:
    """Whether some run gets to an optional step before it is complete.

    Every mandatory step can be reached, since a run may choose its branch. An optional one needs a mandatory one
    that is still to be done when its turn comes, of a branch that can be kept open until then together with its own.
    """

    def is_open_with(branch: str | None) -> bool:
        if branch is None or step["branch"] in (None, branch):
            return True
        return not any(choice.order < step["order"] and choice.decides(branch, step["branch"]) for choice in choices)

    later = {other["branch"] for other in steps if not other["is_optional"] and other["order"] >= step["order"]}
    return any(map(is_open_with, later))


# -- pools -------------------------------------------------------------------------------------------------------------


def _of_a_pool(pool: Definition) -> Found:
    quests = pool["quests"]
    if not quests:
        yield "quests", "no_quests", "A pool needs at least one quest."
    elif pool["pick"] > len(set(quests)):
        yield "pick", "too_few_quests", f"{pool['pick']} quests are to be offered, but there are {len(set(quests))}."
    times = Counter[str]()
    for index, quest in enumerate(quests):
        times[quest] += 1
        if times[quest] > 1:
            yield f"quests[{index}]", "duplicate_quest", f"{quest} is in the pool already."


# -- what waits for itself ---------------------------------------------------------------------------------------------


def _circles(definitions: Definitions) -> Iterator[Problem]:
    """Chains that need themselves and go through a quest; achievements/checks.py finds those of achievements alone."""
    edges = {f"quest {id_}": list(_quest_needs(quest)) for id_, quest in definitions.get("quest", {}).items()}
    for id_, achievement in definitions.get("achievement", {}).items():
        edges[f"achievement {id_}"] = list(_achievement_needs(achievement))
    for node, path, way in cycles(edges):
        if any(each.startswith("quest ") for each in way):
            kind, _, id_ = node.partition(" ")
            yield Problem(kind, id_, path, "cycle", f"It would need itself: {' → '.join(way)}.")


def _quest_needs(quest: Definition) -> Iterator[tuple[str, str]]:
    yield from _targets(quest["requirements"], "requirements")
    for index, step in enumerate(quest["steps"]):
        yield from _targets(step["requirements"], f"steps[{index}].requirements")


def _achievement_needs(achievement: Definition) -> Iterator[tuple[str, str]]:
    for index, required in enumerate(achievement["prerequisites"]):
        yield f"prerequisites[{index}]", f"achievement {required}"
    yield from _targets(achievement["requirements"], "requirements")


def _targets(requirements: Sequence[Definition], within: str) -> Iterator[tuple[str, str]]:
    for index, requirement in enumerate(requirements):
        if requirement["type"] in WITH_A_TARGET:
            yield f"{within}[{index}].target", f"{requirement['type'].lower()} {requirement['target']}"
