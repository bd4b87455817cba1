"""Whether a player may start a quest at some instant, and why not: plain decisions, no database, no clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from progress.periods import PeriodsAt
from progress.rules.requirements import Requirement
from progress.rules.scopes import NEVER
from progress.rules.vocabulary import RequirementType
from quests.rules import Quest
from quests.running import Has, Run, Status


def refusal(
    quest: Quest,
    player_id: PlayerId,
    *,
    at: datetime,
    newest: Run | None,
    is_done: bool,
    period: PeriodsAt,
    has: Has,
) -> tuple[str, str] | None:
    """Why a run cannot be started at that instant, `(code, detail)`; None: it can.

    `newest` is the player's newest run of it, `is_done` whether any was completed, `period` the player's period of a
    kind that holds the instant, `has` whether a requirement is met now.
    """
    if not quest.is_active:
        return "quest_inactive", "The quest is not active."
    if quest.start_date is not None and at < quest.start_date:
        return "quest_not_open", f"It opens at {instant(quest.start_date)}."
    if quest.end_date is not None and at >= quest.end_date:
        return "quest_not_open", f"It ended at {instant(quest.end_date)}."
    if unmet := [requirement for requirement in quest.requirements if not has(requirement)]:
        return "requirements_not_met", f"To start, it still takes {', '.join(map(_wanted, unmet))}."
    if newest is not None and newest.is_open:
        return "already_in_progress", f"Run {newest.number} is in progress."
    if _is_completed(quest, newest, is_done, period):
        again = "" if quest.repeat == NEVER else " in this period"
        return "already_completed", f"It was completed{again} already."
    if quest.cooldown and newest is not None and newest.ended_at is not None:
        over = newest.ended_at + timedelta(seconds=quest.cooldown)
        if at < over:
            return "cooldown", f"It can be started again at {instant(over)}."
    if not quest.is_offered(player_id, period):
        return "not_offered", "No pool offers it to this player now."
    return None


def _wanted(requirement: Requirement) -> str:
    """The requirement in words. An achievement is not named: it may be secret."""
    match requirement.type:
        case RequirementType.ACHIEVEMENT:
            return "an achievement"
        case RequirementType.QUEST:
            return f"the quest {requirement.target}"
        case RequirementType.LEVEL:
            return f"a level {requirement.operator} {requirement.threshold:g}"
        case (
            RequirementType.COUNT
            | RequirementType.SUM
            | RequirementType.MAX
            | RequirementType.MIN
            | RequirementType.LATEST
            | RequirementType.DISTINCT
            | RequirementType.STREAK
        ):
            return f"{requirement.type} of {requirement.metric} {requirement.operator} {requirement.threshold:g}"
    assert_never(requirement.type)


def _is_completed(quest: Quest, newest: Run | None, is_done: bool, period: PeriodsAt) -> bool:
    if quest.repeat == NEVER:
        return is_done
    kind = quest.repeat.period
    if kind is None or newest is None:
        return False
    opens, closes = period(kind)
    if newest.status != Status.COMPLETED or newest.completed_at is None:
        return newest.started_at >= closes  # a late event: what is begun since is not to be followed by what was before
    # Another version may have had other periods, or none. What has one may be completed at its very end, where the next
    # one opens, and still is of the first.
    is_at_its_end = newest.period is not None and newest.completed_at == opens
    return newest.started_at >= opens or (newest.completed_at >= opens and not is_at_its_end)


def starts_itself(quest: Quest, newest: Run | None, period: PeriodsAt) -> bool:
    """Whether the player has not decided against it: what they abandoned starts by itself with the next period at the
    earliest.
    """
    if newest is None or newest.status != Status.ABANDONED:
        return True
    kind = quest.repeat.period
    return newest.period is not None and kind is not None and newest.started_at < period(kind).opens
