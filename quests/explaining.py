"""Why a quest is, or is not, complete, or cannot be started: worked out when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gamification.kernel.core.encoding import number
from progress.rules.requirements import TARGET, Requirement
from progress.tallies import Tallies
from quests.counting import Count
from quests.reading import ShownQuests
from quests.rules import Step
from quests.running import Has, Run
from quests.starting import refusal


def explain(mine: ShownQuests, quest_id: str) -> dict[str, Any] | None:
    """`{status, cannot_start, start, steps, fails}`; None for what is no quest to this player.

    `cannot_start` is `{code, detail}`, or None where it can be started now. A step says its `state` (done, active,
    skipped, later), and each requirement its `value`, whether it is `met` and what is `missing`.
    """
    quest = mine.rules.by_id.get(quest_id)
    run = mine.runs.newest.get((mine.player.player_id, quest_id))
    if quest is None and run is None:
        return None
    has = mine.runs.has(mine.player)
    refused = None
    if quest is not None:
        lifetimes = ((mine.player.player_id, asked) for asked in quest.requirements if asked.metric)
        mine.world[Tallies].load_lifetimes(lifetimes)
        refused = refusal(mine.runs, quest, mine.player, mine.now)
    runs_on = run if run is not None and run.is_open else None
    shown = runs_on.quest if runs_on is not None else quest or (run.quest if run is not None else None)
    assert shown is not None  # one of the two is there
    return {
        "status": run.status if run is not None else None,
        "version": shown.version,
        "cannot_start": {"code": refused[0], "detail": refused[1]} if refused else None,
        "start": [{**_named(asked), "met": has(asked)} for asked in quest.requirements] if quest is not None else [],
        "steps": [_step(step, runs_on, has) for step in shown.steps],
        "fails": _asked(shown.fail_conditions, runs_on.fails, has) if runs_on is not None else [],
    }


def _step(step: Step, run: Run | None, has: Has) -> dict[str, Any]:
    state = run.steps.get(step.id) if run is not None else None
    return {
        "id": step.id,
        "state": _state(step, run),
        "completed_by": step.completed_by,
        "is_optional": step.is_optional,
        "need": step.need,
        "requirements": _asked(step.requirements, state.counts if state is not None else {}, has),
    }


def _state(step: Step, run: Run | None) -> str:
    if run is None:
        return "later"
    if run.is_done(step):
        return "done"
    if step.id in run.skipped:
        return "skipped"
    return "active" if step.id in run.steps else "later"


def _asked(asked: Sequence[Requirement], counts: Mapping[str, Count], has: Has) -> list[dict[str, Any]]:
    return [_requirement(requirement, counts.get(requirement.digest), has) for requirement in asked]


def _requirement(requirement: Requirement, count: Count | None, has: Has) -> dict[str, Any]:
    if requirement.nature == TARGET:
        return {**_named(requirement), "met": has(requirement)}
    value = count.value if count is not None else None
    met = count is not None and count.is_met
    missing = None if requirement.operator.is_downward else number(max(requirement.threshold - (value or 0), 0))
    return {**_named(requirement), "value": number(value), "met": met, "missing": 0 if met else missing}


def _named(requirement: Requirement) -> dict[str, Any]:
    if requirement.target:
        return {"type": requirement.type, "target": requirement.target}
    named = {"type": requirement.type, "operator": requirement.operator, "threshold": number(requirement.threshold)}
    return {**named, "metric": requirement.metric} if requirement.metric else named
