"""What this app may state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, own_id
from quests.rules import Quest, Step
from quests.running import Has, Run, Status, progress

ENDED = {
    Status.COMPLETED: FactType.QUEST_COMPLETED,
    Status.FAILED: FactType.QUEST_FAILED,
    Status.EXPIRED: FactType.QUEST_EXPIRED,
    Status.ABANDONED: FactType.QUEST_ABANDONED,
}
"""What is stated when a run ends, by its status."""


def stated(type_: FactType, run: Run, at: datetime, has: Has, step: Step | None = None) -> Fact:
    """QuestStarted, StepCompleted (`quest.advanced`), QuestCompleted, QuestFailed, QuestExpired or QuestAbandoned. All
    but the last have a message for the player.
    """
    message: dict[str, Any] = {
        "id": run.quest.id,
        "run": run.number,
        "status": run.status,
        "progress": progress(run, has),
    }
    if step is not None:
        message["step"] = step.id
    occurrence = f"{run.number}/{step.id}" if step is not None else str(run.number)
    return Fact(
        own_id(type_, run.player_id, run.quest.id, occurrence),
        run.player_id,
        type_,
        {**message, "type": run.quest.type, "difficulty": run.quest.difficulty, "version": run.quest.version},
        at,
        None if type_ == FactType.QUEST_ABANDONED else message,
    )


def own_event_data(quest: Quest) -> dict[str, Any]:
    return {"id": quest.id, "type": quest.type, "difficulty": quest.difficulty}
