"""How far a player is with an achievement at one instant: `{metrics, requirements, progress}`.

The same numbers are kept at completion, noted in the history, and shown to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from achievements.rules import Achievement, AchievementRules
from achievements.standings import Standings
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import Json
from progress.periods import PeriodKind
from progress.players import PlayerState
from progress.rules.goals import Goal, combined
from progress.rules.requirements import TARGET, WINDOW
from progress.rules.tallies import Tally
from progress.rules.vocabulary import RequirementType
from progress.tallies import Tallies


def snapshot(
    standings: Standings, player: PlayerState, achievement: Achievement, opens: datetime | None
) -> dict[str, Json]:
    """How far the player is in the period (or run) that opens then, by what this world has read and counted."""
    world, goal = standings.world, achievement.goal
    standing = standings.find(player, achievement, opens)

    def tally(metric: str) -> Tally | None:
        return world[Tallies].by_key.get((player.player_id, metric, goal.scope.key(opens)))

    return goal_snapshot(goal, tally, standing.memory if standing else {}, player, standings.rules, world.now)


def goal_snapshot(
    goal: Goal,
    tally: Callable[[str], Tally | None],
    memory: Mapping[str, Any],
    player: PlayerState,
    rules: AchievementRules,
    now: datetime,
) -> dict[str, Json]:
    """How far a goal is; `tally` gives a metric's Tally in the goal's scope, or None."""
    metrics: dict[str, Json] = {}
    shown, fractions, met_all = [], [], []
    for requirement in goal.requirements:
        entry: dict[str, Json] = {"type": requirement.type}
        if requirement.nature == TARGET:
            met = rules.has_target(requirement, player)
            value: float | None = float(met)
            entry |= {"target": requirement.target}
        else:
            found = tally(requirement.metric) or Tally()
            if requirement.nature == WINDOW:
                value = memory.get(requirement.digest + ":best", None if requirement.type == RequirementType.MAX else 0)
            else:
                value = found.value(requirement.type)
            met = requirement.is_met(value, memory.get(requirement.digest))
            metrics.setdefault(requirement.metric, number(value))
            entry |= {
                "metric": requirement.metric,
                "operator": requirement.operator,
                "threshold": number(requirement.threshold),
            }
            if requirement.type == RequirementType.STREAK:
                entry["current"] = found.current_run(player.period(PeriodKind.DAILY, now))
        fractions.append(requirement.fraction(value, met))
        met_all.append(met)
        shown.append({**entry, "value": number(value), "met": met})
    return {"metrics": metrics, "requirements": shown, "progress": combined(goal.need, fractions, met_all)}
