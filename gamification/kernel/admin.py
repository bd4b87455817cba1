"""What the kernel keeps, to be looked at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.safestring import SafeString

from gamification.kernel.console import downloads
from gamification.kernel.console.compared import rendered
from gamification.kernel.console.forms import AnyForm
from gamification.kernel.console.large_lists import IndexedValues, values
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting, may_decide
from gamification.kernel.console.release_admin import ReleaseAdmin
from gamification.kernel.content import publishing
from gamification.kernel.content.comparing import names
from gamification.kernel.content.kinds import kind
from gamification.kernel.core.audit import change as audited_change
from gamification.kernel.models import (
    ApiKey,
    AuditEntry,
    Event,
    FollowerMark,
    IdempotencyKey,
    OutboxFact,
    PublicationHead,
    RejectedEvent,
    Release,
    UnsentFacts,
    Version,
)
from gamification.kernel.storage import audit_log
from gamification.kernel.web.access import SCOPES, create_key, revoke_keys, rotate
from gamification.kernel.web.audit_view import MAX_ROWS, as_file, lines
from gamification.kernel.web.keys import WARN_BEFORE
from gamification.kernel.web.streaming import Streamed


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("timestamp", "player_id", "type", "state", "event_id")
    list_filter = ("state",)
    search_fields = ("=player_id", "=event_id")
    ordering = ("-id",)


@admin.register(RejectedEvent)
class RejectedEventAdmin(ReadOnlyAdmin):
    list_display = ("rejected_at", "player_id", "type", "code", "event_id")
    list_filter = indexed_filters = (("code", IndexedValues),)
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
        if version.retires:
            return "It was taken out of play."
        was, says = (publishing.whole(version.kind, each.definition) for each in (before, version))
        name = names(publishing.current().published)
        return rendered(kind(version.kind), {} if before.retires else was, says, name)


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "about", "player_id", "reason")
    list_filter = indexed_filters = (("action", IndexedValues), ("kind", IndexedValues))
    search_fields = ("=player_id", "=subject_id", "=actor")
    ordering = ("-id",)

    def searched(self, rows: QuerySet[AuditEntry], term: str) -> QuerySet[AuditEntry]:
        """By who did it (`user:sue`), by the player, or by the id of what it was about: each has an index."""
        if term.partition(":")[0] in ("user", "key", "player", "system"):
            return rows.filter(actor=term)
        kinds = values(AuditEntry, AuditEntry._meta.get_field("kind"))
        return rows.filter(Q(player_id=term) | Q(kind__in=kinds, subject_id=term))

    actions = ("download_all",)

    @admin.display(description="what it was about")
    def about(self, entry: AuditEntry) -> str:
        return f"{entry.kind} {entry.subject_id}".strip() or "-"

    @admin.action(description="Download: as CSV")
    def download_all(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> Streamed:
        """What `GET /audit` hands out: all that an entry says, which is more than the list shows."""
        newest = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
        downloads.note(request, self.opts)  # which is not among them: they are read while they are sent
        found = queryset.filter(id__lte=newest).order_by("-id")[:MAX_ROWS].iterator(chunk_size=1_000)
        return Streamed(lines(found), content_type="text/csv; charset=utf-8", headers=as_file())


admin.site.register(Release, ReleaseAdmin)


@admin.register(PublicationHead)
class HeadAdmin(ReadOnlyAdmin):
    list_display = ("number", "retention_cut")


class KeyForm(AnyForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="What it may do. players:write includes tokens:mint, players:erase and anticheat:decide.",
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "expires_at", "rate_limit")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "name": "Whose key it is.",
            "expires_at": "Empty: never.",
            "rate_limit": "Requests a second. Empty: what RATE_LIMIT_KEY says; 0: as many as it likes.",
        }


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """A key's secret is shown once, on the page that answers its making. Of one that is made only the limit changes."""

    hides = ("hashed_secret",)
    list_display = ("name", "prefix", "allowed", "created_at", "ends", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    ordering = ("name", "created_at")
    actions = ("rotate_selected", "revoke_selected")

    @admin.display(description="scopes")
    def allowed(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="ends", ordering="expires_at")
    def ends(self, key: ApiKey) -> str:
        if key.expires_at is None:
            return "-"
        is_soon = key.revoked_at is None and timezone.now() < key.expires_at <= timezone.now() + WARN_BEFORE
        return localize(key.expires_at) + (" (soon)" if is_soon else "")

    # Making one, and changing its limit

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(KeyForm.Meta.fields) if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [] if obj is None else [name for name in super().get_fields(request, obj) if name != "rate_limit"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": KeyForm}), **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("kernel.add_apikey"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_decide(self, request)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            was = ApiKey.objects.get(pk=obj.pk).rate_limit
            obj.save(update_fields=["rate_limit"])
            limited = audited_change("api_key", obj.prefix, {"rate_limit": was}, {"rate_limit": obj.rate_limit})
            audit_log.put(acting(request), "limit_api_key", [limited], at=timezone.now())
            return
        said = form.cleaned_data
        key, request.secret = create_key(  # type: ignore[attr-defined] # for response_add
            said["name"], said["scopes"], said["expires_at"], rate_limit=said["rate_limit"], actor=acting(request)
        )
        obj.__dict__.update(key.__dict__)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        return self._shown_once(request, obj, request.secret)  # type: ignore[attr-defined]

    def _shown_once(
        self, request: HttpRequest, key: ApiKey, secret: str, before: ApiKey | None = None
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request), "title": f"Key of {key.name}", "key": key, "secret": secret,
            "before": before,
        }  # fmt: skip
        return TemplateResponse(request, "admin/keys/made.html", context)

    # What becomes of it

    def open_to_action(self, row: ApiKey) -> bool:
        return row.revoked_at is None

    @admin.action(description="Rotate: make its successor, and let it work for another day", permissions=["revoke"])
    def rotate_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        now = timezone.now()
        keys = list(queryset.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)[:2])
        if len(keys) != 1:
            messages.error(request, "Rotate one key that works at a time: its successor's secret is shown once.")
            return None
        key, secret = rotate(keys[0], now=now, actor=acting(request))
        return self._shown_once(request, key, secret, before=keys[0])

    @admin.action(description="Revoke: refuse it from now on", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = revoke_keys(queryset, now=timezone.now(), actor=acting(request))
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
