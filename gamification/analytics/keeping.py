"""How figures and players' activity are read and written, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec
from django.db.models import QuerySet

from gamification.analytics.activity import SESSIONS_KEPT, Changes, Played
from gamification.analytics.models import Activity, RollUp
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from progress.models import Player

_SAME = (
    "is_counted", "first_day", "last_day", "late", "microseconds_played", "sessions", "began_at", "newest_at",
    "latest_sessions",
)  # fmt: skip
_BITS = ("first_map", "last_map", "begun")
COLUMNS = ("player_id", *_SAME, *_BITS, "completed")
_same = attrgetter(*_SAME)
_unpack = msgspec.msgpack.Decoder(dict[str, int]).decode


def left_out() -> QuerySet[Player]:
    """The players who are in no figure: they do not count publicly."""
    return Player.objects.left_out_publicly()


def counted(player_ids: Collection[PlayerId]) -> set[PlayerId]:
    """Those of these players who count publicly."""
    return set(Player.objects.counts_publicly().filter(pk__in=player_ids).values_list("pk", flat=True))


def not_counted(player_ids: Collection[PlayerId]) -> set[PlayerId]:
    """Those of these players who are left out."""
    return set(left_out().filter(pk__in=player_ids).values_list("pk", flat=True))


def load(player_ids: Collection[PlayerId]) -> dict[PlayerId, Played]:
    """These players' activity; of those who have none yet, whether they are counted."""
    rows = sql.select_in(Activity, COLUMNS, {"player_id": sorted(player_ids)})
    found = {row[0]: read(row) for row in rows}
    unseen = [player_id for player_id in player_ids if player_id not in found]
    left_out = not_counted(unseen) if unseen else set()
    return found | {player_id: Played(is_counted=player_id not in left_out) for player_id in unseen}


def read(row: tuple[Any, ...]) -> Played:
    same, bits, completed = row[1 : 1 + len(_SAME)], row[1 + len(_SAME) : -1], bytes(row[-1])
    played = Played()
    for name, value in zip(_SAME, same, strict=True):
        setattr(played, name, value)
    played.first_map, played.last_map, played.begun = (int.from_bytes(bytes(value), "little") for value in bits)
    played.completed = _unpack(completed) if completed else {}
    return played


def _row(player_id: PlayerId, played: Played) -> tuple[Any, ...]:
    played.latest_sessions = played.latest_sessions[-SESSIONS_KEPT:]
    bits = (getattr(played, name) for name in _BITS)
    maps = (value.to_bytes((value.bit_length() + 7) // 8, "little") for value in bits)
    return (player_id, *_same(played), *maps, msgspec.msgpack.encode(played.completed) if played.completed else b"")


def store(players: Mapping[PlayerId, Played]) -> None:
    rows = [_row(*each) for each in sorted(players.items())]
    sql.upsert(Activity, COLUMNS, rows, conflict=("player_id",), set_=COLUMNS[1:])


_FIGURE = ("kind", "subject", "day", "measure", "amount")


def add(changes: Changes | Iterable[tuple[tuple[Any, ...], int]]) -> None:
    """Add to the figures, in the order of their keys, so that two who add wait for each other in one order."""
    items = changes.items() if isinstance(changes, dict) else changes
    rows = sorted((*key, amount) for key, amount in items if amount)
    sql.upsert(RollUp, _FIGURE, rows, conflict=_FIGURE[:-1], add=["amount"])
