"""What the kernel keeps, to be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from gamification.kernel.looking import ReadOnlyAdmin, as_lines, may_decide
from gamification.kernel.models import (
    ApiKey,
    Event,
    FollowerMark,
    Head,
    IdempotencyKey,
    OutboxFact,
    RejectedEvent,
    UnsentFacts,
    Version,
)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("timestamp", "player_id", "type", "state", "event_id")
    list_filter = ("state",)
    search_fields = ("=player_id", "=event_id")
    ordering = ("-id",)


@admin.register(RejectedEvent)
class RejectedEventAdmin(ReadOnlyAdmin):
    list_display = ("rejected_at", "player_id", "type", "code", "event_id")
    list_filter = ("code",)
    search_fields = ("=player_id", "=event_id")
    ordering = ("-id",)


@admin.register(OutboxFact)
class OutboxFactAdmin(ReadOnlyAdmin):
    list_display = ("timestamp", "player_id", "type", "stated_at")
    search_fields = ("=player_id", "=type")
    ordering = ("-id",)


@admin.register(FollowerMark)
class FollowerMarkAdmin(ReadOnlyAdmin):
    list_display = ("name", "cursor", "moved_at", "missed_at")
    ordering = ("name",)


@admin.register(UnsentFacts)
class UnsentFactsAdmin(ReadOnlyAdmin):
    list_display = ("player_id", "since", "tried_at")
    search_fields = ("=player_id",)
    ordering = ("tried_at",)


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ("content_id", "kind", "number", "at", "who", "reason")
    list_filter = ("kind", "retires")
    search_fields = ("content_id", "who", "reason")
    ordering = ("-id",)
    also = ("changes",)

    @admin.display(description="against the version before")
    def changes(self, version: Version) -> SafeString | str:
        same = Version.objects.filter(kind=version.kind, content_id=version.content_id)
        before = same.filter(number=version.number - 1).first()
        if before is None:
            return "It is the first."
        old, new = before.definition, version.definition
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return as_lines({name: {"was": old.get(name), "is": new.get(name)} for name in names})


@admin.register(Head)
class HeadAdmin(ReadOnlyAdmin):
    list_display = ("number", "retention_cut")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made by `manage.py create_api_key`, which shows the secret once; here they are revoked."""

    hides = ("hashed_secret",)
    list_display = ("name", "prefix", "allowed", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    ordering = ("name", "created_at")
    actions = ("revoke_selected",)

    @admin.display(description="scopes")
    def allowed(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def open_to_action(self, row: ApiKey) -> bool:
        return row.revoked_at is None

    @admin.action(description="Revoke: refuse it from now on", permissions=["revoke"])
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
