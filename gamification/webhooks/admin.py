"""The console's screens of webhooks: where messages go, how each has been doing, and the messages themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from gamification.kernel.console.forms import AnyForm
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting, as_lines, handled, may_decide
from gamification.kernel.core import bus
from gamification.webhooks import replaying, trial
from gamification.webhooks.commands import (
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    Made,
    RotateWebhookSecret,
    wrong_with,
)
from gamification.webhooks.models import Delivery, Endpoint
from gamification.webhooks.replaying import Wanted
from gamification.webhooks.serializers import MAX_TYPES, TypePattern

ASKED = ("url", "types", "description")
"""The fields of the form."""


class EndpointForm(AnyForm):
    types = forms.CharField(
        initial="*",
        label="Types",
        help_text="Which facts, separated by spaces: achievement.completed, or quest.* for all of quests.",
    )

    class Meta:
        model = Endpoint
        fields = ASKED
        labels = {"url": "Address"}  # noqa: RUF012 - declared so by Django
        help_texts = {"description": "What it is for."}  # noqa: RUF012 - likewise

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        if self.instance.pk:
            self.initial["types"] = " ".join(self.instance.types)

    def clean_types(self) -> list[str]:
        found = self.cleaned_data["types"].replace(",", " ").split()
        if len(found) > MAX_TYPES:
            raise ValidationError(f"At most {MAX_TYPES}.")
        for each in found:
            if not TypePattern.pattern.fullmatch(each):
                raise ValidationError(f"{each}: expected {TypePattern.expected}.")
        return list(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        for path, detail in wrong_with(said.get("url"), said.get("types", ())):
            self.add_error(path, detail)
        return said


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    """A secret is shown once, on the page that answers its making."""

    form = EndpointForm  # type: ignore[assignment] # it is asked for, where others are only shown
    hides = ("secrets", "sender", "leased_until", "types")
    list_display = ("__str__", "url", "wants", "stands", "failures", "succeeded_at")
    search_fields = ("url", "description")
    ordering = ("pk",)
    actions = (
        "test_selected",
        "enable_selected",
        "disable_selected",
        "replay_selected",
        "rotate_selected",
        "delete_these",
    )

    @admin.display(description="types")
    def wants(self, endpoint: Endpoint) -> str:
        return ", ".join(endpoint.types)

    @admin.display(description="state")
    def stands(self, endpoint: Endpoint) -> str:
        if not endpoint.is_enabled:
            return f"disabled: {endpoint.why_disabled}" if endpoint.why_disabled else "disabled"
        if endpoint.health.is_paused(timezone.now()):
            return "paused after failures"
        return "failing" if endpoint.failing_since else "well"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = [each for each in super().get_fields(request, obj) if each not in ASKED]
        return list(ASKED) if obj is None else [*ASKED, *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return (
            []
            if obj is None
            else [name for name in self.get_fields(request, obj) if name not in ("url", "types", "description")]
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("webhooks.add_endpoint"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_decide(self, request)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ASKED}
        if change:
            changed = {name: said[name] for name in form.changed_data}
            bus.handle(ChangeWebhook(id=obj.pk, changes=changed), actor=acting(request), now=timezone.now())
            return
        made = bus.handle(CreateWebhook(**said), actor=acting(request), now=timezone.now())
        request.made = made  # type: ignore[attr-defined] # for response_add
        obj.__dict__.update(made.endpoint.__dict__)

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> HttpResponse:
        return self._shown_once(request, request.made)  # type: ignore[attr-defined]

    def _shown_once(self, request: HttpRequest, made: Made) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "title": f"Secret of {made.endpoint}", "made": made}
        response = TemplateResponse(request, "console/webhook_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    # What becomes of it

    def has_act_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)

    @admin.action(description="Test: send a message, and say what came of it", permissions=["act"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset[:5]:
            _, attempt = trial.attempt(endpoint, timezone.now())
            if attempt.succeeded:
                messages.success(request, f"{endpoint} answered {attempt.status} after {attempt.took:.2f} seconds.")
            else:
                messages.error(request, f"{endpoint}: {attempt.status or ''} {attempt.error}".strip())

    @admin.action(description="Enable: send what waits, and what comes", permissions=["act"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        self._set(request, queryset, is_enabled=True)

    @admin.action(description="Disable: send nothing; what comes waits", permissions=["act"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        self._set(request, queryset, is_enabled=False)

    def _set(self, request: HttpRequest, queryset: QuerySet[Endpoint], *, is_enabled: bool) -> None:
        for endpoint in queryset:
            if handled(request, ChangeWebhook(id=endpoint.pk, changes={"is_enabled": is_enabled}), str(endpoint)):
                messages.success(request, f"{endpoint} is {'enabled' if is_enabled else 'disabled'}.")

    @admin.action(description="Send again: what was given up", permissions=["act"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            wanted = Wanted(only_failed=True)
            queued = replaying.replay(endpoint, wanted, actor=acting(request), now=timezone.now())
            messages.success(request, f"{queued} message(s) to {endpoint} are sent again.")

    @admin.action(description="Rotate: sign with a new secret, and the old one for a day", permissions=["act"])
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> HttpResponse | None:
        if len(endpoints := list(queryset[:2])) != 1:
            messages.error(request, "Rotate one at a time: its new secret is shown once.")
            return None
        made = handled(request, RotateWebhookSecret(id=endpoints[0].pk), str(endpoints[0]))
        return self._shown_once(request, made) if made else None

    @admin.action(description="Delete: send nothing more, and forget what waits", permissions=["act"])
    def delete_these(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        for endpoint in queryset:
            if handled(request, DeleteWebhook(id=endpoint.pk), str(endpoint)):
                messages.success(request, f"{endpoint} is deleted.")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    hides = ("body", "attempts")
    also = ("message", "tries")
    list_display = ("created_at", "type", "player_id", "state", "endpoint", "came_of_it")
    list_filter = ("state",)
    search_fields = ("=player_id", "=fact_id")
    ordering = ("-pk",)

    @admin.display(description="message")
    def message(self, row: Delivery) -> SafeString:
        return as_lines(row.body)

    @admin.display(description="attempts")
    def tries(self, row: Delivery) -> SafeString:
        return as_lines(row.attempts)

    @admin.display(description="what came of it")
    def came_of_it(self, row: Delivery) -> str:
        last = row.told()
        return f"{last['status'] or ''} {last['error']}".strip() if last else "-"
