"""The shape of achievements."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from achievements.models import Achievement
from achievements.rules import SECRET
from gamification.kernel.content.example_shapes import examples
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.web.strict_fields import (
    MAX_INT32,
    MAX_TEXT,
    Choice,
    ContentShape,
    Flag,
    Icon,
    Id,
    Instant,
    Integer,
    JsonObject,
    Listed,
    OptionalText,
    Text,
    rows,
)
from progress.content_serializers import Match, RequirementShape
from progress.rules.scopes import Repeat


class SecretAchievementShape(serializers.Serializer[Any]):
    """All that a player sees of a SECRET achievement that they have not unlocked."""

    is_closed = True  # which tells it from any other

    id = serializers.CharField()
    type = serializers.ChoiceField([SECRET])
    points = serializers.IntegerField(min_value=0, max_value=MAX_INT32)


class AchievementShape(ContentShape):
    id = Id()
    title = Text(max_length=120)
    description = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    type = Choice(choices=Achievement.Type.choices, default="MILESTONE")
    category = Choice(choices=Achievement.Category.choices, default="GENERAL")
    points = Integer(min_value=0, max_value=MAX_INT32, default=0)
    requirements = rows(RequirementShape, most=50)
    match = Match(default="ALL")
    rewards = Listed(child=Id())
    prerequisites = Listed(child=Id())
    repeat = Choice(choices=Repeat.choices(), default="NEVER")
    series = OptionalText(max_length=64)
    tier = Integer(min_value=0, max_value=2**15 - 1, allow_null=True, default=None)
    is_enabled = Flag(default=True)
    starts_at = Instant(allow_null=True, default=None)
    ends_at = Instant(allow_null=True, default=None)
    icon = Icon()
    min_seconds = Integer(min_value=1, max_value=MAX_INT32, allow_null=True, default=None)
    metadata = JsonObject(default=dict)
    backfill = Choice(choices=BackfillMode.choices(), default=BackfillMode.DIGEST.value)
    examples = examples()
