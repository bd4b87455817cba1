"""The shapes that the service takes and answers, made of its schema: see `make clients`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, final


class Accepted(TypedDict):
    """With a broker:"""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


class Achievement(TypedDict):
    """What every kind of content has."""

    tags: list[str]
    id: str
    title: str
    description: str
    type: AchievementTypeEnum
    category: CategoryEnum
    points: int
    requirements: list[Requirement]
    match: Literal["ALL", "ANY"] | AtLeast
    rewards: list[str]
    prerequisites: list[str]
    repeat: RepeatEnum
    series: str | None
    tier: int | None
    is_enabled: bool
    starts_at: str | None
    ends_at: str | None
    icon: str | None
    min_seconds: int | None
    metadata: dict[str, Any]
    backfill: BackfillEnum
    examples: list[Example]
    created_at: str
    updated_at: str
    version: int | None
    draft: NotRequired[bool]


class AchievementCompletedData(TypedDict):
    """Which achievement, and what it is worth."""

    id: str
    title: str
    points: int
    rewards: list[str]
    type: AchievementTypeEnum
    category: CategoryEnum
    occurrence: str


class AchievementCompletedFact(TypedDict):
    """`achievement.completed`."""

    position: int
    id: str
    type: Literal["achievement.completed"]
    player_id: str
    data: AchievementCompletedData
    timestamp: str
    stated_at: str


class AchievementCompletedMessage(TypedDict):
    """`achievement.completed`."""

    seq: int
    type: Literal["achievement.completed"]
    player_id: str
    data: AchievementToldData
    timestamp: str
    is_read: bool


class AchievementCreatedFact(TypedDict):
    """`achievement.created`."""

    position: int
    id: str
    type: Literal["achievement.created"]
    player_id: str
    data: AchievementPublishedData
    timestamp: str
    stated_at: str


AchievementOrSecretAchievement: TypeAlias = "Achievement | SecretAchievement"


class AchievementPage(TypedDict):
    results: list[AchievementOrSecretAchievement]
    next: str | None
    previous: str | None


class AchievementProgress(TypedDict):
    player_id: str
    achievement_id: str
    progress: float
    is_completed: bool
    completed_at: str | None
    metrics: dict[str, float | None]
    requirements: list[ReadRequirement]
    history: list[HistoryEntry]
    version: int
    completions: NotRequired[int]
    pending: NotRequired[bool]
    revoked_at: NotRequired[str]


class AchievementPublishedData(TypedDict):
    """An achievement, as it is live now."""

    id: str
    title: str
    points: int
    type: AchievementTypeEnum
    category: CategoryEnum
    is_enabled: bool
    version: int


class AchievementReinstatedData(TypedDict):
    """Which completion was given back."""

    id: str
    occurrence: str


class AchievementReinstatedFact(TypedDict):
    """`achievement.reinstated`."""

    position: int
    id: str
    type: Literal["achievement.reinstated"]
    player_id: str
    data: AchievementReinstatedData
    timestamp: str
    stated_at: str


class AchievementRevokedData(TypedDict):
    """Which completion was taken back."""

    id: str
    occurrence: str
    reason: str


class AchievementRevokedFact(TypedDict):
    """`achievement.revoked`."""

    position: int
    id: str
    type: Literal["achievement.revoked"]
    player_id: str
    data: AchievementRevokedData
    timestamp: str
    stated_at: str


class AchievementStanding(TypedDict):
    """A row of a player's list."""

    player_id: str
    achievement_id: str
    progress: float
    is_completed: bool
    completed_at: str | None
    metrics: dict[str, float | None]
    requirements: list[ReadRequirement]
    history: list[HistoryEntry]
    version: int
    completions: NotRequired[int]
    pending: NotRequired[bool]
    revoked_at: NotRequired[str]
    id: str
    title: str
    description: str
    type: AchievementTypeEnum
    category: CategoryEnum
    points: int
    series: str | None
    tier: int | None
    repeat: RepeatEnum
    icon: str | None
    rewards: list[str]
    rarity: float | None
    state: AchievementStandingStateEnum


AchievementStandingOrSecretAchievement: TypeAlias = "AchievementStanding | SecretAchievement"


class AchievementStandingPage(TypedDict):
    results: list[AchievementStandingOrSecretAchievement]
    next: str | None
    previous: str | None


AchievementStandingStateEnum: TypeAlias = Literal["LOCKED", "IN_PROGRESS", "COMPLETED"]


class AchievementToldData(TypedDict):
    """Which achievement, and what it is worth."""

    id: str
    title: str
    points: int
    rewards: list[str]


AchievementTypeEnum: TypeAlias = Literal[
    "MILESTONE", "COLLECTION", "PROGRESSION", "DISCOVERY", "SKILL", "SOCIAL", "CHALLENGE", "SECRET"
]


class AchievementUpdatedFact(TypedDict):
    """`achievement.updated`."""

    position: int
    id: str
    type: Literal["achievement.updated"]
    player_id: str
    data: AchievementPublishedData
    timestamp: str
    stated_at: str


@final
class AppealWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    text: str


@final
class AtLeast(TypedDict):
    at_least: int


class BackfillDigestData(TypedDict):
    """What the player's past came to, all at once."""

    achievements: list[str]
    points: int
    rewards: list[str]


class BackfillDigestMessage(TypedDict):
    """`backfill.digest`."""

    seq: int
    type: Literal["backfill.digest"]
    player_id: str
    data: BackfillDigestData
    timestamp: str
    is_read: bool


BackfillEnum: TypeAlias = Literal["NOTIFY", "DIGEST", "SILENT"]


class CaseDecidedData(TypedDict):
    """What was decided."""

    case: int
    state: CaseStateEnum
    standing: str | None


class CaseDecidedFact(TypedDict):
    """`case.decided`."""

    position: int
    id: str
    type: Literal["case.decided"]
    player_id: str
    data: CaseDecidedData
    timestamp: str
    stated_at: str


class CaseDecidedMessage(TypedDict):
    """`case.decided`."""

    seq: int
    type: Literal["case.decided"]
    player_id: str
    data: CaseToldData
    timestamp: str
    is_read: bool


class CaseOpenedData(TypedDict):
    """Why somebody should look at how the player plays."""

    case: int
    rules: list[str]
    families: list[str]
    due_at: str


class CaseOpenedFact(TypedDict):
    """`case.opened`."""

    position: int
    id: str
    type: Literal["case.opened"]
    player_id: str
    data: CaseOpenedData
    timestamp: str
    stated_at: str


class CaseOpenedMessage(TypedDict):
    """`case.opened`."""

    seq: int
    type: Literal["case.opened"]
    player_id: str
    data: CaseToldData
    timestamp: str
    is_read: bool


CaseStateEnum: TypeAlias = Literal["OPEN", "CLEARED", "CONFIRMED", "APPEALED", "UPHELD", "OVERTURNED"]


class CaseToldData(TypedDict):
    """A case as its player may know it."""

    id: int
    state: CaseStateEnum
    families: list[str]
    opened_at: str
    due_at: str
    decided_at: str | None
    appealed_at: str | None
    closed_at: str | None
    may_appeal: bool


CategoryEnum: TypeAlias = Literal[
    "COMBAT", "EXPLORATION", "COLLECTION", "SOCIAL", "PROGRESSION", "COMPETITION", "STORY", "EVENT", "GENERAL"
]


class Chance(TypedDict):
    """A JSON object with these fields and no others."""

    reward: str
    weight: int


ClaimEnum: TypeAlias = Literal["MANUAL", "AUTO"]


@final
class ClaimRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: NotRequired[str]


@final
class ClaimWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: NotRequired[str]


class Claimed(TypedDict):
    distributions: list[Distribution]


class ClosedRun(TypedDict):
    run: int
    status: ClosedRunStatusEnum
    started_at: str
    ended_at: str | None
    completed_at: str | None
    progress: float
    version: int


ClosedRunStatusEnum: TypeAlias = Literal["COMPLETED", "FAILED", "EXPIRED", "ABANDONED"]


@final
class ConsumeWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    quantity: int
    reason: NotRequired[str]


class Currency(TypedDict):
    """What every kind of content has."""

    tags: list[str]
    id: str
    name: str
    on_revoke: OnRevokeEnum
    created_at: str
    updated_at: str
    version: int | None
    draft: NotRequired[bool]


class CurrencyPage(TypedDict):
    results: list[Currency]
    next: str | None
    previous: str | None


class CurrencySpentData(TypedDict):
    """What left the wallet."""

    id: str
    currency: str
    amount: int
    reason: str


class CurrencySpentFact(TypedDict):
    """`currency.spent`."""

    position: int
    id: str
    type: Literal["currency.spent"]
    player_id: str
    data: CurrencySpentData
    timestamp: str
    stated_at: str


DifficultyEnum: TypeAlias = Literal["EASY", "NORMAL", "HARD", "EXPERT", "LEGENDARY"]


@final
class DistributeWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: str
    reason: NotRequired[str]


class Distribution(TypedDict):
    """One reward given to one player for one cause."""

    id: str
    player_id: str
    reward_id: str
    source: SourceEnum
    source_id: str
    occurrence: str
    line: int
    status: DistributionStatusEnum
    created_at: str
    claimed_at: str | None
    expires_at: str | None
    revoked_at: str | None
    drawn: str | None
    withheld: bool


class DistributionPage(TypedDict):
    results: list[Distribution]
    next: str | None
    previous: str | None


DistributionStatusEnum: TypeAlias = Literal["PENDING", "CLAIMED", "EXPIRED", "REVOKED"]


@final
class EventBatch(TypedDict):
    events: list[GameEvent]


class EventHeldData(TypedDict):
    """Which event, and by which rule."""

    id: str
    type: str
    rule: str


class EventHeldFact(TypedDict):
    """`event.held`."""

    position: int
    id: str
    type: Literal["event.held"]
    player_id: str
    data: EventHeldData
    timestamp: str
    stated_at: str


class EventRejectedData(TypedDict):
    """Which event, and why."""

    id: str
    type: str
    code: str
    detail: str


class EventRejectedFact(TypedDict):
    """`event.rejected`."""

    position: int
    id: str
    type: Literal["event.rejected"]
    player_id: str
    data: EventRejectedData
    timestamp: str
    stated_at: str


class EventReleasedFact(TypedDict):
    """`event.released`."""

    position: int
    id: str
    type: Literal["event.released"]
    player_id: str
    data: EventHeldData
    timestamp: str
    stated_at: str


class Example(TypedDict):
    """Events, and what they must come to for a player nobody has seen."""

    name: str
    events: list[ExampleEvent]
    expect: list[Expected]


class ExampleEvent(TypedDict):
    """An event of an example."""

    id: str | None
    type: str
    data: dict[str, Any]
    at: float


class Expected(TypedDict):
    """A fact that the events must come to."""

    type: ExpectedTypeEnum
    id: str


ExpectedTypeEnum: TypeAlias = Literal[
    "achievement.completed",
    "quest.started",
    "quest.advanced",
    "quest.completed",
    "quest.failed",
    "quest.expired",
    "reward.granted",
    "reward.claimed",
    "level.reached",
]


Fact: TypeAlias = "AchievementCreatedFact | AchievementUpdatedFact | AchievementCompletedFact | AchievementRevokedFact | AchievementReinstatedFact | QuestCreatedFact | QuestUpdatedFact | QuestStartedFact | QuestAdvancedFact | QuestCompletedFact | QuestFailedFact | QuestExpiredFact | QuestAbandonedFact | RewardGrantedFact | RewardClaimedFact | RewardExpiredFact | RewardRevokedFact | RewardReinstatedFact | CurrencySpentFact | LevelReachedFact | EventRejectedFact | EventHeldFact | EventReleasedFact | StandingChangedFact | CaseOpenedFact | CaseDecidedFact"


FactTypeEnum: TypeAlias = Literal[
    "achievement.created",
    "achievement.updated",
    "achievement.completed",
    "achievement.revoked",
    "achievement.reinstated",
    "quest.created",
    "quest.updated",
    "quest.started",
    "quest.advanced",
    "quest.completed",
    "quest.failed",
    "quest.expired",
    "quest.abandoned",
    "reward.granted",
    "reward.claimed",
    "reward.expired",
    "reward.revoked",
    "currency.spent",
    "reward.reinstated",
    "level.reached",
    "event.rejected",
    "event.held",
    "event.released",
    "standing.changed",
    "case.opened",
    "case.decided",
]


class FactsPage(TypedDict):
    next: str | None
    previous: str | None
    after: int
    results: list[Fact]


class Finding(TypedDict):
    """An event that is or was held, and why."""

    id: int
    player_id: str
    event_id: str
    type: str
    rule: str
    values: dict[str, Any]
    status: FindingStatusEnum
    timestamp: str
    found_at: str


class FindingPage(TypedDict):
    results: list[Finding]
    next: str | None
    previous: str | None


FindingStatusEnum: TypeAlias = Literal["HELD", "RELEASED", "DISMISSED", "FLAGGED"]


@final
class GameEvent(TypedDict):
    """Something that happened in the game."""

    id: str
    player_id: str
    type: str
    data: dict[str, Any]
    timestamp: str


class GivenItem(TypedDict):
    """What an ITEM reward holds."""

    id: str
    type: str
    quantity: int
    metadata: dict[str, Any]


class HistoryEntry(TypedDict):
    at: str
    progress: float
    metrics: dict[str, float | None]


class Item(TypedDict):
    """A JSON object with these fields and no others."""

    id: str
    type: str
    quantity: int
    metadata: dict[str, Any]


class Level(TypedDict):
    """What every kind of content has."""

    tags: list[str]
    level: int
    xp: int
    rewards: list[str]
    created_at: str
    updated_at: str
    version: int | None
    draft: NotRequired[bool]


class LevelPage(TypedDict):
    results: list[Level]
    next: str | None
    previous: str | None


class LevelReachedData(TypedDict):
    """Which level."""

    level: int
    xp: int


class LevelReachedFact(TypedDict):
    """`level.reached`."""

    position: int
    id: str
    type: Literal["level.reached"]
    player_id: str
    data: LevelReachedData
    timestamp: str
    stated_at: str


class LevelReachedMessage(TypedDict):
    """`level.reached`."""

    seq: int
    type: Literal["level.reached"]
    player_id: str
    data: LevelReachedData
    timestamp: str
    is_read: bool


Message: TypeAlias = "AchievementCompletedMessage | QuestStartedMessage | QuestAdvancedMessage | QuestCompletedMessage | QuestFailedMessage | QuestExpiredMessage | RewardGrantedMessage | RewardClaimedMessage | RewardExpiredMessage | RewardRevokedMessage | RewardReinstatedMessage | LevelReachedMessage | CaseOpenedMessage | CaseDecidedMessage | BackfillDigestMessage"


class MessagePage(TypedDict):
    results: list[Message]
    next: str | None
    previous: str | None


class MetricSummary(TypedDict):
    count: int
    sum: float | None
    max: float | None
    min: float | None
    latest: float | None


NothingRequest: TypeAlias = "dict[str, Any]"


class Offer(TypedDict):
    pool: str
    opens: str
    closes: str
    is_offered: bool


OnRevokeEnum: TypeAlias = Literal["DEBT", "CLAMP", "REFUSE"]


OneOrMoreEventsRequest: TypeAlias = "GameEvent | EventBatch"


OperatorEnum: TypeAlias = Literal["gt", "gte", "lt", "lte", "eq"]


class OwnCase(TypedDict):
    """A case as its player is shown it."""

    id: int
    state: CaseStateEnum
    families: list[str]
    opened_at: str
    due_at: str
    decided_at: str | None
    appealed_at: str | None
    closed_at: str | None
    may_appeal: bool


class OwnCasePage(TypedDict):
    results: list[OwnCase]
    next: str | None
    previous: str | None


@final
class PatchedProfileChangesRequest(TypedDict):
    """What a game server may set of a player; what it leaves out stays."""

    display_name: NotRequired[str]
    timezone: NotRequired[str]
    attributes: NotRequired[dict[str, Any]]
    banned: NotRequired[bool]
    is_test: NotRequired[bool]


@final
class PatchedStandingWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    standing: NotRequired[PlayerStandingEnum]
    reason: NotRequired[str]
    expires_at: NotRequired[str | None]
    case: NotRequired[int | None]


@final
class PlayerNamedRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: NotRequired[str]


class PlayerResult(TypedDict):
    facts: list[ResultingFact]
    metrics: dict[str, MetricSummary]
    held: list[str]


PlayerStandingEnum: TypeAlias = Literal["CLEAR", "WATCHED", "UNRANKED", "WITHHELD", "BANNED"]


class Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: NotRequired[list[ProblemError]]


class ProblemError(TypedDict):
    path: str
    code: str
    detail: str


class Profile(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: str
    display_name: str
    timezone: str
    attributes: dict[str, Any]
    statistics: Statistics
    badges: list[str]
    titles: list[str]
    banned: bool
    standing: NotRequired[PlayerStandingEnum]
    is_test: NotRequired[bool]


class Quest(TypedDict):
    """What every kind of content has."""

    tags: list[str]
    id: str
    title: str
    description: str
    type: QuestTypeEnum
    difficulty: DifficultyEnum
    steps: list[Step]
    rewards: list[str]
    requirements: list[Requirement]
    fail_conditions: list[Requirement]
    time_limit: int | None
    start_date: str | None
    end_date: str | None
    repeat: RepeatEnum
    cooldown: int | None
    auto_start: bool
    is_active: bool
    min_seconds: int | None
    metadata: dict[str, Any]
    examples: list[Example]
    created_at: str
    updated_at: str
    version: int | None
    draft: NotRequired[bool]


class QuestAbandonedFact(TypedDict):
    """`quest.abandoned`."""

    position: int
    id: str
    type: Literal["quest.abandoned"]
    player_id: str
    data: QuestRunData
    timestamp: str
    stated_at: str


class QuestAdvancedData(TypedDict):
    """Which step of which run."""

    id: str
    run: int
    status: Literal["IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED", "ABANDONED"]
    progress: float
    step: str
    type: QuestTypeEnum
    difficulty: DifficultyEnum
    version: int


class QuestAdvancedFact(TypedDict):
    """`quest.advanced`."""

    position: int
    id: str
    type: Literal["quest.advanced"]
    player_id: str
    data: QuestAdvancedData
    timestamp: str
    stated_at: str


class QuestAdvancedMessage(TypedDict):
    """`quest.advanced`."""

    seq: int
    type: Literal["quest.advanced"]
    player_id: str
    data: QuestAdvancedToldData
    timestamp: str
    is_read: bool


class QuestAdvancedToldData(TypedDict):
    """Which step of which run."""

    id: str
    run: int
    status: Literal["IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED", "ABANDONED"]
    progress: float
    step: str


class QuestCompletedFact(TypedDict):
    """`quest.completed`."""

    position: int
    id: str
    type: Literal["quest.completed"]
    player_id: str
    data: QuestRunData
    timestamp: str
    stated_at: str


class QuestCompletedMessage(TypedDict):
    """`quest.completed`."""

    seq: int
    type: Literal["quest.completed"]
    player_id: str
    data: QuestRunToldData
    timestamp: str
    is_read: bool


class QuestCreatedFact(TypedDict):
    """`quest.created`."""

    position: int
    id: str
    type: Literal["quest.created"]
    player_id: str
    data: QuestPublishedData
    timestamp: str
    stated_at: str


class QuestExpiredFact(TypedDict):
    """`quest.expired`."""

    position: int
    id: str
    type: Literal["quest.expired"]
    player_id: str
    data: QuestRunData
    timestamp: str
    stated_at: str


class QuestExpiredMessage(TypedDict):
    """`quest.expired`."""

    seq: int
    type: Literal["quest.expired"]
    player_id: str
    data: QuestRunToldData
    timestamp: str
    is_read: bool


class QuestFailedFact(TypedDict):
    """`quest.failed`."""

    position: int
    id: str
    type: Literal["quest.failed"]
    player_id: str
    data: QuestRunData
    timestamp: str
    stated_at: str


class QuestFailedMessage(TypedDict):
    """`quest.failed`."""

    seq: int
    type: Literal["quest.failed"]
    player_id: str
    data: QuestRunToldData
    timestamp: str
    is_read: bool


class QuestPage(TypedDict):
    results: list[Quest]
    next: str | None
    previous: str | None


class QuestProgress(TypedDict):
    player_id: str
    quest_id: str
    run: int
    status: QuestStatusEnum
    current_step: int | None
    active_steps: list[str]
    progress: float
    step_progress: dict[str, float]
    started_at: str | None
    deadline: str | None
    completed_at: str | None
    version: int
    history: list[ClosedRun]
    offers: NotRequired[list[Offer]]


class QuestPublishedData(TypedDict):
    """A quest, as it is live now."""

    id: str
    title: str
    type: QuestTypeEnum
    difficulty: DifficultyEnum
    is_active: bool
    version: int


class QuestRunData(TypedDict):
    """Which run of which quest."""

    id: str
    run: int
    status: Literal["IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED", "ABANDONED"]
    progress: float
    type: QuestTypeEnum
    difficulty: DifficultyEnum
    version: int


class QuestRunToldData(TypedDict):
    """Which run of which quest."""

    id: str
    run: int
    status: Literal["IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED", "ABANDONED"]
    progress: float


class QuestStanding(TypedDict):
    """A row of a player's list."""

    player_id: str
    quest_id: str
    run: int
    status: QuestStatusEnum
    current_step: int | None
    active_steps: list[str]
    progress: float
    step_progress: dict[str, float]
    started_at: str | None
    deadline: str | None
    completed_at: str | None
    version: int
    history: list[ClosedRun]
    offers: NotRequired[list[Offer]]
    id: str
    title: str
    description: str
    type: QuestTypeEnum
    difficulty: DifficultyEnum
    repeat: RepeatEnum
    time_limit: int | None
    start_date: str | None
    end_date: str | None
    rewards: list[str]
    steps: list[Step]
    rarity: float | None
    state: QuestStatusEnum


class QuestStandingPage(TypedDict):
    results: list[QuestStanding]
    next: str | None
    previous: str | None


class QuestStartedFact(TypedDict):
    """`quest.started`."""

    position: int
    id: str
    type: Literal["quest.started"]
    player_id: str
    data: QuestRunData
    timestamp: str
    stated_at: str


class QuestStartedMessage(TypedDict):
    """`quest.started`."""

    seq: int
    type: Literal["quest.started"]
    player_id: str
    data: QuestRunToldData
    timestamp: str
    is_read: bool


QuestStatusEnum: TypeAlias = Literal["NOT_STARTED", "IN_PROGRESS", "COMPLETED", "FAILED", "EXPIRED"]


QuestTypeEnum: TypeAlias = Literal["MAIN", "SIDE", "DAILY", "WEEKLY", "EVENT", "TUTORIAL"]


class QuestUpdatedFact(TypedDict):
    """`quest.updated`."""

    position: int
    id: str
    type: Literal["quest.updated"]
    player_id: str
    data: QuestPublishedData
    timestamp: str
    stated_at: str


class ReadMark(TypedDict):
    read_up_to: int


@final
class ReadRequest(TypedDict):
    """A JSON object with these fields and no others."""

    up_to: int


class ReadRequirement(TypedDict):
    type: RequirementTypeEnum
    metric: NotRequired[str]
    target: NotRequired[str]
    operator: NotRequired[OperatorEnum]
    threshold: NotRequired[float]
    current: NotRequired[int]
    value: float | None
    met: bool


class RejectedEvent(TypedDict):
    id: int
    player_id: str
    event_id: str
    type: str
    code: str
    detail: str
    timestamp: str
    rejected_at: str


class RejectedEventPage(TypedDict):
    results: list[RejectedEvent]
    next: str | None
    previous: str | None


class Rejection(TypedDict):
    index: int
    code: str
    detail: str
    path: NotRequired[str]


RepeatEnum: TypeAlias = Literal["NEVER", "DAILY", "WEEKLY", "MONTHLY", "ALWAYS"]


@final
class ReportRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: NotRequired[str]
    metrics: dict[str, float]
    timestamp: NotRequired[str]


class Requirement(TypedDict):
    """An aggregate of a metric against a threshold, or another piece of content completed, or the level."""

    type: RequirementTypeEnum
    metric: NotRequired[str | None]
    target: NotRequired[str | None]
    operator: NotRequired[OperatorEnum | None]
    threshold: NotRequired[float | None]
    timeframe: NotRequired[Timeframe | None]


RequirementTypeEnum: TypeAlias = Literal[
    "COUNT", "SUM", "MAX", "MIN", "LATEST", "DISTINCT", "STREAK", "ACHIEVEMENT", "QUEST", "LEVEL"
]


class ResultingFact(TypedDict):
    """What the service states after deciding."""

    id: str
    type: FactTypeEnum
    data: dict[str, Any]
    timestamp: str


class Reward(TypedDict):
    """What every kind of content has."""

    tags: list[str]
    id: str
    type: RewardTypeEnum
    value: int
    currency: str | None
    items: list[Item] | None
    table: list[Chance] | None
    claim: ClaimEnum
    claim_within: int | None
    expires_at: str | None
    metadata: dict[str, Any]
    created_at: str
    updated_at: str
    version: int | None
    draft: NotRequired[bool]


class RewardClaimedFact(TypedDict):
    """`reward.claimed`."""

    position: int
    id: str
    type: Literal["reward.claimed"]
    player_id: str
    data: RewardData
    timestamp: str
    stated_at: str


class RewardClaimedMessage(TypedDict):
    """`reward.claimed`."""

    seq: int
    type: Literal["reward.claimed"]
    player_id: str
    data: RewardData
    timestamp: str
    is_read: bool


class RewardData(TypedDict):
    """The distribution, and what it comes to (for a RANDOM one:"""

    id: str
    player_id: str
    reward_id: str
    source: SourceEnum
    source_id: str
    occurrence: str
    line: int
    status: DistributionStatusEnum
    created_at: str
    claimed_at: str | None
    expires_at: str | None
    revoked_at: str | None
    drawn: str | None
    withheld: bool
    type: RewardTypeEnum
    value: int
    currency: str | None
    items: list[GivenItem]


class RewardExpiredFact(TypedDict):
    """`reward.expired`."""

    position: int
    id: str
    type: Literal["reward.expired"]
    player_id: str
    data: RewardData
    timestamp: str
    stated_at: str


class RewardExpiredMessage(TypedDict):
    """`reward.expired`."""

    seq: int
    type: Literal["reward.expired"]
    player_id: str
    data: RewardData
    timestamp: str
    is_read: bool


class RewardGrantedFact(TypedDict):
    """`reward.granted`."""

    position: int
    id: str
    type: Literal["reward.granted"]
    player_id: str
    data: RewardData
    timestamp: str
    stated_at: str


class RewardGrantedMessage(TypedDict):
    """`reward.granted`."""

    seq: int
    type: Literal["reward.granted"]
    player_id: str
    data: RewardData
    timestamp: str
    is_read: bool


class RewardPage(TypedDict):
    results: list[Reward]
    next: str | None
    previous: str | None


class RewardReinstatedFact(TypedDict):
    """`reward.reinstated`."""

    position: int
    id: str
    type: Literal["reward.reinstated"]
    player_id: str
    data: RewardData
    timestamp: str
    stated_at: str


class RewardReinstatedMessage(TypedDict):
    """`reward.reinstated`."""

    seq: int
    type: Literal["reward.reinstated"]
    player_id: str
    data: RewardData
    timestamp: str
    is_read: bool


class RewardRevokedFact(TypedDict):
    """`reward.revoked`."""

    position: int
    id: str
    type: Literal["reward.revoked"]
    player_id: str
    data: RewardData
    timestamp: str
    stated_at: str


class RewardRevokedMessage(TypedDict):
    """`reward.revoked`."""

    seq: int
    type: Literal["reward.revoked"]
    player_id: str
    data: RewardData
    timestamp: str
    is_read: bool


RewardTypeEnum: TypeAlias = Literal["POINTS", "XP", "CURRENCY", "ITEM", "BADGE", "TITLE", "RANDOM"]


@final
class SecretAchievement(TypedDict):
    """All that a player sees of a SECRET achievement that they have not unlocked."""

    id: str
    type: SecretAchievementTypeEnum
    points: int


SecretAchievementTypeEnum: TypeAlias = Literal["SECRET"]


ServerOrPlayerEnum: TypeAlias = Literal["SERVER", "PLAYER"]


class Settled(TypedDict):
    """Processed in place:"""

    accepted: int
    duplicates: int
    rejected: list[Rejection]
    results: dict[str, PlayerResult]


SourceEnum: TypeAlias = Literal["ACHIEVEMENT", "QUEST", "QUEST_STEP", "LEVEL", "GRANT"]


@final
class SpendWishRequest(TypedDict):
    """A JSON object with these fields and no others."""

    amount: int
    reason: NotRequired[str]


class Spent(TypedDict):
    currency: str
    balance: int
    debt: int
    transfer: Transfer


class Stack(TypedDict):
    item_id: str
    type: str
    quantity: int


class StackPage(TypedDict):
    results: list[Stack]
    next: str | None
    previous: str | None


class Standing(TypedDict):
    """How a player stands."""

    player_id: str
    standing: PlayerStandingEnum
    expires_at: str | None
    case: int | None
    is_test: bool


class StandingChangedData(TypedDict):
    """How the player stood and stands."""

    before: PlayerStandingEnum
    standing: PlayerStandingEnum
    expires_at: str | None
    case: int | None
    reason: str


class StandingChangedFact(TypedDict):
    """`standing.changed`."""

    position: int
    id: str
    type: Literal["standing.changed"]
    player_id: str
    data: StandingChangedData
    timestamp: str
    stated_at: str


@final
class StartRequest(TypedDict):
    """A JSON object with these fields and no others."""

    player_id: NotRequired[str]
    timestamp: NotRequired[str]


class Statistics(TypedDict):
    points: int
    xp: int
    level: int
    achievements_completed: int
    quests_completed: int


class Step(TypedDict):
    """A JSON object with these fields and no others."""

    id: str
    title: str
    description: str
    order: int
    requirements: list[Requirement]
    match: Literal["ALL", "ANY"] | AtLeast
    rewards: list[str]
    is_optional: bool
    branch: str | None
    completed_by: ServerOrPlayerEnum


class Tally(TypedDict):
    metric: str
    count: int
    sum: float
    max: float | None
    min: float | None
    latest: float | None
    value: float


class TallyPage(TypedDict):
    results: list[Tally]
    next: str | None
    previous: str | None


class Timeframe(TypedDict):
    """A JSON object with these fields and no others."""

    duration: int
    unit: UnitEnum


class Token(TypedDict):
    token: str
    expires_at: str


class Transfer(TypedDict):
    """One movement of currency:"""

    id: str
    debit_account: str
    credit_account: str
    currency: str
    amount: int
    cause: str
    created_at: str


class TransferPage(TypedDict):
    results: list[Transfer]
    next: str | None
    previous: str | None


UnitEnum: TypeAlias = Literal["minutes", "hours", "days"]


class Wallet(TypedDict):
    currency: str
    balance: int
    debt: int


class WalletPage(TypedDict):
    results: list[Wallet]
    next: str | None
    previous: str | None
