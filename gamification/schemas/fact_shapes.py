"""What each type of fact says in its `data`, and each type of message to a player: as JSON Schema, for all documents.

Every fact and message that any test sees stated is held against these shapes, with no field more.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

from achievements.models import Achievement
from gamification.kernel.core.fact_types import FactType
from gamification.review.rules import State as CaseState
from progress.player_standing import PlayerStanding
from quests import running
from quests.models import Quest
from rewards import rules as rewards

Json = dict[str, Any]


class Stated(NamedTuple):
    """What a type of fact is about, and the names of the shapes of its data and of what the player is told."""

    says: str
    data: str
    message: str | None = None


# -- kinds of values ---------------------------------------------------------------------------------------------------


def text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


def integer(description: str) -> Json:
    return {"type": "integer", "format": "int64", "description": description}


def instant(description: str) -> Json:
    return {"type": "string", "format": "date-time", "description": description}


def one_of(words: Iterable[str | Enum], description: str) -> Json:
    values = [word.value if isinstance(word, Enum) else word for word in words]
    return {"type": "string", "enum": values, "description": description}


def texts(description: str) -> Json:
    return {"type": "array", "items": {"type": "string"}, "description": description}


def or_null(schema: Json) -> Json:
    more = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **more}


def shape(description: str, **fields: Json) -> Json:
    """An object that has all of these fields. Newer versions may add some."""
    return {"type": "object", "description": description, "properties": fields, "required": list(fields)}


# -- shapes ------------------------------------------------------------------------------------------------------------

_OF_A_CAUSE = text("The opening instant of the period, the number of the completion, else `0`.")
_ACHIEVEMENT = {
    "id": text("The achievement."),
    "title": text("As its designer wrote it."),
    "points": integer("What it adds to the player's points."),
    "rewards": texts("The ids of its rewards."),
}
_ACHIEVEMENT_TYPE = one_of(Achievement.Type.values, "Its type.")
_CATEGORY = one_of(Achievement.Category.values, "Its category.")
_RUN = {
    "id": text("The quest."),
    "run": integer("Which run of the player's, from 1 on."),
    "status": one_of(running.Status, "What has become of the run."),
    "progress": {"type": "number", "format": "double", "description": "From 0 to 1."},
}
_STEP = {"step": text("The step that is complete.")}
_OF_A_QUEST = {
    "type": one_of(Quest.Type.values, "The quest's type."),
    "difficulty": one_of(Quest.Difficulty.values, "The quest's difficulty."),
    "version": integer("The version that the run is on."),
}
_PUBLISHED = {"version": integer("The version that is live now.")}
_ITEM = {
    "title": "GivenItem",
    **shape(
        "What an ITEM reward holds.",
        id=text("The item."),
        type=text("The item's type; may be empty."),
        quantity=integer("How many."),
        metadata={"type": "object", "additionalProperties": True, "description": "For the game's own use."},
    ),
}
_CASE = {"case": integer("The case.")}
_EVENT = {"id": text("The event's id."), "type": text("The event's type.")}

SHAPES: dict[str, Json] = {
    "AchievementPublishedData": shape(
        "An achievement, as it is live now.",
        id=_ACHIEVEMENT["id"], title=_ACHIEVEMENT["title"], points=_ACHIEVEMENT["points"],
        type=_ACHIEVEMENT_TYPE, category=_CATEGORY,
        is_enabled={"type": "boolean", "description": "Whether it can be completed."}, **_PUBLISHED,
    ),
    "AchievementCompletedData": shape(
        "Which achievement, and what it is worth.", **_ACHIEVEMENT,
        type=_ACHIEVEMENT_TYPE, category=_CATEGORY,
        occurrence=_OF_A_CAUSE,
    ),
    "AchievementToldData": shape("Which achievement, and what it is worth.", **_ACHIEVEMENT),
    "AchievementRevokedData": shape(
        "Which completion was taken back.", id=_ACHIEVEMENT["id"], occurrence=_OF_A_CAUSE, reason=text("Why."),
    ),
    "AchievementReinstatedData": shape(
        "Which completion was given back.", id=_ACHIEVEMENT["id"], occurrence=_OF_A_CAUSE,
    ),
    "AchievementProgressedData": shape("How far the player is.", id=_ACHIEVEMENT["id"], progress=_RUN["progress"]),
    "QuestPublishedData": shape(
        "A quest, as it is live now.", id=_RUN["id"], title=text("As its designer wrote it."),
        type=_OF_A_QUEST["type"], difficulty=_OF_A_QUEST["difficulty"],
        is_active={"type": "boolean", "description": "Whether it can be started."}, **_PUBLISHED,
    ),
    "QuestRunData": shape("Which run of which quest.", **_RUN, **_OF_A_QUEST),
    "QuestAdvancedData": shape("Which step of which run.", **_RUN, **_STEP, **_OF_A_QUEST),
    "QuestRunToldData": shape("Which run of which quest.", **_RUN),
    "QuestAdvancedToldData": shape("Which step of which run.", **_RUN, **_STEP),
    "RewardData": shape(
        "The distribution, and what it comes to (for a RANDOM one: what it drew).",
        id=text("The distribution: what `POST /rewards/{id}/claim` takes.", format="uuid"),
        player_id=text("Whose it is."),
        reward_id=text("Which reward."),
        source=one_of(rewards.Source, "What kind of cause it has."),
        source_id=text("The content or the level that it is for; `quest/step` for a step."),
        occurrence=_OF_A_CAUSE,
        line=integer("Its place in the content's list of rewards."),
        status=one_of(rewards.Status, "What has become of it."),
        created_at=instant("When it was granted."),
        claimed_at=or_null(instant("When it was claimed.")),
        expires_at=or_null(instant("Until when it can be claimed.")),
        revoked_at=or_null(instant("When it was taken back.")),
        drawn=or_null(text("The reward that a RANDOM one drew.")),
        withheld={"type": "boolean", "description": "Whether a person looks at how the player plays first."},
        type=one_of(rewards.RewardType, "What it is."),
        value=integer("How much; 0 where the type has no use for it."),
        currency=or_null(text("Of which currency.")),
        items={"type": "array", "items": _ITEM, "description": "Which items."},
    ),
    "CurrencySpentData": shape(
        "What left the wallet.", id=text("The transfer.", format="uuid"), currency=text("Of which currency."),
        amount=integer("How much."), reason=text("What the game server said it was for."),
    ),
    "LevelReachedData": shape("Which level.", level=integer("The level."), xp=integer("The player's experience.")),
    "EventRejectedData": shape(
        "Which event, and why.", **_EVENT, code=text("Why, as in `rejected` of `POST /events`."),
        detail=text("The same for people."),
    ),
    "EventHeldData": shape("Which event, and by which rule.", **_EVENT, rule=text("The rule, or `cascade`.")),
    "StandingChangedData": shape(
        "How the player stood and stands.",
        before=one_of(PlayerStanding, "How the player stood."),
        standing=one_of(PlayerStanding, "How the player stands now."),
        expires_at=or_null(instant("When it ends by itself.")),
        case={**or_null(integer("The case that it is of."))},
        reason=text("Why."),
    ),
    "CaseOpenedData": shape(
        "Why somebody should look at how the player plays.", **_CASE, rules=texts("The rules that found something."),
        families=texts("Which sides of play they look at."), due_at=instant("By when it should be decided."),
    ),
    "CaseDecidedData": shape(
        "What was decided.", **_CASE, state=one_of(CaseState, "The verdict, or what became of the appeal."),
        standing=or_null(text("How the player stands by it.")),
    ),
    "CaseToldData": shape(
        "A case as its player may know it.", id=integer("The case."), state=one_of(CaseState, "How far it is."),
        families=texts("Which sides of play were looked at."), opened_at=instant("Since when."),
        due_at=instant("By when it should be decided."), decided_at=or_null(instant("When it was decided.")),
        appealed_at=or_null(instant("When the player appealed.")), closed_at=or_null(instant("When it was over.")),
        may_appeal={"type": "boolean", "description": "Whether an appeal is possible now."},
    ),
    "BackfillDigestData": shape(
        "What the player's past came to, all at once.", achievements=texts("Completed by it."),
        points=integer("What they add to the player's points."), rewards=texts("The ids of the rewards granted."),
    ),
}  # fmt: skip

# -- facts and messages ------------------------------------------------------------------------------------------------

FACTS: dict[FactType, Stated] = {
    FactType.ACHIEVEMENT_CREATED: Stated("A new achievement is live. Of no player.", "AchievementPublishedData"),
    FactType.ACHIEVEMENT_UPDATED: Stated(
        "A new version of an achievement is live. Of no player.", "AchievementPublishedData"
    ),
    FactType.ACHIEVEMENT_COMPLETED: Stated(
        "The player has completed an achievement.", "AchievementCompletedData", "AchievementToldData"
    ),
    FactType.ACHIEVEMENT_REVOKED: Stated("A completion was taken back.", "AchievementRevokedData"),
    FactType.ACHIEVEMENT_REINSTATED: Stated(
        "A completion was given back, since the verdict that took it was overturned.", "AchievementReinstatedData"
    ),
    FactType.QUEST_CREATED: Stated("A new quest is live. Of no player.", "QuestPublishedData"),
    FactType.QUEST_UPDATED: Stated("A new version of a quest is live. Of no player.", "QuestPublishedData"),
    FactType.QUEST_STARTED: Stated("The player is on a quest.", "QuestRunData", "QuestRunToldData"),
    FactType.QUEST_ADVANCED: Stated("A step is complete.", "QuestAdvancedData", "QuestAdvancedToldData"),
    FactType.QUEST_COMPLETED: Stated("All mandatory steps are complete.", "QuestRunData", "QuestRunToldData"),
    FactType.QUEST_FAILED: Stated("A condition for failing holds.", "QuestRunData", "QuestRunToldData"),
    FactType.QUEST_EXPIRED: Stated("The deadline has passed.", "QuestRunData", "QuestRunToldData"),
    FactType.QUEST_ABANDONED: Stated("The player has given the quest up.", "QuestRunData"),
    FactType.REWARD_GRANTED: Stated("The player may claim a reward, or has it already.", "RewardData", "RewardData"),
    FactType.REWARD_CLAIMED: Stated("The reward is the player's.", "RewardData", "RewardData"),
    FactType.REWARD_EXPIRED: Stated("The reward was not claimed in time.", "RewardData", "RewardData"),
    FactType.REWARD_REVOKED: Stated("The reward was taken back.", "RewardData", "RewardData"),
    FactType.REWARD_REINSTATED: Stated(
        "The reward was given back, since the verdict that took it was overturned.", "RewardData", "RewardData"
    ),
    FactType.CURRENCY_SPENT: Stated("Money has left the player's wallet for something.", "CurrencySpentData"),
    FactType.LEVEL_REACHED: Stated("The player has reached a level.", "LevelReachedData", "LevelReachedData"),
    FactType.EVENT_REJECTED: Stated(
        "An event that came by RabbitMQ, or was answered with 202, was refused.", "EventRejectedData"
    ),
    FactType.EVENT_HELD: Stated(
        "An event that came by RabbitMQ, or was answered with 202, is held until a person has looked.", "EventHeldData"
    ),
    FactType.EVENT_RELEASED: Stated("An event that was held counts after all.", "EventHeldData"),
    FactType.STANDING_CHANGED: Stated("The player stands in another way than before.", "StandingChangedData"),
    FactType.CASE_OPENED: Stated("Somebody should look at how the player plays.", "CaseOpenedData", "CaseToldData"),
    FactType.CASE_DECIDED: Stated("A case was decided, or an appeal.", "CaseDecidedData", "CaseToldData"),
}
"""Every fact, by its type."""

DIGEST = "backfill.digest"
DIGEST_SAYS = "New content was live, and the player's past has met some of it."
PROGRESSED = "achievement.progressed"

MESSAGES: dict[str, str] = {
    **{str(type_): stated.message for type_, stated in FACTS.items() if stated.message is not None},
    DIGEST: "BackfillDigestData",
}
"""Every numbered message to a player: its type → the shape of its data."""


def name_of(type_: str) -> str:
    """`achievement.completed` is `AchievementCompleted` in names."""
    return "".join(word.title() for word in type_.split("."))


def data_schema(type_: FactType) -> Json:
    """A JSON Schema of what this type of fact says in its `data`."""
    stated = FACTS[type_]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": str(type_),
        **SHAPES[stated.data],
        "description": f"{stated.says} {SHAPES[stated.data]['description']}",
    }
