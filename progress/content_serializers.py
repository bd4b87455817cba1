"""The shapes of metrics, levels and requirements."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from gamification.kernel.web.strict_fields import (
    MAX_INT32,
    MAX_TEXT,
    Choice,
    ContentShape,
    EventType,
    FieldPath,
    Id,
    Integer,
    Json,
    Listed,
    Number,
    OptionalFieldPath,
    OptionalId,
    Shape,
    Text,
    rows,
)
from progress.rules.samples import ReportedBy
from progress.rules.vocabulary import TRAITS, ConditionOp, Operator, RequirementType, TimeUnit

MAX_TIMEFRAME = 3650 * 24 * 3600
"""Seconds of the longest time frame: ten years."""


class ConditionShape(Shape):
    field = FieldPath()
    op = Choice(choices=ConditionOp.choices())
    value = Json(required=False, allow_null=True, help_text="Any JSON value; of in and not_in, a list.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        op = ConditionOp(attrs["op"])
        if op == ConditionOp.EXISTS:
            attrs.setdefault("value", True)
        if "value" not in attrs:
            raise serializers.ValidationError({"value": self.said("required")})
        value = attrs["value"]
        expected = None
        if op == ConditionOp.EXISTS and not isinstance(value, bool):
            expected = "true or false"
        elif op.takes_list and not (isinstance(value, list) and value):
            expected = "a list with at least one value"
        elif op.takes_number and (isinstance(value, bool) or not isinstance(value, int | float)):
            expected = "a number"
        if expected:
            detail = f"{op} compares with {expected}." if op != ConditionOp.EXISTS else f"{op} takes {expected}."
            raise serializers.ValidationError({"value": [ErrorDetail(detail, "invalid")]})
        return attrs


class MetricShape(ContentShape):
    id = Id()
    name = Text(max_length=120, required=False)
    description = Text(max_length=MAX_TEXT, allow_blank=True, default="")
    unit = Text(max_length=32, allow_blank=True, default="")
    event_type = EventType()
    value_field = OptionalFieldPath()
    member_field = OptionalFieldPath()
    conditions = rows(ConditionShape, most=50)
    reported_by = Choice(choices=ReportedBy.choices(), default=ReportedBy.SERVER.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"id": attrs["id"], "name": attrs.get("name", attrs["id"]), **attrs}


class TimeframeShape(Shape):
    duration = Integer(min_value=1, max_value=MAX_INT32)
    unit = Choice(choices=TimeUnit.choices())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["duration"] * TimeUnit(attrs["unit"]).seconds > MAX_TIMEFRAME:
            raise serializers.ValidationError(
                {"duration": [ErrorDetail("A time frame is at most ten years long.", "max_value")]}
            )
        return attrs


class RequirementShape(Shape):
    """An aggregate of a metric against a threshold, or another piece of content completed, or the level."""

    answers_leave_out = ("metric", "target", "operator", "threshold", "timeframe")

    type = Choice(choices=RequirementType.choices())
    metric = OptionalId()
    target = OptionalId()
    operator = Choice(choices=Operator.choices(), allow_null=True, default=None)
    threshold = Number(allow_null=True, default=None)
    timeframe = TimeframeShape(allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        type_ = attrs["type"]
        names = TRAITS[type_].needs
        others = ["metric", "target", "operator", "threshold", *(() if "metric" in names else ("timeframe",))]
        errors = self.fields_for(attrs, names, others, of=type_)
        if errors:
            raise serializers.ValidationError(errors)
        kept = ("type", *names, *(("timeframe",) if "metric" in names else ()))
        return {name: attrs[name] for name in kept}


class AtLeastShape(Shape):
    at_least = Integer(min_value=1, max_value=MAX_INT32)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "enum": ["ALL", "ANY"]},
            {
                "title": "AtLeast",
                "type": "object",
                "properties": {"at_least": {"type": "integer", "minimum": 1}},
                "required": ["at_least"],
                "additionalProperties": False,
            },
        ]
    }
)
class Match(serializers.Field[Any, Any, Any, Any]):
    """How many of the requirements it takes."""

    def to_internal_value(self, data: Any) -> Any:
        if data in ("ALL", "ANY"):
            return data
        if not isinstance(data, dict):
            raise serializers.ValidationError('Expected "ALL", "ANY" or {"at_least": n}.', code="invalid")
        return AtLeastShape().run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value


class LevelShape(ContentShape):
    level = Integer(min_value=1, max_value=MAX_INT32)
    xp = Integer(min_value=0)
    rewards = Listed(child=Id())
