"""Hard rules as designers write them, and the events they hold for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from anticheat import judging, verdicts
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import CohortPart, Finding, PlayProfile, Rule, StatisticalFinding, Trail
from anticheat.proving import not_proven, proof
from anticheat.rules import KINDS
from gamification.kernel.console.forms import AuthoredForm, Suggesting
from gamification.kernel.console.large_lists import IndexedValues
from gamification.kernel.console.readonly_admin import (
    AnyModelAdmin,
    ReadOnlyAdmin,
    ReasonedActionForm,
    as_lines,
    handled,
    may_decide,
)
from gamification.kernel.storage import inbox


class RuleForm(AuthoredForm):
    chosen_by = "kind"
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "event_type": tuple(name for name, kind in KINDS.items() if not kind.is_about_values),
        **{
            field: tuple(name for name, kind in KINDS.items() if field in kind.fields)
            for field in ("minimum", "maximum", "seconds")
        },
    }

    def clean(self) -> dict[str, Any]:
        """Refuse to let a statistical rule act before it has been tried on enough players."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        acts = cleaned.get("kind") in judging.KINDS and cleaned.get("action") in (verdicts.FLAG, verdicts.WITHHOLD)
        if acts and "action" in self.changed_data:
            judged = proof(self.instance.slot)
            if not judged.suffices:
                self.add_error("action", ValidationError(not_proven(judged), "not_proven"))
        return cleaned

    class Meta:
        model = Rule
        fields = ("name", "kind", "metric", "event_type", "minimum", "maximum", "seconds", "action", "is_enabled")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "name": "Shown with every event that breaks it: no-instant-kills",
            "kind": "What is suspicious.",
            "metric": "Either what this metric counts …",
            "event_type": "… or all events of this type, as the game sends it: enemy.killed",
            "minimum": "The least that one sample may be worth.",
            "maximum": "The most that a sample, an event or all of a time window may be worth. Of an event type: how "
            "many events.",
            "seconds": "How long the time window is, how long to wait for the next, or how far the timestamp may be "
            "from the clock.",
            "action": "A held event has no effect until somebody releases it under Held events.",
            "is_enabled": "Off: it lets everything pass, or looks at nobody.",
        }
        labels = {"is_enabled": "Enabled"}  # noqa: RUF012 - declared so by Django
        widgets = {"event_type": Suggesting(lambda: known_event_types())}  # noqa: RUF012


def known_event_types() -> list[str]:
    """The event types that some metric counts."""
    metrics = Rule._meta.get_field("metric").related_model
    return sorted({*metrics._default_manager.filter(retired_at=None).values_list("event_type", flat=True)})


@admin.register(Rule)
class RuleAdmin(AnyModelAdmin):
    """Rules have no versions: they apply from the next batch on."""

    form = RuleForm
    list_display = ("name", "is_enabled", "kind", "about", "action")
    list_filter = ("kind", "action", "is_enabled")
    search_fields = ("name", "event_type")
    autocomplete_fields = ("metric",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "action", "is_enabled")}),
        ("What it looks at", {"fields": ("metric", "event_type")}),
        ("What it allows", {"fields": ("minimum", "maximum", "seconds")}),
    )

    @admin.display(description="about")
    def about(self, rule: Rule) -> str:
        return rule.metric_id or rule.event_type


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("found_at", "player_id", "type", "rule", "found", "status")
    list_filter = indexed_filters = ("status", ("rule", IndexedValues))
    search_fields = ("=player_id",)
    ordering = ("-id",)
    action_form = ReasonedActionForm
    actions = ("release_selected", "dismiss_selected")
    also = ("event",)

    @admin.display(description="values")
    def found(self, row: Finding) -> str:
        return ", ".join(f"{name} {value}" for name, value in row.values.items())

    @admin.display(description="data")
    def event(self, row: Finding) -> SafeString:
        """What the game reported."""
        event = inbox.find(row.player_id, row.event_id)
        return as_lines(event and event.data)

    def open_to_action(self, row: Finding) -> bool:
        return row.status == Finding.Status.HELD

    @admin.action(description="Release: let the event count", permissions=["decide"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decide(request, queryset, "Released", ReleaseEvent)

    @admin.action(description="Dismiss: the event never counts", permissions=["decide"])
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        self._decide(request, queryset, "Dismissed", DismissEvent)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Any], done: str, wish: type[ReleaseEvent | DismissEvent]
    ) -> None:
        reason = request.POST.get("reason", "")[:4000]
        for row in queryset.order_by("timestamp", "event_id"):
            if handled(request, wish(finding_id=row.pk, reason=reason), str(row)):
                messages.success(request, f"{done} {row.event_id} of {row.player_id}.")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(Trail)
class TrailAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "rule")
    search_fields = ("=player_id", "=rule")
    ordering = ("-id",)


@admin.register(StatisticalFinding)
class StatisticalFindingAdmin(ReadOnlyAdmin):
    list_display = ("day", "player_id", "rule", "kind", "value", "limit", "n", "log10_tail", "action")
    list_filter = (("rule", IndexedValues),)
    indexed_filters = (("rule", IndexedValues),)
    search_fields = ("=player_id", "=rule")
    ordering = ("-id",)


@admin.register(PlayProfile)
class PlayProfileAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "device")
    search_fields = ("=player_id",)
    ordering = ("player_id",)


@admin.register(CohortPart)
class CohortPartAdmin(ReadOnlyAdmin):
    list_display = ("key",)
    search_fields = ("=key",)
    ordering = ("key",)
