"""Quests over HTTP: what requests may say, and what answers look like."""

from __future__ import annotations

from rest_framework import serializers

from gamification.kernel.web.strict_fields import Instant, Shape, Text
from progress.rules.scopes import Repeat
from quests.content_serializers import StepShape
from quests.models import Quest
from quests.reading import STATES
from quests.running import Status

# -- requests ----------------------------------------------------------------------------------------------------------


class PlayerNamed(Shape):
    player_id = Text(required=False, help_text="A game server says for whom it acts, here or in the query.")


class StartShape(PlayerNamed):
    timestamp = Instant(
        required=False, help_text="When it was started, at most 5 minutes ago; without, now. Game servers only."
    )


# -- answers -----------------------------------------------------------------------------------------------------------


class ClosedRun(serializers.Serializer[object]):
    run = serializers.IntegerField()
    status = serializers.ChoiceField([status.value for status in Status if status != Status.IN_PROGRESS])
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.FloatField(min_value=0, max_value=1)
    version = serializers.IntegerField()


class Offer(serializers.Serializer[object]):
    pool = serializers.CharField()
    opens = serializers.DateTimeField()
    closes = serializers.DateTimeField()
    is_offered = serializers.BooleanField()


class QuestProgressShape(serializers.Serializer[object]):
    player_id = serializers.CharField()
    quest_id = serializers.CharField()
    run = serializers.IntegerField(help_text="1, 2, 3 …; 0 where none was started.")
    status = serializers.ChoiceField(STATES)
    current_step = serializers.IntegerField(
        allow_null=True, help_text="The order of the lowest active mandatory steps."
    )
    active_steps = serializers.ListField(child=serializers.CharField())
    progress = serializers.FloatField(min_value=0, max_value=1)
    step_progress = serializers.DictField(child=serializers.FloatField(min_value=0, max_value=1))
    started_at = serializers.DateTimeField(allow_null=True)
    deadline = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(help_text="Of the quest, as the run goes by it.")
    history = ClosedRun(many=True)
    offers = Offer(many=True, required=False, help_text="Of a quest in pools: which of them offers it now.")


class QuestStandingShape(QuestProgressShape):
    """A row of a player's list."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    type = serializers.ChoiceField(Quest.Type.choices)
    difficulty = serializers.ChoiceField(Quest.Difficulty.choices)
    repeat = serializers.ChoiceField(Repeat.choices())
    time_limit = serializers.IntegerField(allow_null=True)
    start_date = serializers.DateTimeField(allow_null=True)
    end_date = serializers.DateTimeField(allow_null=True)
    rewards = serializers.ListField(child=serializers.CharField())
    steps = StepShape(many=True)
    rarity = serializers.FloatField(
        min_value=0,
        max_value=1,
        allow_null=True,
        help_text="The share of all players who have completed it, rolled up hourly; null until it first was.",
    )
    state = serializers.ChoiceField(STATES)
