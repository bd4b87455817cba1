"""Metrics as designers write them, and how many samples they took."""

from __future__ import annotations

from typing import Any, assert_never

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from rest_framework import serializers

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import JsonOrText, LineForm, ShapedForm, Suggesting, json_or_text
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin
from gamification.kernel.web.strict_fields import flatten
from progress.content import METRIC
from progress.content_serializers import ConditionShape, MetricShape
from progress.models import Metric, MetricCondition, MetricDay
from progress.rules.vocabulary import ConditionOp


def _said(op: ConditionOp) -> str:
    match op:
        case ConditionOp.EQ:
            return "= equal to"
        case ConditionOp.NE:
            return "≠ other than"
        case ConditionOp.GT:
            return "> more than"
        case ConditionOp.GTE:
            return "≥ at least"
        case ConditionOp.LT:
            return "< less than"
        case ConditionOp.LTE:
            return "≤ at most"
        case ConditionOp.IN:
            return "one of a list"
        case ConditionOp.NOT_IN:
            return "none of a list"
        case ConditionOp.EXISTS:
            return "there at all"
    assert_never(op)


class ConditionForm(LineForm, ShapedForm):
    shape = ConditionShape
    called = {"value": ""}  # noqa: RUF012 - looked at together with the op, below
    value = JsonOrText(
        required=False,
        help_text="A number, a text, true or false; for a list: bow, crossbow. A text that looks like a number goes "
        'into quotes: "5".',
    )

    class Meta:
        model = MetricCondition
        fields = ("field", "op", "value", "position")
        labels = {"op": "is"}  # noqa: RUF012 - declared so by Django
        help_texts = {"field": "Where in the event's data: weapon, or enemy.kind"}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(choices := self.fields.get("op"), forms.ChoiceField):
            choices.choices = [("", "—"), *((op.value, _said(op)) for op in ConditionOp)]
        if self.instance.op and ConditionOp(self.instance.op).takes_list and "value" in self.initial:
            self.initial["value"] = listed(self.initial["value"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        value = cleaned["value"]
        if ConditionOp(cleaned["op"]).takes_list and value is not None:
            value = as_list(self.data[self.add_prefix("value")])
        data = {"field": cleaned["field"], "op": cleaned["op"]}
        if value is not None:
            data["value"] = value
        try:
            cleaned["value"] = ConditionShape().run_validation(data)["value"]
        except serializers.ValidationError as problem:
            for error in flatten(problem.detail):
                self.add_error(error["path"], ValidationError(error["detail"], error["code"]))
        return cleaned


def as_list(text: str) -> list[Any]:
    """`bow, crossbow`, or a list in JSON."""
    whole = json_or_text(text)
    return (
        whole if isinstance(whole, list) else [json_or_text(part.strip()) for part in text.split(",") if part.strip()]
    )


def listed(values: Any) -> Any:
    """A list as people write one, if that can be read back."""
    texts: list[Any] = [None]
    if isinstance(values, list):
        texts = [JsonOrText().prepare_value(value) for value in values]
    if None in texts or as_list(text := ", ".join(texts)) != values:
        return values
    return JsonOrText.Typed(text)


class ConditionInline(LineInline):
    model = MetricCondition
    form = ConditionForm
    verbose_name = "condition"
    verbose_name_plural = "conditions: an event counts when all of them hold"


class MetricForm(ShapedForm):
    shape = MetricShape

    class Meta:
        model = Metric
        fields = (
            "id", "name", "description", "unit", "event_type", "value_field", "member_field", "reported_by", "tags",
        )  # fmt: skip
        help_texts = {  # noqa: RUF012 - declared so by Django
            "name": "What designers call it: Bow kills",
            "unit": "What it is measured in, if anything: metres",
            "event_type": "The type of the events it counts, as the game sends it: enemy.killed",
            "value_field": "Which field of the data is its value, such as damage. Empty: each event is worth 1.",
            "member_field": "Which field tells one from another for DISTINCT, such as weapon.",
            "reported_by": "Player: players' own devices may report it. Only for what is not worth cheating for.",
        }
        widgets = {"event_type": Suggesting(lambda: known_event_types())}  # noqa: RUF012


def known_event_types() -> list[str]:
    return sorted({*Metric.objects.filter(retired_at=None).values_list("event_type", flat=True)})


@admin.register(Metric)
class MetricAdmin(ContentAdmin):
    kind = METRIC
    form = MetricForm
    inlines = (ConditionInline,)
    list_display = ("name_and_id", "state", "event_type", "value_field", "member_field", "tagged", "changed_last")
    list_filter = (*ContentAdmin.list_filter, "event_type")
    search_fields = ("id", "name", "description", "event_type")
    own_fieldsets = (
        (None, {"fields": ("id", "name", "description", "unit")}),
        (
            "What it counts",
            {
                "fields": ("event_type", "value_field", "member_field"),
                "description": "Once published, none of this changes, nor do the conditions below: to count something "
                "else, make another metric.",
            },
        ),
        ("Who reports it", {"fields": ("reported_by",)}),
    )


@admin.register(MetricDay)
class MetricDayAdmin(ReadOnlyAdmin):
    list_display = ("metric_id", "day", "samples", "no_value")
    search_fields = ("=metric_id",)
    ordering = ("-day", "metric_id")
