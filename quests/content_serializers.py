"""The shapes of quests, their steps, and pools."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from gamification.kernel.content.example_shapes import examples
from gamification.kernel.web.strict_fields import (
    MAX_INT32,
    MAX_TEXT,
    Choice,
    ContentShape,
    Flag,
    Id,
    Instant,
    Integer,
    JsonObject,
    Listed,
    OptionalText,
    Shape,
    Text,
    rows,
)
from progress.content_serializers import Match, RequirementShape
from progress.rules.scopes import Repeat
from quests.models import Quest
from quests.rules import POOL_PERIODS, CompletedBy

LAST = 2**15 - 1
"""The greatest order of a step, and the most quests that a pool can pick."""


class StepShape(Shape):
    id = Id()
    title = Text(max_length=120, required=False)
    description = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    order = Integer(min_value=0, max_value=LAST, default=1)
    requirements = rows(RequirementShape, most=50)
    match = Match(default="ALL")
    rewards = Listed(child=Id())
    is_optional = Flag(default=False)
    branch = OptionalText(max_length=64)
    completed_by = Choice(choices=CompletedBy.choices(), default="SERVER")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"id": attrs["id"], "title": attrs.get("title", attrs["id"]), **attrs}


class QuestShape(ContentShape):
    id = Id()
    title = Text(max_length=120)
    description = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    type = Choice(choices=Quest.Type.choices, default="SIDE")
    difficulty = Choice(choices=Quest.Difficulty.choices, default="NORMAL")
    steps = rows(StepShape, most=100)
    rewards = Listed(child=Id())
    requirements = rows(RequirementShape, most=50)
    fail_conditions = rows(RequirementShape, most=50)
    time_limit = Integer(min_value=1, max_value=MAX_INT32, allow_null=True, default=None)
    start_date = Instant(allow_null=True, default=None)
    end_date = Instant(allow_null=True, default=None)
    repeat = Choice(choices=Repeat.choices(), default="NEVER")
    cooldown = Integer(min_value=1, max_value=MAX_INT32, allow_null=True, default=None)
    auto_start = Flag(default=False)
    is_active = Flag(default=True)
    min_seconds = Integer(min_value=1, max_value=MAX_INT32, allow_null=True, default=None)
    metadata = JsonObject(default=dict)
    examples = examples()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Not even a draft may have a step's id twice: its lines could not be told from the other's."""
        seen: set[str] = set()
        errors: Any = {}
        for index, step in enumerate(attrs["steps"]):
            if step["id"] in seen:
                errors[index] = {"id": [ErrorDetail("Another step of the quest is called so.", "duplicate_step")]}
            seen.add(step["id"])
        if errors:
            raise serializers.ValidationError({"steps": errors})
        return attrs


class PoolShape(ContentShape):
    id = Id()
    quests = Listed(child=Id())
    pick = Integer(min_value=1, max_value=LAST, default=1)
    period = Choice(choices=[(kind.value, kind.label) for kind in POOL_PERIODS], default="DAILY")
