"""The shape of examples: what a designer says that some events must come to."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import RESERVED_TYPES
from gamification.kernel.web.strict_fields import Choice, EventType, Matching, Number, Shape, Text, rows, storable

MAX_EXAMPLES = 20
MAX_EVENTS = 200
TEN_YEARS = 3_653 * 86_400

EXPECTED = (
    FactType.ACHIEVEMENT_COMPLETED,
    FactType.QUEST_STARTED,
    FactType.QUEST_ADVANCED,
    FactType.QUEST_COMPLETED,
    FactType.QUEST_FAILED,
    FactType.QUEST_EXPIRED,
    FactType.REWARD_GRANTED,
    FactType.REWARD_CLAIMED,
    FactType.LEVEL_REACHED,
)
"""What events can come to; the rest follows from what people and the clock do."""


class EventId(Matching):
    pattern = re.compile(r"(?!~)[!-~]{1,64}")
    expected = "1 to 64 visible ASCII characters, the first not ~"


class EventData(serializers.DictField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        return storable(data)


class ExampleTypeField(EventType):
    def to_internal_value(self, data: Any) -> str:
        type_ = super().to_internal_value(data)
        if type_ in RESERVED_TYPES:
            raise serializers.ValidationError("Such events are stated by the service itself.", code="reserved_type")
        return type_


class ExampleEventShape(Shape):
    """An event of an example."""

    id = EventId(max_length=64, allow_null=True, default=None, help_text="Null: one that no other event has.")
    type = ExampleTypeField()
    data = EventData(default=dict, help_text="What the event says.")  # type: ignore[assignment]
    at = Number(min_value=0, max_value=TEN_YEARS, help_text="Seconds from the example's beginning.")


class ExpectedShape(Shape):
    """A fact that the events must come to."""

    type = Choice(choices=[(each.value, each.value) for each in EXPECTED])
    id = Text(max_length=64, help_text="Of the achievement, quest or reward; the number of the level.")


class ExampleShape(Shape):
    """Events, and what they must come to for a player nobody has seen."""

    name = Text(max_length=120)
    events = rows(ExampleEventShape, most=MAX_EVENTS)
    expect = rows(ExpectedShape, most=MAX_EVENTS)


def examples() -> serializers.ListSerializer[Any]:
    return rows(ExampleShape, most=MAX_EXAMPLES)
