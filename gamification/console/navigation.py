"""What the console's navigation leads to: places by what people come to do, not by the app that holds the tables.

A screen that nobody comes for stands in no desk: it is reached from the page of what it belongs to, and superusers find
all of them under *Internals*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from anticheat.models import Finding
from gamification.kernel.models import Release
from gamification.kernel.storage import shares
from gamification.review.models import Case
from gamification.review.rules import State
from progress.models import Backfill

MOST_COUNTED = 99
"""Nobody needs to know how many more wait: counting stops there."""


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: the list of a model, or a page of the console by its name."""

    label: str
    leads_to: str
    """`app.model`, or the name of a view."""
    needs: str = ""
    """The permission it takes to see a page. A list asks its screen."""
    waiting: Callable[[], int] | None = None
    """How many things wait there for somebody, where somebody has to act. It may stop at MOST_COUNTED + 1."""
    waits_for: str = ""
    """The permission to act on what waits: whoever only looks is shown no count."""
    query: str = ""
    """What of the list is shown first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A place as one person is shown it."""

    label: str
    address: str
    is_here: bool
    count: str = ""


def held() -> int:
    waiting = Finding.objects.filter(status=Finding.Status.HELD)
    return sum(shares.each(lambda: waiting[: MOST_COUNTED + 1].count()))


def to_review() -> int:
    return Case.objects.filter(state__in=[State.OPEN, State.APPEALED])[: MOST_COUNTED + 1].count()


def in_review() -> int:
    return Release.objects.filter(state=Release.State.IN_REVIEW)[: MOST_COUNTED + 1].count()


def failed_backfills() -> int:
    return Backfill.objects.filter(state=Backfill.State.FAILED)[: MOST_COUNTED + 1].count()


DESKS: dict[str, tuple[Place, ...]] = {
    "Design": (
        Place("Achievements", "achievements.achievement"),
        Place("Quests", "quests.quest"),
        Place("Pools", "quests.pool"),
        Place("Rewards", "rewards.reward"),
        Place("Currencies", "rewards.currency"),
        Place("Levels", "progress.level"),
        Place("Metrics", "progress.metric"),
        Place("Releases", "kernel.release", waiting=in_review, waits_for="kernel.approve_release"),
        Place("Try it", "try_it", needs="achievements.view_achievement"),
    ),
    "Players": (
        Place("Players", "progress.player"),
        Place("Review", "review", needs="review.view_case", waiting=to_review, waits_for="review.change_case"),
        Place(
            "Held events",
            "anticheat.finding",
            waiting=held,
            waits_for="anticheat.change_finding",
            query="?status__exact=HELD",
        ),
        Place("Achievements earned", "achievements.standing"),
        Place("Quest runs", "quests.run"),
        Place("Rewards given", "rewards.distribution"),
    ),
    "Know": (
        Place("Analytics", "all_analytics", needs="analytics.view_rollup"),
        Place("Versions", "kernel.version"),
        Place("Backfills", "progress.backfill", waiting=failed_backfills, waits_for="progress.change_backfill"),
        Place("Refused events", "kernel.rejectedevent"),
        Place("Audit", "kernel.auditentry"),
    ),
    "Set up": (
        Place("Rules", "anticheat.rule"),
        Place("Packs", "packs", needs="kernel.add_release"),
        Place("Keys", "kernel.apikey"),
        Place("Webhooks", "webhooks.endpoint"),
        Place("People", "auth.user"),
        Place("Groups", "auth.group"),
        Place("Internals", "internals", needs="superuser"),
    ),
}
"""Desk → its places, in order. A part of the console that is added gets a line here."""


def shown_to(request: HttpRequest, site: AdminSite) -> list[tuple[str, list[Shown]]]:
    """The desks with the places that this person may see, and how much waits there for them."""
    desks = [(desk, list(_places(request, site, places))) for desk, places in DESKS.items()]
    found = [(desk, places) for desk, places in desks if places]
    return _only_the_nearest(found)


def _places(request: HttpRequest, site: AdminSite, places: tuple[Place, ...]) -> Iterator[Shown]:
    for place in places:
        address = address_of(request, site, place)
        if address is not None:
            is_here = request.path.startswith(address)
            yield Shown(place.label, address + place.query, is_here, _count(request, place))


def address_of(request: HttpRequest, site: AdminSite, place: Place) -> str | None:
    """Where a place is; None for whoever may not see it."""
    app, _, model = place.leads_to.partition(".")
    if model:
        screen = site._registry.get(apps.get_model(app, model))
        if screen is None or not screen.has_view_or_change_permission(request):
            return None
        return reverse(f"{site.name}:{app}_{model}_changelist")
    if not _has(request, place.needs):
        return None
    try:
        return reverse(f"{site.name}:{place.leads_to}")
    except NoReverseMatch:  # a part that is switched off has no routes
        return None


def _has(request: HttpRequest, permission: str) -> bool:
    if permission == "superuser":
        return bool(request.user.is_superuser)
    return not permission or request.user.has_perm(permission)


def _count(request: HttpRequest, place: Place) -> str:
    if place.waiting is None or not request.user.has_perm(place.waits_for):
        return ""
    count = place.waiting()
    return "" if not count else str(count) if count <= MOST_COUNTED else f"{MOST_COUNTED}+"


def here(desks: list[tuple[str, list[Shown]]]) -> str:
    """What the navigation calls where one is; empty: it does not lead there."""
    return next((place.label for _, places in desks for place in places if place.is_here), "")


def _only_the_nearest(desks: list[tuple[str, list[Shown]]]) -> list[tuple[str, list[Shown]]]:
    """Of several addresses that the page's begins with, only the longest is where one is."""
    here = max((place.address for _, places in desks for place in places if place.is_here), key=len, default="")
    return [(desk, [replace(place, is_here=place.address == here) for place in places]) for desk, places in desks]
