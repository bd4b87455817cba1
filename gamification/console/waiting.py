"""What waits for people: each source says what waits for one person, by what that person may do about it.

A part of the console that has something to decide adds its source to FOR_ONE or FOR_SOMEBODY.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from django.db.models import CharField, Max, Model, Value
from django.http import HttpRequest
from django.urls import reverse

from anticheat.models import Finding
from gamification import clock
from gamification.console import navigation
from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import Kind, kind, kinds
from gamification.kernel.core.actors import Actor, said_to_people
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import REPORTED
from gamification.kernel.messaging import followers
from gamification.kernel.models import AuditEntry, Event, Release
from gamification.kernel.storage import shares
from gamification.kernel.web import keys
from gamification.review.models import Case
from gamification.review.rules import State
from gamification.webhooks import trouble as webhook_trouble
from progress.models import Backfill, LeftOut

MOST_DRAFTS = 5
MOST_ENTRIES = 300
"""Of this person's acts so many are looked through for drafts that they saved."""
MOST_RELEASES = 20
RELEASES_WAIT_IN = (Release.State.IN_REVIEW, Release.State.SCHEDULED, Release.State.APPROVED)
MOST_UNHEARD = 3
NEWEST_EVENTS = 2_000
"""So many of a share's events are looked through for types that nothing listens to."""
LATE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Waiting:
    what: str
    detail: str = ""
    address: str = ""
    verb: str = "Open"
    count: str = ""
    tone: str = "look"
    """`look` or `bad`: how much it is to stand out, beside what it says."""


Source = Callable[[HttpRequest, datetime], Iterator[Waiting]]

# -- for this person ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """Content that does not stand as it is published."""

    kind: Kind
    id: str
    published: int | None
    saved_at: datetime


def changed_drafts(request: HttpRequest) -> list[Draft]:
    """Those of the kinds that this person may change, the newest first; looked up once a request, in one query."""
    known: list[Draft] | None = getattr(request, "changed_drafts", None)
    if known is None:
        of = {kind.name: kind for kind in kinds() if request.user.has_perm(_change(kind.model))}
        each = [
            kind.model._default_manager.filter(has_changes=True, retired_at=None)
            .order_by()
            .values_list(Value(name, output_field=CharField()), "pk", "published", "updated_at")
            for name, kind in of.items()
        ]
        rows = each[0].union(*each[1:], all=True) if each else []
        known = sorted((Draft(of[row[0]], *row[1:]) for row in rows), key=lambda draft: draft.saved_at, reverse=True)
        request.changed_drafts = known  # type: ignore[attr-defined] # two sources ask
    return known


def own_drafts(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """Drafts that this person has saved, and that players do not meet as they stand."""
    drafts = changed_drafts(request)
    entries = AuditEntry.objects.filter(actor=str(Actor.user(request.user.get_username()))).order_by("-id")
    saved = set(entries.values_list("kind", "subject_id")[:MOST_ENTRIES]) if drafts else set()
    mine = [draft for draft in drafts if (draft.kind.name, draft.id) in saved][:MOST_DRAFTS]
    for draft in mine:
        row = draft.kind.model._default_manager.get(pk=draft.id)
        title = str(getattr(row, "title", "") or getattr(row, "name", "") or draft.id)
        differs = "was never published" if draft.published is None else f"differs from version {draft.published}"
        detail = f"{draft.kind.name}, a draft of yours that {differs}, saved {draft.saved_at:%d %b %H:%M}"
        yield Waiting(title, detail, page_of(row))


def releases(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """Releases of others that ask for this person's approval; of this person's own, what goes live at its hour, or did
    not."""
    state, me = Release.State, str(Actor.user(request.user.get_username()))
    if not request.user.has_perm("kernel.view_release"):
        return
    may_approve = request.user.has_perm("kernel.approve_release")
    for release in Release.objects.filter(state__in=RELEASES_WAIT_IN).order_by("pk")[:MOST_RELEASES]:
        is_mine = release.created_by == me
        if release.state == state.IN_REVIEW and may_approve and not is_mine and _not_yet(release, me):
            pieces, ask = ("1 piece", "asks") if len(release.items) == 1 else (f"{len(release.items)} pieces", "ask")
            detail = f"{pieces} that {said_to_people(release.created_by)} put together {ask} for your approval"
            yield Waiting(release.title, detail, page_of(release), verb="Review")
        elif release.state == state.SCHEDULED and is_mine:
            yield Waiting(release.title, f"goes live {release.publish_at:%d %b %H:%M} UTC", page_of(release))
        elif release.state == state.APPROVED and is_mine and release.detail:
            detail = f"did not go live at its hour: {release.detail[:200]}"
            yield Waiting(release.title, detail, page_of(release), tone="bad")


def _not_yet(release: Release, who: str) -> bool:
    return all(approval["who"] != who for approval in release.approvals)


def _change(model: type[Model]) -> str:
    opts = model._meta
    return f"{opts.app_label}.change_{opts.model_name}"


# -- for somebody ------------------------------------------------------------------------------------------------------


def open_cases(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """Cases about how somebody plays, and appeals: the one that is due first says how late it is."""
    if request.user.has_perm("review.change_case") and (count := navigation.to_review()):
        due = (
            Case.objects.filter(state__in=[State.OPEN, State.APPEALED])
            .order_by("due_at")
            .values_list("due_at", flat=True)
        )
        first = due.first() or now
        is_late = first < now
        detail = f"the first was due {first:%d %b}" if is_late else f"the first is due {first:%d %b}"
        shown = str(count) if count <= navigation.MOST_COUNTED else f"{navigation.MOST_COUNTED}+"
        yield Waiting(
            "Cases to review", detail, reverse("admin:review"), count=shown, tone="bad" if is_late else "look"
        )


def held_events(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    if request.user.has_perm("anticheat.change_finding") and (count := navigation.held()):
        waiting = Finding.objects.filter(status=Finding.Status.HELD).order_by("id").values_list("found_at", flat=True)
        oldest = min((at for at in shares.each(lambda: waiting.first()) if at), default=now)
        since = f"the oldest since {oldest:%d %b %H:%M}"
        address = f"{reverse('admin:anticheat_finding_changelist')}?status__exact=HELD"
        yield Waiting("Held events", since, address, count=_said(count))


def open_drafts(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """Of each kind, how many drafts differ from what players meet."""
    for name, count in sorted(Counter(draft.kind.name for draft in changed_drafts(request)).items()):
        of = kind(name)
        address = reverse(f"admin:{of.model._meta.app_label}_{of.model._meta.model_name}_changelist")
        what = f"{of.plural.capitalize()} not published as they stand"
        yield Waiting(what, "", f"{address}?state=unpublished", count=str(count))


def unheard(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """Types of the newest events that no metric counts: a typo of whoever sends them, or of whoever designs."""
    if not request.user.has_perm("progress.change_metric"):
        return
    metrics = publishing.current().published.get("metric", {}).values()
    heard = {metric.definition["event_type"] for metric in metrics if not metric.retired} | OWN_TYPES | {REPORTED}
    found = Counter(chain.from_iterable(shares.each(_newest_types)))
    for type_, count in [each for each in found.most_common() if each[0] not in heard][:MOST_UNHEARD]:
        detail = f"{count:,} of the newest events; a metric could count them"
        yield Waiting(f"Nothing listens to {type_}", detail, reverse("admin:progress_metric_add"))


def _newest_types() -> list[str]:
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return list(Event.objects.filter(pk__gt=newest - NEWEST_EVENTS).values_list("type", flat=True))


def backfills(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    if not request.user.has_perm("progress.view_backfill"):
        return
    address = reverse("admin:progress_backfill_changelist")
    if count := navigation.failed_backfills():
        detail = "new content stays pending for the players behind it"
        yield Waiting("Backfills that failed", detail, address, count=_said(count), tone="bad")
    if left := sum(shares.each(lambda: LeftOut.objects.all()[: navigation.MOST_COUNTED + 1].count())):
        yield Waiting("Players whose past could not be counted", "", address, count=_said(left))
    running = Backfill.objects.filter(state__in=(Backfill.State.PENDING, Backfill.State.RUNNING)).order_by("id").first()
    if running is not None:
        detail = f"{running.players_done:,} of {running.players_total:,} players"
        yield Waiting("A backfill runs", detail, page_of(running), tone="")


def the_service(request: HttpRequest, now: datetime) -> Iterator[Waiting]:
    """What `manage.py doctor` would find that is known without a look at the servers."""
    if not request.user.is_superuser:
        return
    for key in keys.ending(now):
        yield Waiting(keys.said(key), "rotate it, and move its servers over", page_of(key))
    for line in chain.from_iterable(shares.each(followers.missed)):
        yield Waiting(line, "", tone="bad")
    for endpoint, line in webhook_trouble.found(now):
        yield Waiting(line, "what it missed waits for it", page_of(endpoint), tone="bad")
    ticked = clock.last_tick()
    if ticked is not None and now - ticked > LATE_AFTER:
        yield Waiting("The clock stands still", f"since {ticked:%d %b %H:%M}: manage.py doctor says why", tone="bad")


def _said(count: int) -> str:
    return str(count) if count <= navigation.MOST_COUNTED else f"{navigation.MOST_COUNTED}+"


FOR_ONE: tuple[Source, ...] = (releases, own_drafts)
"""What waits for the very person who looks."""
FOR_SOMEBODY: tuple[Source, ...] = (open_cases, held_events, unheard, backfills, open_drafts, the_service)
"""What somebody should see to, of those who may."""


def found(sources: tuple[Source, ...], request: HttpRequest, now: datetime) -> list[Waiting]:
    return [each for source in sources for each in source(request, now)]
