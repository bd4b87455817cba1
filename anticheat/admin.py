"""Hard rules as designers write them, and the events they hold for a person to decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import Finding, Rule, Trail
from gamification.kernel.authoring import AnyForm, AnyModelAdmin, ReadOnlyAdmin, handled, may_decide
from gamification.kernel.messages import Command


class RuleForm(AnyForm):
    class Meta:
        model = Rule
        fields = ("name", "kind", "metric", "event_type", "minimum", "maximum", "seconds", "action", "is_enabled")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "name": "Shown with every event that breaks it: no-instant-kills",
            "kind": "What is suspicious.",
            "metric": "Judge the samples of this metric …",
            "event_type": "… or all events of this type. One of the two.",
            "minimum": "VALUE_RANGE: the least that one sample may be worth.",
            "maximum": "VALUE_RANGE: the most a sample may be worth. MAX_PER_EVENT: the most an event may be worth. "
            "MAX_PER_WINDOW: the most within the seconds below.",
            "seconds": "MAX_PER_WINDOW: how long the window is. COOLDOWN: the least time between two. CLOCK_SKEW: how "
            "far a timestamp may be off.",
            "action": "A held event has no effect until somebody releases it under Findings.",
            "is_enabled": "Off: it lets everything pass.",
        }


@admin.register(Rule)
class RuleAdmin(AnyModelAdmin):
    """Rules have no versions: they apply from the next batch on."""

    form = RuleForm
    list_display = ("name", "kind", "metric", "event_type", "minimum", "maximum", "seconds", "action", "is_enabled")
    list_filter = ("kind", "action", "is_enabled")
    search_fields = ("name", "event_type")
    autocomplete_fields = ("metric",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "action", "is_enabled")}),
        ("What it looks at", {"fields": ("metric", "event_type")}),
        ("What it allows", {"fields": ("minimum", "maximum", "seconds")}),
    )


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("event_id", "player_id", "type", "rule", "values", "status", "found_at")
    list_filter = ("status", "rule")
    search_fields = ("=player_id", "=event_id", "rule")
    ordering = ("-id",)
    actions = ("release_selected", "dismiss_selected")

    @admin.action(description="Release: let the selected events count", permissions=["decide"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decide(request, queryset, "Released", lambda id_: ReleaseEvent(finding_id=id_))

    @admin.action(description="Dismiss: the selected events never count", permissions=["decide"])
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decide(request, queryset, "Dismissed", lambda id_: DismissEvent(finding_id=id_))

    def _decide(self, request: HttpRequest, queryset: QuerySet[Any], done: str, wish: Callable[[int], Command]) -> None:
        for row in queryset.order_by("timestamp", "event_id"):
            if handled(request, wish(row.pk), str(row)):
                messages.success(request, f"{done}: {row}")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(Trail)
class TrailAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "rule")
    search_fields = ("=player_id", "=rule")
    ordering = ("-id",)
