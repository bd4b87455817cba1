"""The console's screens of releases: what goes live together, what it would change, and each step of its life."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gamification.kernel.console.readonly_admin import (
    ReadOnlyAdmin,
    ReasonedActionForm,
    handled,
    may_decide,
    page_of,
)
from gamification.kernel.content import publishing, released, releasing
from gamification.kernel.content.kinds import kind
from gamification.kernel.content.releasing import (
    ApproveRelease,
    CancelRelease,
    PublishRelease,
    ReleaseCommand,
    RevertRelease,
    ScheduleRelease,
    State,
    SubmitRelease,
    UnscheduleRelease,
)
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.models import Release

POSSIBLE_IN: dict[str, Sequence[State]] = {
    "submit_selected": SubmitRelease.possible_in,
    "approve_selected": ApproveRelease.possible_in,
    "schedule_selected": ScheduleRelease.possible_in,
    "unschedule_selected": UnscheduleRelease.possible_in,
    "publish_selected": PublishRelease.possible_in,
    "cancel_selected": CancelRelease.possible_in,
    "revert_selected": RevertRelease.possible_in,
}
"""Action → the states in which its button is shown."""


class ReleaseActionForm(ReasonedActionForm):
    reason = None  # type: ignore[assignment] # a release has a note of its own
    publish_at = forms.DateTimeField(required=False, label="When, in UTC")


class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("title", "state", "holds", "made_by", "publish_at", "published_at")
    list_filter = ("state",)
    search_fields = ("title", "note")
    ordering = ("-id",)
    hides = ("items", "approvals", "created_by", "state", "reverts")
    also = ("stands", "approved_by", "made_by", "changes")
    action_form = ReleaseActionForm
    actions = tuple(POSSIBLE_IN)

    @admin.display(description="holds")
    def holds(self, release: Release) -> str:
        names = [f"{item['kind']} {item['id']}" for item in release.items]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return (", ".join(names[:3]) + more) or "nothing yet"

    @admin.display(description="made by")
    def made_by(self, release: Release) -> str:
        return said_to_people(release.created_by)

    @admin.display(description="state")
    def stands(self, release: Release) -> str:
        items = released.as_they_stand(released.items_of(release))
        return releasing.state_of(release, items).label

    @admin.display(description="approved by")
    def approved_by(self, release: Release) -> str:
        items = released.as_they_stand(released.items_of(release))
        found = release.approvals if release.published_at else released.approvals(release, items)
        return ", ".join(said_to_people(approval["who"]) for approval in found) or "nobody yet"

    @admin.display(description="what it changes")
    def changes(self, release: Release) -> SafeString:
        """Each item beside what is live: the fields that differ, as they are and as they would be."""
        items = released.items_of(release)
        if release.state in (State.PUBLISHED, State.CANCELLED):
            rows = ((item.kind, item.id, _became(item)) for item in items)
            return format_html('<ul class="versions">{}</ul>', format_html_join("", "<li>{} {}: {}</li>", rows))
        published, now = publishing.current().published, released.definitions(items)
        parts = []
        for item in items:
            live = published.get(item.kind, {}).get(item.id)
            before = None if live is None or live.retired else live.definition
            parts.append(_compared(item, before, now.get(item.name), item.name in now))
        return format_html_join("", "{}", ((part,) for part in parts)) or SafeString("-")

    # What becomes of it

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[dict[str, str]]:
        if row is None:
            return
        state = releasing.state_of(row, released.as_they_stand(released.items_of(row)))
        for button in super().buttons(request, row):
            if state in POSSIBLE_IN[button["name"]]:
                yield button

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **named: Any) -> Any:
        context["asks_when"] = True
        return super().render_change_form(request, context, *args, **named)

    def has_make_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("kernel.approve_release"))

    @admin.action(description="Send to review: ask others to look at it", permissions=["make"])
    def submit_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: SubmitRelease(id=release.pk))

    @admin.action(description="Approve: it may go live as it says now", permissions=["approve"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: ApproveRelease(id=release.pk))

    @admin.action(description="Schedule: have it go live at an hour, its drafts locked", permissions=["make"])
    def schedule_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        at = _instant(request.POST.get("publish_at", ""))
        if at is None:
            messages.error(request, "Say when it goes live: a date and a time, in UTC.")
            return
        self._each(request, queryset, lambda release: ScheduleRelease(id=release.pk, publish_at=at))

    @admin.action(description="Take the schedule back: its drafts may be edited again", permissions=["make"])
    def unschedule_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: UnscheduleRelease(id=release.pk))

    @admin.action(description="Publish: put all of it live now, or nothing", permissions=["make"])
    def publish_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: PublishRelease(id=release.pk))

    @admin.action(description="Cancel: give it up, its drafts stay as they are", permissions=["make"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: CancelRelease(id=release.pk))

    @admin.action(description="Revert: make a release that restores what was live before it", permissions=["make"])
    def revert_selected(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        self._each(request, queryset, lambda release: RevertRelease(id=release.pk))

    def _each(
        self, request: HttpRequest, releases: Iterable[Release], wish: Callable[[Release], ReleaseCommand]
    ) -> None:
        for release in releases:
            done = handled(request, wish(release), release.title)
            if done:
                link = format_html('<a href="{}">{}</a>', page_of(done), done.title)
                state = State(done.state).label.lower()
                messages.success(request, format_html("{} is {}.", link, state))


def _became(item: released.Item) -> str:
    if item.before is None:
        return "stayed as it was"
    if item.retires:
        return "was retired"
    return f"went live as version {item.version}" + (f", after version {item.before}" if item.before else "")


def _compared(item: released.Item, before: Any, after: Any, is_there: bool) -> SafeString:
    of = kind(item.kind)
    draft = of.model._default_manager.filter(pk=item.id).first()
    name = format_html('<a href="{}">{} {}</a>', page_of(draft), item.kind, item.id) if draft else item.id
    if not is_there:
        return format_html("<h3>{}</h3><p>It is not there any more.</p>", name)
    if after is None:
        return format_html("<h3>{}</h3><p>It is taken out of play.</p>", name)
    old, new = before or {}, after
    names = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    if not names:
        return format_html("<h3>{}</h3><p>It is live as it stands.</p>", name)
    rows = ((field, _said(old.get(field)), _said(new.get(field))) for field in names)
    lines = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows)
    head = '<tr><th scope="col">field</th><th scope="col">live</th><th scope="col">in this release</th></tr>'
    return format_html("<h3>{}</h3><table><thead>{}</thead><tbody>{}</tbody></table>", name, SafeString(head), lines)


def _said(value: Any) -> str:
    if value in (None, "", [], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _instant(text: str) -> datetime | None:
    """What a browser's field of a date and a time says, taken as UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
