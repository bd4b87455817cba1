"""What the service may state: one table of the types of facts, for whoever states, counts, shows or lists them."""

from __future__ import annotations

from gamification.kernel.core.vocabulary import Vocabulary


class FactType(Vocabulary):
    """The type of a fact: what it is about, and what became of that, in the past tense."""

    ACHIEVEMENT_CREATED = "achievement.created"
    ACHIEVEMENT_UPDATED = "achievement.updated"
    ACHIEVEMENT_COMPLETED = "achievement.completed"
    ACHIEVEMENT_REVOKED = "achievement.revoked"
    ACHIEVEMENT_REINSTATED = "achievement.reinstated"
    QUEST_CREATED = "quest.created"
    QUEST_UPDATED = "quest.updated"
    QUEST_STARTED = "quest.started"
    QUEST_ADVANCED = "quest.advanced"
    QUEST_COMPLETED = "quest.completed"
    QUEST_FAILED = "quest.failed"
    QUEST_EXPIRED = "quest.expired"
    QUEST_ABANDONED = "quest.abandoned"
    REWARD_GRANTED = "reward.granted"
    REWARD_CLAIMED = "reward.claimed"
    REWARD_EXPIRED = "reward.expired"
    REWARD_REVOKED = "reward.revoked"
    CURRENCY_SPENT = "currency.spent"
    REWARD_REINSTATED = "reward.reinstated"
    LEVEL_REACHED = "level.reached"
    EVENT_REJECTED = "event.rejected"
    EVENT_HELD = "event.held"
    EVENT_RELEASED = "event.released"
    STANDING_CHANGED = "standing.changed"
    CASE_OPENED = "case.opened"
    CASE_DECIDED = "case.decided"


OWN_TYPES = frozenset(
    {FactType.ACHIEVEMENT_COMPLETED, FactType.QUEST_COMPLETED, FactType.REWARD_CLAIMED, FactType.LEVEL_REACHED}
)
"""The facts that are events besides: metrics may count them, and nobody but the service may state them."""
