"""Metrics and levels as designers write them; players and what was counted for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote_plus

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from rest_framework import serializers

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import JsonOrText, LineForm, ShapedForm, Suggesting, json_or_text
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting, as_lines, may_decide
from gamification.kernel.content import kinds, publishing
from gamification.kernel.core.encoding import number
from gamification.kernel.web.strict_fields import flatten
from progress.content import LEVEL, METRIC
from progress.content_serializers import OF_A_METRIC, ConditionShape, LevelShape, MetricShape, RequirementShape
from progress.leveling import LevelRules
from progress.models import (
    Backfill,
    ErasedPlayer,
    HomeZone,
    LeftOut,
    Level,
    LevelReward,
    MemberSeen,
    Metric,
    MetricCondition,
    MetricDay,
    Player,
    Rarity,
    Tally,
    Unit,
    WindowSample,
)

COMPARISONS = {
    "eq": "= equal to",
    "ne": "≠ other than",
    "gt": "> more than",
    "gte": "≥ at least",
    "lt": "< less than",
    "lte": "≤ at most",
    "in": "one of a list",
    "not_in": "none of a list",
    "exists": "there at all",
}
LISTS = ("in", "not_in")
TAKES = [("ALL", "all requirements"), ("ANY", "any one requirement"), ("at_least", "at least …")]
THRESHOLDS = {"gte": "≥ at least", "gt": "> more than", "eq": "= exactly", "lte": "≤ at most", "lt": "< less than"}

# -- metrics -----------------------------------------------------------------------------------------------------------


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
            choices.choices = [("", "—"), *COMPARISONS.items()]
        if self.instance.op in LISTS and "value" in self.initial:
            self.initial["value"] = listed(self.initial["value"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        value = cleaned["value"]
        if cleaned["op"] in LISTS and value is not None:
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
    list_display = ("id", "name", "state", "event_type", "value_field", "member_field")
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


# -- levels ------------------------------------------------------------------------------------------------------------


class LevelForm(ShapedForm):
    shape = LevelShape

    class Meta:
        model = Level
        fields = ("level", "xp", "tags")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "xp": "All the experience it takes from the very beginning; more than the level below.",
        }


class LevelRewardInline(LineInline):
    model = LevelReward
    autocomplete_fields = ("reward",)
    fields = ("reward", "position")
    verbose_name = "reward"
    verbose_name_plural = "rewards for reaching it"


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


class MatchWidget(forms.MultiWidget):
    def __init__(self) -> None:
        number = {"min": 1, "style": "width: 5em", "data-only-for": "at_least", "data-chosen-by": "match_0"}
        super().__init__([forms.Select(choices=TAKES), forms.NumberInput(attrs=number)])

    def decompress(self, value: Any) -> list[Any]:
        return ["at_least", value.get("at_least")] if isinstance(value, dict) else [value or "ALL", None]


class MatchField(forms.MultiValueField):
    """How many of the requirements it takes, as a choice and a number."""

    def __init__(self, **kwargs: Any) -> None:
        parts = (forms.ChoiceField(choices=TAKES), forms.IntegerField(required=False, min_value=1))
        super().__init__(parts, widget=MatchWidget(), require_all_fields=False, **kwargs)

    def compress(self, data_list: list[Any]) -> Any:
        take, many = [*data_list, "ALL", None][:2] if data_list else ("ALL", None)
        if take != "at_least":
            return take or "ALL"
        if many is None:
            raise ValidationError("At least how many?")
        return {"at_least": many}


def targets() -> list[Any]:
    """What a requirement may name beside metrics, as the choices of a field."""
    return [("", "—"), *((f"{kind.capitalize()}s", _named(kind)) for kind in ("achievement", "quest"))]


def _named(kind: str) -> list[tuple[str, str]]:
    model: Any = kinds.kind(kind).model
    rows = model.objects.filter(retired_at=None).order_by("pk").values_list("pk", "title")
    return [(id_, f"{id_}: {title}") for id_, title in rows]


class RequirementForm(LineForm, ShapedForm):
    """A requirement's row."""

    shape = RequirementShape
    types: ClassVar[Mapping[str, str]] = {
        "COUNT": "COUNT: how many",
        "SUM": "SUM: altogether",
        "MAX": "MAX: greatest",
        "MIN": "MIN: least",
        "LATEST": "LATEST: newest",
        "DISTINCT": "DISTINCT: kinds",
        "STREAK": "STREAK: days",
        "ACHIEVEMENT": "ACHIEVEMENT",
        "QUEST": "QUEST",
    }
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(("metric", "operator", "threshold"), OF_A_METRIC),
        **dict.fromkeys(("duration", "unit"), ("COUNT", "SUM", "MAX", "DISTINCT")),
        "target": ("ACHIEVEMENT", "QUEST"),
    }
    empty: ClassVar[Mapping[str, str]] = {"operator": "gte"}
    target = forms.ChoiceField(required=False, choices=targets, label="target")

    class Meta:
        fields: tuple[str, ...] = ("type", "metric", "operator", "threshold", "duration", "unit", "target", "position")
        labels = {"operator": "is", "threshold": "", "duration": "within", "unit": ""}  # noqa: RUF012
        help_texts = {  # noqa: RUF012 - declared so by Django
            "type": "DISTINCT: how many different values of the metric's member field. STREAK: days in a row.",
            "operator": "At least, more than and exactly stay met once they were. At most and less than are looked at "
            "when all else is met.",
            "duration": "Only what happens within so long counts together. With at least and more than only.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, known in (("type", self.types), ("operator", THRESHOLDS)):
            if isinstance(choices := self.fields.get(name), forms.ChoiceField):
                choices.choices = [("", "—"), *known.items()]
        if isinstance(unit := self.fields.get("unit"), forms.ChoiceField):
            unit.choices = [("", "—"), *Unit.choices]
        if isinstance(threshold := self.initial.get("threshold"), float):
            self.initial["threshold"] = number(threshold)  # 4, not 4.0
        if isinstance(metric := self.fields.get("metric"), forms.ModelChoiceField):
            wrapper = metric.widget  # there is no room for its buttons
            wrapper.can_add_related = wrapper.can_change_related = wrapper.can_view_related = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        if cleaned["type"] in ("ACHIEVEMENT", "QUEST"):
            cleaned["operator"] = ""  # the form offers one to begin with
            kind = cleaned["type"].lower()
            if cleaned["target"] and cleaned["target"] not in dict(_named(kind)):
                self.add_error("target", f"There is no {kind} called so.")
                return cleaned
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
    list_display = ("player_id", "display_name", "level_now", "xp", "points", "achievements_completed", "banned")
    list_filter = ("banned",)
    search_fields = ("player_id", "display_name")
    ordering = ("player_id",)
    hides = ("level", "last_seq", "filled")  # a player without experience has the level at 0, which no row says
    also = ("level_now", "elsewhere")

    @admin.display(description="level", ordering="xp")
    def level_now(self, player: Player) -> int:
        return publishing.current()[LevelRules].at(player.xp)

    @admin.display(description="see also")
    def elsewhere(self, player: Player) -> SafeString:
        """The rows of this player on every other screen."""
        screens = [model._meta for model in self.admin_site._registry if model is not Player and _of_players(model)]
        links = (
            (reverse(f"admin:{of.app_label}_{of.model_name}_changelist"), quote_plus(player.pk), name)
            for name, of in sorted((str(of.verbose_name_plural), of) for of in screens)
        )
        return format_html_join(" · ", '<a href="{}?player_id__exact={}">{}</a>', links)


def _of_players(model: type[models.Model]) -> bool:
    return any(field.name == "player_id" for field in model._meta.get_fields())


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


@admin.register(HomeZone)
class HomeZoneAdmin(ReadOnlyAdmin):
    list_display = ("name", "since")
    ordering = ("-id",)


@admin.register(MetricDay)
class MetricDayAdmin(ReadOnlyAdmin):
    list_display = ("metric_id", "day", "samples", "no_value")
    search_fields = ("=metric_id",)
    ordering = ("-day", "metric_id")


@admin.register(Rarity)
class RarityAdmin(ReadOnlyAdmin):
    list_display = ("kind", "content_id", "holders", "players", "at")
    list_filter = ("kind",)
    search_fields = ("=content_id",)
    ordering = ("kind", "content_id")


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    list_display = ("id", "publication", "state", "players_done", "players_total", "would_complete", "created_at")
    list_filter = ("state",)
    ordering = ("-id",)
    actions = ("run_again",)

    also = ("left_out",)

    @admin.display(description="left out")
    def left_out(self, row: Backfill) -> SafeString:
        return as_lines(row.left_out())

    def open_to_action(self, row: Backfill) -> bool:
        return row.state == Backfill.State.FAILED or bool(row.left_out())

    @admin.action(description="Run again: whoever is not filled yet, or the preview", permissions=["decide"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[Backfill]) -> None:
        ended = [row for row in queryset if self.open_to_action(row)]
        LeftOut.objects.filter(backfill__in=[row.pk for row in ended]).update(backfill=None)
        again = Backfill.objects.filter(pk__in=[row.pk for row in ended])
        by = acting(request).signature
        asked = again.update(state=Backfill.State.PENDING, detail="", finished_at=None, asked_by=by)
        messages.success(request, f"{asked} backfill(s) will run again.")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(ErasedPlayer)
class ErasedPlayerAdmin(ReadOnlyAdmin):
    list_display = ("hash", "erased_at")
    ordering = ("-erased_at",)
