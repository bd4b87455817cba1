"""Metrics and levels as designers write them; players and what was counted for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from rest_framework import serializers

from gamification.kernel.authoring import ORDER_HELP, ContentAdmin, JsonOrText, LineInline, ReadOnlyAdmin, ShapedForm
from gamification.kernel.encoding import number
from gamification.kernel.shapes import flatten
from progress.content import LEVEL, METRIC
from progress.content_serializers import ConditionShape, LevelShape, MetricShape, RequirementShape
from progress.models import (
    Backfill,
    ErasedPlayer,
    Level,
    LevelReward,
    MemberSeen,
    Metric,
    MetricCondition,
    MetricDay,
    Player,
    Tally,
    WindowSample,
)

# -- metrics -----------------------------------------------------------------------------------------------------------


class ConditionForm(ShapedForm):
    shape = ConditionShape
    called = {"value": ""}  # noqa: RUF012 - looked at together with the op, below
    value = JsonOrText(
        required=False,
        help_text='A number, a text, true or false; for "in" and "not in" a list: ["bow", "crossbow"]. '
        "To compare with a text that looks like a number, put it in quotes.",
    )

    class Meta:
        model = MetricCondition
        fields = ("position", "field", "op", "value")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "position": ORDER_HELP,
            "field": "Where in the event's data: weapon, or enemy.kind",
            "op": "eq, ne: equals or not. gt, gte, lt, lte: numbers. exists: whether the field is there at all.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        data = {"field": cleaned["field"], "op": cleaned["op"]}
        if cleaned["value"] is not None:
            data["value"] = cleaned["value"]
        try:
            cleaned["value"] = ConditionShape().run_validation(data)["value"]
        except serializers.ValidationError as problem:
            for error in flatten(problem.detail):
                self.add_error(error["path"], ValidationError(error["detail"], error["code"]))
        return cleaned


class ConditionInline(LineInline):
    model = MetricCondition
    form = ConditionForm
    verbose_name_plural = "conditions: an event counts when all of them hold"


class MetricForm(ShapedForm):
    shape = MetricShape

    class Meta:
        model = Metric
        fields = (
            "id", "name", "description", "unit", "event_type", "value_field", "member_field", "reported_by",
        )  # fmt: skip
        help_texts = {  # noqa: RUF012 - declared so by Django
            "name": "What designers call it: Bow kills",
            "unit": "What it is measured in, if anything: metres",
            "event_type": "The type of the events it counts: enemy.killed",
            "value_field": "Which field of the data is its value, such as damage. Empty: each event is worth 1.",
            "member_field": "Which field tells one from another for DISTINCT, such as weapon.",
            "reported_by": "PLAYER: players' own devices may report it. Only for what is not worth cheating for.",
        }


@admin.register(Metric)
class MetricAdmin(ContentAdmin):
    kind = METRIC
    form = MetricForm
    inlines = (ConditionInline,)
    list_display = ("id", "name", "event_type", "state")
    search_fields = ("id", "name", "description", "event_type")
    own_fieldsets = (
        (None, {"fields": ("id", "name", "description", "unit")}),
        (
            "What it counts",
            {
                "fields": ("event_type", "value_field", "member_field"),
                "description": "Fixed once it is published, conditions included: another count is another metric.",
            },
        ),
        ("Who reports it", {"fields": ("reported_by",)}),
    )


# -- levels ------------------------------------------------------------------------------------------------------------


class LevelForm(ShapedForm):
    shape = LevelShape

    class Meta:
        model = Level
        fields = ("level", "xp")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "xp": "All the experience it takes from the very beginning; more than the level below.",
        }


class LevelRewardInline(LineInline):
    model = LevelReward
    autocomplete_fields = ("reward",)
    fields = ("position", "reward")


@admin.register(Level)
class LevelAdmin(ContentAdmin):
    kind = LEVEL
    form = LevelForm
    inlines = (LevelRewardInline,)
    list_display = ("level", "xp", "state")
    ordering = ("level",)
    search_fields = ("id",)
    own_fieldsets = ((None, {"fields": ("level", "xp")}),)

    def prepare(self, draft: Any) -> None:
        draft.pk = str(draft.level)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return [name for name in super().get_readonly_fields(request, obj) if name != "id"]


# -- requirements, for whoever has them --------------------------------------------------------------------------------


class RequirementForm(ShapedForm):
    """A requirement's row. `targets` are what it may name where it is not about a metric."""

    shape = RequirementShape
    types: tuple[str, ...] = ("COUNT", "SUM", "MAX", "MIN", "LATEST", "DISTINCT", "STREAK", "ACHIEVEMENT")

    class Meta:
        fields = ("position", "type", "metric", "operator", "threshold", "duration", "unit", "target")
        labels = {"duration": "within", "unit": ""}  # noqa: RUF012 - declared so by Django
        help_texts = {  # noqa: RUF012 - declared so by Django
            "position": ORDER_HELP,
            "type": "COUNT: how many. SUM, MAX, MIN, LATEST: of the metric's value. DISTINCT: how many different. "
            "STREAK: days in a row. ACHIEVEMENT: another one completed.",
            "operator": "gte: at least. gt: more than. eq: exactly. lt, lte: below, at most, once all else is met.",
            "duration": "Only what happens within so long counts together (COUNT, SUM, MAX, DISTINCT with gt, gte).",
            "target": "For ACHIEVEMENT: which one.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields.get("type")
        if isinstance(choices, forms.ChoiceField):
            choices.choices = [(name, name) for name in ("", *self.types)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        of_a_metric = cleaned["type"] not in ("ACHIEVEMENT", "QUEST")
        if not of_a_metric:
            cleaned["operator"] = ""  # the form offers one to begin with
        frame = {name: cleaned[name] for name in ("duration", "unit") if cleaned[name]}
        data = {
            "type": cleaned["type"],
            "metric": cleaned["metric"].pk if cleaned["metric"] else None,
            "target": cleaned["target"] or None,
            "operator": cleaned["operator"] or None,
            "threshold": number(cleaned["threshold"]),
            "timeframe": frame or None,
        }
        try:
            RequirementShape().run_validation(data)
        except serializers.ValidationError as problem:
            for field, message in self._placed(problem):
                self.add_error(field, message)
        return cleaned

    def _placed(self, problem: serializers.ValidationError) -> Iterator[tuple[str | None, ValidationError]]:
        for error in flatten(problem.detail):
            name = error["path"].removeprefix("timeframe.").replace("timeframe", "duration")
            yield name if name in self.fields else None, ValidationError(error["detail"], error["code"])


class RequirementInline(LineInline):
    form = RequirementForm
    autocomplete_fields = ("metric",)


# -- players and what was counted --------------------------------------------------------------------------------------


@admin.register(Player)
class PlayerAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "display_name", "level", "xp", "points", "achievements_completed", "banned")
    list_filter = ("banned",)
    search_fields = ("player_id", "display_name")
    ordering = ("player_id",)


@admin.register(Tally)
class TallyAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "scope", "count", "sum", "max", "min", "latest", "members")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(MemberSeen)
class MemberSeenAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "scope", "member")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(WindowSample)
class WindowSampleAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "metric_id", "at", "value", "event_id")
    search_fields = ("=player_id", "=metric_id")
    ordering = ("-id",)


@admin.register(MetricDay)
class MetricDayAdmin(ReadOnlyAdmin):
    list_display = ("metric_id", "day", "samples", "no_value")
    search_fields = ("=metric_id",)
    ordering = ("-day", "metric_id")


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    list_display = ("id", "publication", "state", "players_done", "players_total", "would_complete", "created_at")
    list_filter = ("state",)
    ordering = ("-id",)


@admin.register(ErasedPlayer)
class ErasedPlayerAdmin(ReadOnlyAdmin):
    list_display = ("hash", "erased_at")
    ordering = ("-erased_at",)
