"""Achievements over HTTP: what requests may say, and what answers look like."""

from __future__ import annotations

from rest_framework import serializers

from achievements.models import Achievement
from achievements.reading import State
from gamification.kernel.web.strict_fields import Shape, Text
from progress.rules.scopes import Repeat
from progress.rules.vocabulary import ConditionOp, Operator, RequirementType
from rewards.serializers import DistributionShape

# -- requests ----------------------------------------------------------------------------------------------------------


class ClaimShape(Shape):
    player_id = Text(required=False, help_text="A game server says for whom it claims, here or in the query.")


class RevokeShape(Shape):
    player_id = Text()
    reason = Text(max_length=4000, allow_blank=True, default="")
    occurrence = Text(required=False, max_length=40, help_text="Of a repeating one: which. Without: all.")


# -- answers -----------------------------------------------------------------------------------------------------------


class HistoryEntry(serializers.Serializer[object]):
    at = serializers.DateTimeField()
    progress = serializers.FloatField(min_value=0, max_value=1)
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))


class ReadRequirement(serializers.Serializer[object]):
    type = serializers.ChoiceField(RequirementType.choices())
    metric = serializers.CharField(required=False)
    target = serializers.CharField(required=False)
    operator = serializers.ChoiceField(Operator.choices(), required=False)
    threshold = serializers.FloatField(required=False)
    current = serializers.IntegerField(required=False, help_text="STREAK: the run that is still alive, in days.")
    value = serializers.FloatField(allow_null=True)
    met = serializers.BooleanField()


class AchievementProgressShape(serializers.Serializer[object]):
    player_id = serializers.CharField()
    achievement_id = serializers.CharField()
    progress = serializers.FloatField(min_value=0, max_value=1)
    is_completed = serializers.BooleanField()
    completed_at = serializers.DateTimeField(allow_null=True)
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    requirements = ReadRequirement(many=True)
    history = HistoryEntry(many=True)
    version = serializers.IntegerField()
    completions = serializers.IntegerField(required=False, help_text="Of a repeating one: how many so far.")
    pending = serializers.BooleanField(required=False, help_text="The player's past is still being counted for it.")
    revoked_at = serializers.DateTimeField(required=False)


class AchievementStandingShape(AchievementProgressShape):
    """A row of a player's list."""

    id = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    type = serializers.ChoiceField(Achievement.Type.choices)
    category = serializers.ChoiceField(Achievement.Category.choices)
    points = serializers.IntegerField()
    series = serializers.CharField(allow_null=True)
    tier = serializers.IntegerField(allow_null=True)
    repeat = serializers.ChoiceField(Repeat.choices())
    icon = serializers.CharField(allow_null=True)
    rewards = serializers.ListField(child=serializers.CharField())
    rarity = serializers.FloatField(
        min_value=0,
        max_value=1,
        allow_null=True,
        help_text="The share of all players who have completed it, rolled up hourly; null until it first was.",
    )
    state = serializers.ChoiceField([state.value for state in State])


class ExplainedEvent(serializers.Serializer[object]):
    id = serializers.CharField()
    type = serializers.CharField()
    timestamp = serializers.DateTimeField()


class CountedEvent(ExplainedEvent):
    value = serializers.FloatField(allow_null=True, help_text="What it was worth to the metric.")


class NotCountedEvent(ExplainedEvent):
    """`failed` says what failed: a condition with its `field`, `op` and `value`, or the field of the value; `found` is
    what the event has there."""

    failed = serializers.ChoiceField(["condition", "value_field", "dates", "held", "dismissed"])
    field = serializers.CharField(required=False)
    op = serializers.ChoiceField(ConditionOp.choices(), required=False)
    value = serializers.JSONField(required=False, help_text="Any JSON value: what the condition compares with.")
    found = serializers.JSONField(required=False, help_text="Any JSON value; null where there is none.")


class ExplainedRequirement(ReadRequirement):
    missing = serializers.FloatField(allow_null=True)
    counted = CountedEvent(many=True, required=False)
    not_counted = NotCountedEvent(many=True, required=False)


class Blocker(serializers.Serializer[object]):
    code = serializers.CharField()
    detail = serializers.CharField()
    id = serializers.CharField(required=False)


class ExplanationShape(serializers.Serializer[object]):
    player_id = serializers.CharField()
    achievement_id = serializers.CharField()
    progress = serializers.FloatField(min_value=0, max_value=1)
    is_completed = serializers.BooleanField()
    completed_at = serializers.DateTimeField(allow_null=True)
    pending = serializers.BooleanField()
    blocked_by = Blocker(many=True)
    requirements = ExplainedRequirement(many=True)


class ClaimedShape(serializers.Serializer[object]):
    distributions = DistributionShape(many=True)


class RevokedShape(serializers.Serializer[object]):
    achievement_id = serializers.CharField()
    player_id = serializers.CharField()
    revoked = serializers.ListField(child=serializers.CharField(), help_text="The occurrences.")
    distributions = DistributionShape(many=True)
