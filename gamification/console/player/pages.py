"""The player's pages: each parses, asks and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from achievements.reading import Listing
from gamification.console.models import Note
from gamification.console.player import achievements, acts, holdings, quests, timeline, words
from gamification.console.player.head import Head, head
from gamification.console.player.sessions import sessions
from gamification.console.player.sources import SEES_PLAYERS
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.messages import PLAYER_ID, PlayerId
from gamification.kernel.storage import shares
from rewards.rules import Status

NOTES = 100
LATELY = 6
LATELY_OF = ("facts", "staff")
BY_STAFF = ("staff", "cases")
Context = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    needs: str
    """The permission it takes beside seeing players."""
    shown: Callable[[HttpRequest, Head], Context]


def show(request: HttpRequest, context: Context, player_id: PlayerId, tab: str) -> HttpResponse:
    """One part of what is known of a player."""
    if not request.user.has_perm(SEES_PLAYERS):
        raise PermissionDenied
    if not PLAYER_ID.fullmatch(player_id):
        raise Http404
    tabs = [each for each in TABS if not each.needs or request.user.has_perm(each.needs)]
    at = next((each for each in tabs if each.name == tab), None)
    if at is None:
        raise PermissionDenied if any(each.name == tab for each in TABS) else Http404
    with shares.within_share_of(player_id), words.by(publishing.current()):
        found = head(player_id)
        if found is None:
            messages.warning(request, f"No player is called {player_id}.")
            return HttpResponseRedirect(reverse("admin:progress_player_changelist"))
        page = {
            "title": player_id,
            "subtitle": at.label,
            "head": found,
            "tabs": [(each, address(player_id, each.name), each is at) for each in tabs],
            "tab": at,
            "acts": acts.offered(request, found),
            "row_acts": acts.offered(request, found, at.name),
            "template": f"console/player/{at.name}.html",
            "asked": "",
            **at.shown(request, found),
        }
        return TemplateResponse(request, "console/player/page.html", {**context, **page}).render()


def address(player_id: PlayerId, tab: str = "timeline", **query: str) -> str:
    """Where a player's page is."""
    name = ("admin:player", [player_id]) if tab == "timeline" else ("admin:player_tab", [player_id, tab])
    found = reverse(name[0], args=name[1])
    return f"{found}?{urlencode(query, quote_via=quote)}" if query else found


# -- the tabs ----------------------------------------------------------------------------------------------------------


def _timeline(request: HttpRequest, of: Head) -> Context:
    offered = timeline.sources(request)
    names = request.GET.getlist("kind")
    shown = timeline.chosen(offered, names)
    try:
        page = timeline.read(of.id, shown, request.GET.get("after", ""))
    except timeline.BadCursor:
        raise BadRequest("This page of the timeline does not exist.") from None
    kinds = [(source, source in shown) for source in offered]
    following = urlencode([*(("kind", name) for name in names), ("after", page.next)]) if page.next else ""
    return {"page": page, "kinds": kinds, "following": following, "is_first": "after" not in request.GET}


def _achievements(request: HttpRequest, of: Head) -> Context:
    asked = _asked(request, achievements.STATES)
    listing = Listing(of.id, timezone.now(), state=asked["state"] or None, for_player=False)
    rows, more = achievements.rows(listing, text=asked["text"], page=asked["page"])
    named = request.GET.get("why", "")
    why = achievements.why(listing.mine, named) if named else None
    lately = timeline.read(of.id, _lately(request), size=LATELY).entries if why is None else []
    return {
        "rows": rows,
        "states": achievements.STATES,
        "named": named,
        "why": why,
        "lately": lately,
        **_paged(request, asked, more),
    }


def _lately(request: HttpRequest) -> list[timeline.Source]:
    """What is shown beside: the newest of what came of it, without the events themselves."""
    return [source for source in timeline.sources(request) if source.name in LATELY_OF]


def _quests(request: HttpRequest, of: Head) -> Context:
    asked = _asked(request, quests.STATES)
    now = timezone.now()
    rows, more = quests.rows(of.id, now, state=asked["state"], text=asked["text"], page=asked["page"])
    named = request.GET.get("why", "")
    why = quests.why(of.id, named, now) if named else None
    return {"rows": rows, "states": quests.STATES, "named": named, "why": why, **_paged(request, asked, more)}


def _rewards(request: HttpRequest, of: Head) -> Context:
    states = {"": "All", **{status.value: status.value.capitalize() for status in Status}}
    asked = _asked(request, states)
    rows, more = holdings.given(of.id, timezone.now(), state=asked["state"], page=asked["page"])
    return {"rows": rows, "states": states, "items": holdings.items(of.id), **_paged(request, asked, more)}


def _ledger(request: HttpRequest, of: Head) -> Context:
    currencies = {"": "All", **{wallet.currency: wallet.currency for wallet in of.wallets}}
    asked = _asked(request, currencies)
    rows, more = holdings.ledger(of.id, currency=asked["state"], page=asked["page"])
    return {"rows": rows, "states": currencies, **_paged(request, asked, more)}


def _counters(request: HttpRequest, of: Head) -> Context:
    return {"rows": holdings.counters(of.id)}


def _sessions(request: HttpRequest, of: Head) -> Context:
    return {"rows": sessions(of.id)}


def _notes(request: HttpRequest, of: Head) -> Context:
    staff = [source for source in timeline.sources(request) if source.name in BY_STAFF]
    try:
        page = timeline.read(of.id, staff, request.GET.get("after", ""))
    except timeline.BadCursor:
        raise BadRequest("This page does not exist.") from None
    notes = Note.objects.filter(player_id=of.id).order_by("-written_at", "-pk")[:NOTES]
    return {"notes": [(note, said_to_people(note.written_by)) for note in notes], "page": page}


TABS = (
    Tab("timeline", "Timeline", "", _timeline),
    Tab("achievements", "Achievements", "achievements.view_standing", _achievements),
    Tab("quests", "Quests", "quests.view_run", _quests),
    Tab("rewards", "Rewards", "rewards.view_distribution", _rewards),
    Tab("ledger", "Ledger", "rewards.view_transfer", _ledger),
    Tab("counters", "Counters", "progress.view_tally", _counters),
    Tab("sessions", "Sessions", "kernel.view_event", _sessions),
    Tab("notes", "Staff & notes", "console.view_note", _notes),
)


def _asked(request: HttpRequest, states: Any) -> Context:
    """What of a list is asked for: `?state=…&q=…&page=…`; what makes no sense is not asked."""
    state, page = request.GET.get("state", ""), request.GET.get("page", "0")
    return {
        "state": state if state in states else "",
        "text": request.GET.get("text", "").strip()[:64],
        "page": int(page) if page.isascii() and page.isdigit() and len(page) < 5 else 0,
    }


def _paged(request: HttpRequest, asked: Context, more: bool) -> Context:
    def to(page: int) -> str:
        query = {"state": asked["state"], "text": asked["text"], "page": str(page) if page else ""}
        return "?" + urlencode({name: value for name, value in query.items() if value})

    links = {"next": to(asked["page"] + 1) if more else "", "previous": to(asked["page"] - 1) if asked["page"] else ""}
    query = {name: value for name, value in asked.items() if value}
    return {"chosen": asked, "links": links, "here_query": urlencode(query)}
