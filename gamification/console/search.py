"""The console's one search box: content by id and title, players by id, events by id; each for whoever may see it.

Nothing here scans a table of players whole: players are found by the beginning of their id, through its index, and an
event among the newest, or by its player's id before its own ("ann e-17"), which is its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import F, Max, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from gamification.kernel.console.readonly_admin import page_of
from gamification.kernel.content.kinds import Kind, kinds
from gamification.kernel.models import Event
from gamification.kernel.storage import shares
from progress.models import Player
from progress.queries import beginning_with

MOST_OF_A_KIND = 5
NEWEST_EVENTS = 20_000
"""Among so many events an id alone is looked for: there is no index of ids without their players."""


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    name: str
    more: str
    address: str


def search(request: HttpRequest, site: AdminSite, text: str) -> list[Found]:
    """What this person may see of what the text names, content first."""
    text = text.strip()
    if not text:
        return []
    return [*_content(request, site, text), *_players(request, site, text), *_events(request, site, text)]


def _content(request: HttpRequest, site: AdminSite, text: str) -> Iterator[Found]:
    for kind in kinds():
        screen = site._registry.get(kind.model)
        if screen is not None and screen.has_view_or_change_permission(request):
            for row in _of_kind(kind, text):
                state = "retired" if row.retired_at else "draft" if row.published is None else ""
                title = str(getattr(row, "title", "") or getattr(row, "name", ""))
                more = " · ".join(filter(None, (row.pk if title else "", state)))
                yield Found(kind.name, title or row.pk, more, page_of(row))


def _of_kind(kind: Kind, text: str) -> QuerySet[Any]:
    columns = [name for name in kind.searched if name != "description"]
    wanted = Q()
    for name in columns:
        wanted |= Q(**{f"{name}__icontains": text})
    found = kind.model._default_manager.filter(wanted)
    return found.order_by(F("retired_at").asc(nulls_first=True), "pk")[:MOST_OF_A_KIND]


def _players(request: HttpRequest, site: AdminSite, text: str) -> Iterator[Found]:
    if site._registry[Player].has_view_or_change_permission(request):
        with shares.within_share_of(text):
            exactly = list(Player.objects.filter(pk=text))
        others = chain.from_iterable(shares.each(lambda: list(beginning_with(text)[:MOST_OF_A_KIND])))
        found = {player.pk: player for player in (*exactly, *sorted(others, key=lambda player: player.pk))}
        for player in list(found.values())[:MOST_OF_A_KIND]:
            yield Found("player", player.pk, player.display_name, reverse("admin:player", args=[player.pk]))


def _events(request: HttpRequest, site: AdminSite, text: str) -> Iterator[Found]:
    if site._registry[Event].has_view_or_change_permission(request):
        for event in named(text):
            about = f"{event.type} of {event.player_id}, {event.timestamp:%Y-%m-%d %H:%M:%S}"
            yield Found("event", event.event_id, about, page_of(event))


def named(text: str) -> list[Event]:
    player_id, _, event_id = text.partition(" ")
    if event_id:
        with shares.within_share_of(player_id):
            return list(Event.objects.filter(player_id=player_id, event_id=event_id.strip()))
    return list(chain.from_iterable(shares.each(lambda: _among_the_newest(text))))[:MOST_OF_A_KIND]


def _among_the_newest(event_id: str) -> list[Event]:
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    # Read by key and compared here: a database that is asked for the id may rather look through all of them.
    of_late = Event.objects.filter(pk__gt=newest - NEWEST_EVENTS).order_by("-pk").values_list("pk", "event_id")
    keys = [pk for pk, id_ in of_late if id_ == event_id]
    return list(Event.objects.filter(pk__in=keys[:MOST_OF_A_KIND])) if keys else []
