"""What a player's feed tells, by type."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, final

from gamification_client import models


class AchievementTold(TypedDict):
    id: str
    title: str
    points: int
    rewards: list[str]


class ProgressTold(TypedDict):
    id: str
    progress: float


class QuestTold(TypedDict):
    id: str
    run: int
    status: str
    step: NotRequired[str]
    progress: float


class RewardTold(models.Distribution):
    type: models.RewardTypeEnum
    value: int
    currency: str | None
    items: list[models.Item]


class LevelTold(TypedDict):
    level: int
    xp: int


class DigestTold(TypedDict):
    achievements: list[str]
    points: int
    rewards: list[str]


class Kept(TypedDict):
    seq: int
    """1, 2, 3 … without gaps."""
    player_id: str
    timestamp: str


class AchievementMessage(Kept):
    type: Literal["achievement.completed"]
    data: AchievementTold


class QuestMessage(Kept):
    type: Literal["quest.started", "quest.advanced", "quest.completed", "quest.failed", "quest.expired"]
    data: QuestTold


class RewardMessage(Kept):
    type: Literal["reward.granted", "reward.claimed", "reward.expired", "reward.revoked", "reward.reinstated"]
    data: RewardTold


class CaseMessage(Kept):
    type: Literal["case.opened", "case.decided"]
    data: models.OwnCase


class LevelMessage(Kept):
    type: Literal["level.reached"]
    data: LevelTold


class DigestMessage(Kept):
    type: Literal["backfill.digest"]
    data: DigestTold


@final
class ProgressMessage(TypedDict):
    """It has no number, and is not kept."""

    type: Literal["achievement.progressed"]
    player_id: str
    data: ProgressTold
    timestamp: str


@final
class Resync(TypedDict):
    """Away for so long that what was missed is no longer kept: read the player's state anew."""

    type: Literal["resync"]


KeptMessage = AchievementMessage | QuestMessage | RewardMessage | CaseMessage | LevelMessage | DigestMessage
Message = KeptMessage | ProgressMessage | Resync
