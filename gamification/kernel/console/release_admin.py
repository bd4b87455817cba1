"""The console's screens of releases: what goes live together, what it would change, and each step of its life."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from gamification.kernel.console.compared import Shown, shown
from gamification.kernel.console.editor import draft_address
from gamification.kernel.console.readonly_admin import (
    ReadOnlyAdmin,
    ReasonedActionForm,
    handled,
    may_decide,
    page_of,
)
from gamification.kernel.content import drafts, publishing, released, releasing
from gamification.kernel.content.comparing import names
from gamification.kernel.content.kinds import kind
from gamification.kernel.content.publishing import Definition
from gamification.kernel.content.released import Item, Name
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
TONES = {
    State.IN_REVIEW: "look", State.APPROVED: "good", State.SCHEDULED: "good", State.PUBLISHED: "good",
    State.CANCELLED: "bad",
}  # fmt: skip
MOST_COMPARED = 100
"""So many items are shown field by field."""


class ReleaseActionForm(ReasonedActionForm):
    reason = None  # type: ignore[assignment] # a release has a note of its own
    publish_at = forms.DateTimeField(required=False, label="When, in UTC")


class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("title", "state", "holds", "made_by", "publish_at", "published_at")
    list_filter = ("state",)
    search_fields = ("title", "note")
    ordering = ("-id",)
    hides = ("items", "approvals", "created_by", "state", "reverts")
    change_form_template = "admin/releases/change_form.html"
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

    # What it holds

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[dict[str, str]]:
        if row is None:
            return
        state = looked_at(row).state
        for button in super().buttons(request, row):
            if state in POSSIBLE_IN[button["name"]]:
                yield button

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **named: Any) -> Any:
        context["asks_when"] = True
        if (release := context.get("original")) is not None:
            context |= _about(release)
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


# -- its page ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looked:
    """A release as it stands, looked up once a request."""

    items: list[Item]
    definitions: Mapping[Name, Definition | None]
    state: State
    approvals: Sequence[Mapping[str, Any]]


def looked_at(release: Release) -> Looked:
    known: Looked | None = release.__dict__.get("looked")
    if known is None:
        kept = released.items_of(release)
        now = released.definitions(kept)
        items = released.as_they_stand(kept, now)
        approvals = release.approvals if release.published_at else released.approvals(release, items)
        known = release.__dict__["looked"] = Looked(items, now, releasing.state_of(release, items), approvals)
    return known


def _about(release: Release) -> dict[str, Any]:
    found = looked_at(release)
    is_over = release.state in (State.PUBLISHED, State.CANCELLED)
    return {
        "state": found.state,
        "tone": TONES.get(found.state, ""),
        "made_by": said_to_people(release.created_by),
        "approved_by": [said_to_people(approval["who"]) for approval in found.approvals],
        "missing": max(0, settings.REVIEWS_REQUIRED - len(found.approvals)) if not is_over else 0,
        "reverted": Release.objects.filter(pk=release.reverts).first() if release.reverts else None,
        "before_is": "Before" if release.state == State.PUBLISHED else "Live",
        "parts": list(_went_live(found.items) if release.state == State.PUBLISHED else _would_be(found)),
        "more": max(0, len(found.items) - MOST_COMPARED),
    }


@dataclass(frozen=True, slots=True)
class Part:
    """One item, beside what is live, or what was before it went live."""

    called: str
    address: str
    said: str
    compared: Shown | None


def _would_be(found: Looked) -> Iterator[Part]:
    published = publishing.current().published
    name = names(published)
    for item in found.items[:MOST_COMPARED]:
        live = published.get(item.kind, {}).get(item.id)
        before = None if live is None or live.retired else live.definition
        after = found.definitions.get(item.name)
        said, compared = "", None
        if item.name not in found.definitions:
            said = "It is not there any more."
        elif after is None:
            said = "It is taken out of play."
        elif before is not None and drafts.same(before, after):
            said = "It is live as it stands."
        else:
            said = f"Version {item.version} is put live again." if item.version else "" if before else "New."
            compared = shown(kind(item.kind), before, after, name)
        yield Part(f"{item.kind} {item.id}", draft_address(item.kind, item.id), said, compared)


def _went_live(items: Sequence[Item]) -> Iterator[Part]:
    """What each item changed when it went live."""
    items = items[:MOST_COMPARED]
    numbers = [(*item.name, number) for item in items for number in (item.version, item.before) if number]
    versions = released.of_versions(numbers)
    name = names(publishing.current().published)
    for item in items:
        compared = None
        if item.before is not None and item.version and not item.retires:
            before = versions.get((*item.name, item.before))
            compared = shown(kind(item.kind), before, versions.get((*item.name, item.version)), name)
        yield Part(f"{item.kind} {item.id}", draft_address(item.kind, item.id), _became(item), compared)


def _became(item: Item) -> str:
    if item.before is None:
        return "Stayed as it was."
    if item.retires:
        return "Was retired."
    return f"Went live as version {item.version}" + (f", after version {item.before}." if item.before else ".")


def _instant(text: str) -> datetime | None:
    """What a browser's field of a date and a time says, taken as UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
