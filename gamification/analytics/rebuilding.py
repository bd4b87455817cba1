"""All figures from a day on worked out anew of what is kept, and what is wrong with those that grew put right.

Both are looked at in one state of the database, so nobody waits and nothing has to stand still: what grew since then is
added to whatever the difference is added to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import transaction

from gamification.analytics import keeping, recounting
from gamification.analytics.activity import SESSIONS_KEPT, Changes, Key
from gamification.analytics.counting import day_of, zone
from gamification.analytics.models import Activity, HeldEvent, RollUp
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import PublicationHead
from gamification.kernel.storage import shares
from gamification.kernel.storage.read_only import read_only
from progress.models import Player

PLAYERS_AT_ONCE = 200
LONGEST = 86_400
"""Seconds that it may take to look at everybody."""


class NoLongerKept(Exception):
    """Events of that day are deleted: what they came to cannot be worked out any more."""


@dataclass
class Found:
    wrong: Changes = field(default_factory=Counter)
    """What has to be added to the figures."""
    players: list[PlayerId] = field(default_factory=list)
    """Whose own rows are not what they should be."""
    looked_at: int = 0


def look(first: date, tell: Callable[[int], object] = lambda players: None) -> Found:
    """Compare. Changes nothing."""
    cut = PublicationHead.objects.filter(pk=1).values_list("retention_cut", flat=True).first()
    if cut is not None and first <= day_of(cut, zone()):
        raise NoLongerKept(f"Events are kept since {cut:%Y-%m-%d} only: ask for a later day.")
    found = Found()
    with read_only(seconds=LONGEST):
        for _ in shares.each(lambda: _look_into_a_share(first, cut is not None, found, tell)):
            pass
        for row in RollUp.objects.filter(day__gte=first).iterator():
            found.wrong[row.kind, row.subject, row.day, row.measure] -= row.amount
    found.wrong = Counter(
        {key: amount for key, amount in found.wrong.items() if amount and not (cut and _needs_the_whole_past(key))}
    )
    return found


def _needs_the_whole_past(key: Key) -> bool:
    """Whether a figure cannot be worked out of players whose first events are deleted: it stays as it grew."""
    kind, _, _, measure = key
    return kind == "retention" or measure.startswith(_OF_THE_WHOLE_PAST)


_OF_THE_WHOLE_PAST = ("new", "seconds ", "played ", "begun", "late", "active in ", "players", "early")


def rebuild(first: date, tell: Callable[[int], object] = lambda players: None) -> Found:
    """Compare, and put right what differs."""
    found = look(first, tell)
    keeping.add(found.wrong)
    for player_id in found.players:
        with shares.of(player_id):
            _put_right(player_id)
    return found


def _look_into_a_share(first: date, is_cut: bool, found: Found, tell: Callable[[int], object]) -> None:
    for ids in _counted():
        recounted = recounting.recount(ids, anew=True)
        for key, amount in recounted.changes.items():
            if key[2] >= first:
                found.wrong[key] += amount
        if not is_cut:
            found.players += _differing(ids, recounted)
        found.looked_at += len(ids)
        tell(found.looked_at)


def _differing(ids: Sequence[PlayerId], recounted: recounting.Recounted) -> list[PlayerId]:
    stored = keeping.load(ids)
    lacking = {row[0] for row in recounted.runs}
    noted = set(HeldEvent.objects.filter(player_id__in=ids).values_list("player_id", "event_id"))
    lacking |= {row.player_id for row in recounted.held if (row.player_id, row.event_id) not in noted}
    for player_id, expected in recounted.players.items():
        expected.latest_sessions = expected.latest_sessions[-SESSIONS_KEPT:]
        expected.sessions_kept = SESSIONS_KEPT
        if stored[player_id] != expected:
            lacking.add(player_id)
    return sorted(lacking)


def _counted() -> Iterator[list[PlayerId]]:
    """Those of this share who are in the figures, and those whom the followers have no row of though they should."""
    last = ""
    while True:
        ids = list(Player.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PLAYERS_AT_ONCE])
        if not ids:
            return
        last = ids[-1]
        known = dict(Activity.objects.filter(pk__in=ids).values_list("pk", "is_counted"))
        unknown = [id_ for id_ in ids if id_ not in known]
        left_out = keeping.not_counted(unknown) if unknown else set()
        counted = [id_ for id_ in ids if known.get(id_, id_ not in left_out)]
        if counted:
            yield counted


def _put_right(player_id: PlayerId) -> None:
    """Write one player's own rows as they should be. Their figures have been put right."""
    with transaction.atomic():
        list(Player.objects.filter(pk=player_id).select_for_update().values_list("pk"))
        with recounting.held_still():
            if Activity.objects.filter(pk=player_id, is_counted=False).exists():
                return
            recounting.keep(recounting.recount([player_id], anew=True))
