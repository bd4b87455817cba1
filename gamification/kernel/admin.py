"""What the kernel keeps, to be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from gamification.kernel.authoring import ReadOnlyAdmin, may_decide
from gamification.kernel.models import ApiKey, Event, Head, IdempotencyKey, OutboxFact, RejectedEvent, Version

admin.site.site_header = admin.site.site_title = "Gamification"
admin.site.index_title = "Content, players and what came of them"


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("event_id", "player_id", "type", "timestamp", "state")
    list_filter = ("state",)
    search_fields = ("=player_id", "=event_id")
    ordering = ("-id",)


@admin.register(RejectedEvent)
class RejectedEventAdmin(ReadOnlyAdmin):
    list_display = ("event_id", "player_id", "type", "code", "rejected_at")
    list_filter = ("code",)
    search_fields = ("=player_id", "=event_id")
    ordering = ("-id",)


@admin.register(OutboxFact)
class OutboxFactAdmin(ReadOnlyAdmin):
    list_display = ("type", "player_id", "timestamp")
    search_fields = ("=player_id", "=type")
    ordering = ("-id",)


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ("content_id", "kind", "number", "publication", "at", "who", "reason")
    list_filter = ("kind", "retires")
    search_fields = ("content_id", "who", "reason")
    ordering = ("-id",)


@admin.register(Head)
class HeadAdmin(ReadOnlyAdmin):
    list_display = ("number", "retention_cut")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made by `manage.py create_api_key`, which shows the secret once; here they are revoked."""

    hides = ("hashed_secret",)
    list_display = ("prefix", "name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    ordering = ("name", "created_at")
    actions = ("revoke_selected",)

    @admin.action(description="Revoke what is selected, at once", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"{revoked} key(s) revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    hides = ("body",)  # an answer may hold a player's token
    list_display = ("key", "caller", "status", "created_at")
    search_fields = ("=key", "=caller")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("body")
