"""What a simulation answers, for the OpenAPI schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from achievements.serializers import AchievementStandingShape
from gamification.intake.schema import PlayerResultShape, ResultingFactShape
from gamification.players.serializers import StatisticsShape
from progress.rules.vocabulary import ConditionOp
from progress.serializers import TallyShape
from quests.serializers import QuestStandingShape
from rewards.serializers import StackShape, WalletShape


class HavingShape(serializers.Serializer[Any]):
    """What the player has at one moment, in the rows of the player's own lists."""

    metrics = TallyShape(many=True)
    achievements = AchievementStandingShape(many=True)
    quests = QuestStandingShape(many=True)
    wallet = WalletShape(many=True)
    inventory = StackShape(many=True)
    statistics = StatisticsShape()


class SimulatedSampleShape(serializers.Serializer[Any]):
    metric = serializers.CharField()
    value = serializers.FloatField()
    member = serializers.JSONField(help_text="Any JSON value: what DISTINCT counts; null where there is none.")


class NotCountedShape(serializers.Serializer[Any]):
    """Why an event of its type is worth nothing to a metric, and what the event has there."""

    failed = serializers.ChoiceField(["condition", "value_field"])
    field = serializers.CharField()
    op = serializers.ChoiceField(ConditionOp.choices(), required=False)
    value = serializers.JSONField(required=False, help_text="Any JSON value: what the condition compares with.")
    found = serializers.JSONField(help_text="Any JSON value; null where there is none.")


class MoveShape(serializers.Serializer[Any]):
    """A requirement whose value an event changed."""

    kind = serializers.ChoiceField(["achievement", "quest"])
    id = serializers.CharField()
    step = serializers.CharField(allow_null=True, help_text="The step of a quest; null: a fail condition.")
    path = serializers.CharField(help_text="Where it stands in the definition: `steps[0].requirements[1]`.")
    index = serializers.IntegerField()
    before = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)
    met = serializers.BooleanField()


class RejectedShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()


class SimulatedStepShape(serializers.Serializer[Any]):
    """What one event changed, with all that followed from it."""

    event_id = serializers.CharField()
    held = serializers.CharField(required=False, help_text="The rule that would hold it: it changes nothing.")
    duplicate = serializers.BooleanField(required=False, help_text="The player has it already.")
    rejected = RejectedShape(required=False, help_text="Why only the store refuses it.")
    samples = SimulatedSampleShape(many=True)
    not_counted = serializers.DictField(child=NotCountedShape(), help_text="By metric of the event's type.")
    requirements = MoveShape(many=True)
    facts = ResultingFactShape(many=True)


class SimulatedShape(serializers.Serializer[Any]):
    results = serializers.DictField(child=PlayerResultShape(), help_text="By player; `~nobody` is the blank one.")
    before = HavingShape()
    after = HavingShape()
    steps = SimulatedStepShape(many=True)
