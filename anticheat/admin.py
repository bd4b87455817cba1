"""Hard rules as designers write them, and the events they hold for a person to decide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from anticheat import judging, precision, proving, sentences, trying, verdicts
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import CohortPart, Finding, PlayProfile, Rule, StatisticalFinding, Trail
from anticheat.proving import not_proven, proof
from anticheat.rules import KINDS
from gamification.kernel.console.forms import AuthoredForm, Suggesting
from gamification.kernel.console.large_lists import IndexedValues
from gamification.kernel.console.readonly_admin import (
    ReadOnlyAdmin,
    ReasonedActionForm,
    SeenHistory,
    as_lines,
    handled,
    may_decide,
)
from gamification.kernel.storage import inbox

OF_KINDS = {f"{kind.lower()}_{name}": (kind, name) for kind in judging.KINDS for name in judging.KINDS[kind].parameters}
"""Field of the form → statistical kind and its parameter."""
HARD = tuple(KINDS)


class ParametersForm(AuthoredForm):
    """The parameters of each statistical kind as fields; an empty one is the kind's default."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.instance.parameters or {}
        for field, (kind, name) in OF_KINDS.items():
            if field in self.fields and kind == self.instance.kind and name in kept:
                self.initial[field] = kept[name]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        of_kind = {f: name for f, (kind, name) in OF_KINDS.items() if kind == cleaned.get("kind")}
        given = {name: cleaned[field] for field, name in of_kind.items() if cleaned.get(field) is not None}
        self.instance.parameters = {name: int(value) if value == int(value) else value for name, value in given.items()}
        return cleaned

    locals().update(  # a field for each entry of the kinds' table; Django gathers them from the class's body
        {
            field: forms.FloatField(
                required=False,
                min_value=0,
                label=f"{judging.KINDS[kind].parameters[name].label}",
                help_text=f"Empty: {judging.KINDS[kind].parameters[name].default:g}",
            )
            for field, (kind, name) in OF_KINDS.items()
        }
    )


class RuleForm(ParametersForm):
    is_only_tried: ClassVar[bool] = False
    chosen_by = "kind"
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **{field: (kind,) for field, (kind, _) in OF_KINDS.items()},
        "metric": HARD,
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
        is_another = "kind" in self.changed_data  # what it has judged by then was something else
        if acts and not self.is_only_tried and (is_another or "action" in self.changed_data):
            judged = proof(None if is_another else self.instance.slot)
            if not judged.suffices and not trying.proven_by(cleaned["kind"], self.instance.parameters).suffices:
                self.add_error("action", ValidationError(not_proven(judged), "not_proven"))
        return cleaned

    class Media:
        js = (Script("kernel/spoken.js", defer=True),)

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


class TriedForm(RuleForm):
    """A rule that is tried as it stands in the form: it is shown again, and not saved."""

    is_only_tried = True

    def is_valid(self) -> bool:
        super().is_valid()
        return False


def known_event_types() -> list[str]:
    """The event types that some metric counts."""
    metrics = Rule._meta.get_field("metric").related_model
    return sorted({*metrics._default_manager.filter(retired_at=None).values_list("event_type", flat=True)})


@admin.register(Rule)
class RuleAdmin(SeenHistory):
    """Rules have no versions: they apply from the next batch on."""

    form = RuleForm
    list_display = ("name", "is_enabled", "says", "judged", "right")
    list_filter = ("kind", "action", "is_enabled")
    search_fields = ("name", "event_type")
    autocomplete_fields = ("metric",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "action", "is_enabled")}),
        ("What it looks at", {"fields": ("metric", "event_type")}),
        ("What it allows", {"fields": ("minimum", "maximum", "seconds")}),
        ("Of how players play", {"fields": tuple(OF_KINDS)}),
    )
    actions = ("try_selected",)

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """Whoever only looks at a rule sees what its kind goes by; in the form the choice of the kind says what that
        is."""
        whole = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return whole
        if obj.is_statistical:
            return [whole[0], ("Of how players play", {"fields": ("goes_by",)})]
        return whole[:-1]

    @admin.display(description="goes by")
    def goes_by(self, rule: Rule) -> str:
        values = judging.rule_of(rule.kind, rule.name, rule.parameters or {}).parameters
        return "; ".join(
            f"{each.label}: {values[name]:g}" for name, each in judging.KINDS[rule.kind].parameters.items()
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Each row with what it has judged and how often it was right: two queries for all."""
        shown = super().get_changelist_instance(request)
        proofs, verdicts = proving.proofs(), precision.by_rule()
        for row in shown.result_list:
            if row.is_statistical:
                row.judged = proofs.get(row.slot, proving.Proof())
                row.verdicts = verdicts.get(row.name)
        return shown

    @admin.display(description="has judged")
    def judged(self, rule: Any) -> str:
        if not rule.is_statistical:
            return "-"
        proof = rule.judged
        return f"{proof.players} players, {proof.days} days" + ("" if proof.suffices else ": not proven")

    @admin.display(description="was right")
    def right(self, rule: Any) -> str:
        return precision.said(rule.verdicts) if rule.is_statistical else "-"

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:
        if "kind" in form.changed_data or (obj.is_statistical and obj.slot is None):
            obj.slot = proving.free_slot(judged=proving.proofs()) if obj.is_statistical else None
        super().save_model(request, obj, form, change)

    @admin.action(description="Try on the past: what they would have found in 28 days", permissions=["change"])
    def try_selected(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        self._try(request, queryset.order_by("name"))

    def _try(self, request: HttpRequest, rules: Iterable[Rule]) -> None:
        """All at once: the past is read through once, however many they are."""
        wanted = []
        for rule in rules:
            if not rule.is_statistical:
                messages.warning(request, f"{rule.name} looks at one event at a time.")
            elif why := trying.NOT_IN_THE_PAST.get(rule.kind):
                messages.warning(request, f"{rule.name} cannot be tried on the past: {why}.")
            else:
                wanted.append(rule)
        if wanted:
            for rule, tried in zip(wanted, trying.preview(wanted, 28, timezone.now()), strict=True):
                self._say(request, rule, tried)

    def _say(self, request: HttpRequest, rule: Rule, tried: trying.Tried) -> None:
        named = f": {', '.join(tried.named)}" if tried.named else ""
        part = "" if tried.is_whole else " There was no time for all of the past."
        judged = f" It judged {tried.proof.players} over {tried.proof.days} days"
        enough = ": enough for it to act." if tried.proof.suffices else "."
        found = f"{rule.name} would have found {tried.found} of {tried.players} players{named}."
        messages.info(request, f"{found}{judged}{enough}{part}")

    def get_form(self, request: HttpRequest, obj: Rule | None = None, change: bool = False, **kwargs: Any) -> Any:
        if "_try" in request.POST:
            kwargs["form"] = TriedForm
        return super().get_form(request, obj, change, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().changeform_view(request, *args, **kwargs)
        if "_try" in request.POST and isinstance(response, TemplateResponse):
            form = (response.context_data or {})["adminform"].form
            if not form.errors:
                self._try(request, [form.instance])
        return response

    @admin.display(description="says", ordering="kind")
    def says(self, rule: Rule) -> str:
        return sentences.sentence(_columns(rule))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        rule = kwargs.get("obj")
        context["spoken"] = json.dumps(sentences.SPOKEN)
        context["sentence"] = sentences.sentence(_columns(rule)) if rule is not None else ""
        return super().render_change_form(request, context, *args, **kwargs)


def _columns(rule: Rule) -> dict[str, Any]:
    columns = ("kind", "event_type", "minimum", "maximum", "seconds", "action", "is_enabled")
    return {"metric": rule.metric_id, **{name: getattr(rule, name) for name in columns}}


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
