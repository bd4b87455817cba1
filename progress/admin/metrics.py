"""Metrics as designers write them, and how many samples they took."""

from __future__ import annotations

from typing import Any, assert_never

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse_lazy
from rest_framework import serializers

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import JsonOrText, LineForm, ShapedForm, Suggesting, json_or_text
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin
from gamification.kernel.web.strict_fields import flatten
from progress.admin import samples
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


WHAT_IT_COUNTS = ("event_type", "value_field", "member_field")


def is_counting(metric: Metric | None) -> bool:
    """Whether it was published: what it counts never changes then."""
    return metric is not None and metric.published is not None


class ConditionInline(LineInline):
    model = MetricCondition
    form = ConditionForm
    verbose_name = "condition"
    verbose_name_plural = "conditions: an event counts when all of them hold"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not is_counting(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not is_counting(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not is_counting(obj)


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
        widgets = {  # noqa: RUF012
            "event_type": Suggesting(
                lambda: known_event_types(), {"data-samples": reverse_lazy("admin:progress_metric_samples")}
            )
        }


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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(WHAT_IT_COUNTS if is_counting(obj) else ()))

    def get_urls(self) -> list[Any]:
        return [
            path("samples/", self.admin_site.admin_view(self.samples), name="progress_metric_samples"),
            *super().get_urls(),
        ]

    def samples(self, request: HttpRequest) -> HttpResponse:
        """A part of a page: what the newest events held that a metric counts, or that are of a type."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        metric = Metric.objects.filter(pk=request.GET.get("metric", "")).first()
        event_type = metric.event_type if metric else request.GET.get("event_type", "")[:64]
        shown = {
            "metric": metric,
            "conditions": [(c.field, c.get_op_display().lower(), listed(c.value)) for c in metric.conditions.all()]
            if metric
            else [],
            "samples": samples.of_type(event_type),
            "is_open": metric is None,
        }
        return TemplateResponse(request, "console/_samples.html", shown)


@admin.register(MetricDay)
class MetricDayAdmin(ReadOnlyAdmin):
    list_display = ("metric_id", "day", "samples", "no_value")
    search_fields = ("=metric_id",)
    ordering = ("-day", "metric_id")
