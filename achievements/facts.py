"""What this app may state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from achievements.rules import Achievement, own_event_data
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, PlayerId, own_id


def completed(achievement: Achievement, player_id: PlayerId, occurrence: str, at: datetime) -> Fact:
    """AchievementCompleted: `data` is for whoever listens, `message` for the player."""
    message = {
        "id": achievement.id,
        "title": achievement.title,
        "points": achievement.points,
        "rewards": list(achievement.rewards),
    }
    return Fact(
        own_id(FactType.ACHIEVEMENT_COMPLETED, player_id, achievement.id, occurrence),
        player_id,
        FactType.ACHIEVEMENT_COMPLETED,
        {**own_event_data(achievement), **message, "occurrence": occurrence},
        at,
        message,
    )


def reinstated(achievement_id: str, player_id: PlayerId, occurrence: str, revoked_at: datetime, at: datetime) -> Fact:
    """AchievementReinstated. It has no message either: `reward.reinstated` tells the player."""
    id_ = own_id(FactType.ACHIEVEMENT_REINSTATED, player_id, achievement_id, f"{occurrence} {instant(revoked_at)}")
    data = {"id": achievement_id, "occurrence": occurrence}
    return Fact(id_, player_id, FactType.ACHIEVEMENT_REINSTATED, data, at)


def revoked(achievement_id: str, player_id: PlayerId, occurrence: str, reason: str, at: datetime) -> Fact:
    """AchievementRevoked. It has no message: the `reward.revoked` of its rewards tells the player."""
    data: dict[str, Any] = {"id": achievement_id, "occurrence": occurrence, "reason": reason}
    # What was given back may be revoked again.
    id_ = own_id(FactType.ACHIEVEMENT_REVOKED, player_id, achievement_id, f"{occurrence} {instant(at)}")
    return Fact(id_, player_id, FactType.ACHIEVEMENT_REVOKED, data, at)
