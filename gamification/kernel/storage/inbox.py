"""The inbox: every game event that was ever accepted, once.

An event's `(player_id, id)` is its identity. Admission is one INSERT that leaves out what is there already; the
database decides which of two racing batches was first. Only when something was left out is what is kept read, to tell
a duplicate from an id that was used again for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from gamification.kernel.core.messages import GameEvent, Json, PlayerId
from gamification.kernel.models import Event, RejectedEvent
from gamification.kernel.storage import sql

Identity = tuple[PlayerId, str]
"""(player, id)."""
Refusal = tuple[GameEvent, str, str]
"""An event, the code and the detail of why it was refused."""

_ID_REUSED = "This id was used before, for another type, data or timestamp."
_TOO_OLD = "Events this old are no longer kept: it could not be told from a duplicate."


class _Row(NamedTuple):
    """A row of `Event`, as it is inserted: its fields are the columns."""

    player_id: PlayerId
    event_id: str
    type: str
    data: dict[str, Json]
    timestamp: datetime
    received_at: datetime
    state: int


@dataclass(slots=True)
class Admission:
    """What became of each event of a batch, each list in order of arrival. Only `fresh` events may take effect."""

    fresh: list[GameEvent] = field(default_factory=list)
    duplicates: list[GameEvent] = field(default_factory=list)
    reused: list[GameEvent] = field(default_factory=list)
    too_old: list[GameEvent] = field(default_factory=list)

    @property
    def refused(self) -> list[Refusal]:
        """Reused and too old ones, as `Outcome.refused` and `reject` want them."""
        reused: list[Refusal] = [(event, "id_reused", _ID_REUSED) for event in self.reused]
        return reused + [(event, "too_old", _TOO_OLD) for event in self.too_old]


def admit(events: Sequence[GameEvent], now: datetime, made: datetime | None) -> Admission:
    """Keep the events that are new, in two statements at most. Of one identity twice, the first to arrive is the one.

    `events` come in order of arrival, inside the transaction that applies them. `made` is the latest cut of retention.
    """

    def insert(first: Mapping[Identity, GameEvent]) -> set[Identity]:
        rows = _rows([first[identity] for identity in sorted(first)], now, Event.State.COUNTED)
        return set(sql.insert(Event, _Row._fields, rows, ignore_conflicts=True, returning=("player_id", "event_id")))

    return _admit(events, _cut(now, made), insert)


def look_up(events: Sequence[GameEvent], now: datetime, made: datetime | None) -> Admission:
    """What would become of these events now; none of them is kept."""

    def unknown(first: Mapping[Identity, GameEvent]) -> set[Identity]:
        there = {(event.player_id, event.id) for event in _kept(list(first))} if first else set()
        return first.keys() - there

    return _admit(events, _cut(now, made), unknown)


def _admit(
    events: Sequence[GameEvent], cut: datetime | None, take: Callable[[Mapping[Identity, GameEvent]], set[Identity]]
) -> Admission:
    """`take` says which identities were not there before."""
    admission = Admission()
    first: dict[Identity, GameEvent] = {}
    young: list[GameEvent] = []
    for event in events:
        if cut is not None and event.timestamp < cut:
            admission.too_old.append(event)
        else:
            young.append(event)
            first.setdefault((event.player_id, event.id), event)

    fresh = take(first)
    if len(fresh) == len(young):
        admission.fresh = young
        return admission
    known = [identity for identity in first if identity not in fresh]
    kept = {identity: first[identity] for identity in fresh}
    if known:
        kept |= {(event.player_id, event.id): event for event in _kept(known)}
    for event in young:
        before = kept.get((event.player_id, event.id))
        if before is event:
            admission.fresh.append(event)
            continue
        is_same = before is not None and before.digest() == event.digest()
        (admission.duplicates if is_same else admission.reused).append(event)
    return admission


def keep(events: Sequence[GameEvent], now: datetime, *, state: int = Event.State.COUNTED) -> None:
    """Keep events of the service's own, in one statement; one that was stated before is left as it is."""
    ordered = sorted(events, key=lambda event: (event.player_id, event.id))
    sql.insert(Event, _Row._fields, _rows(ordered, now, state), ignore_conflicts=True)


def reject(refused: Sequence[Refusal], now: datetime) -> None:
    """Note what was refused, for `GET /events/rejected`, in one statement."""
    columns = ("player_id", "event_id", "type", "code", "detail", "timestamp", "rejected_at")
    rows = [(e.player_id, e.id, e.type, code, detail, e.timestamp, now) for e, code, detail in refused]
    sql.insert(RejectedEvent, columns, rows)


def restate(identities: Sequence[tuple[PlayerId, str]], state: int) -> None:
    """Set the state of kept events, in one statement."""
    rows = [(player_id, id_, state) for player_id, id_ in sorted(set(identities))]
    sql.update(Event, ("player_id", "event_id"), ("state",), rows)


def find(player_id: PlayerId, event_id: str) -> GameEvent | None:
    """A kept event as it came."""
    return next(iter(_kept([(player_id, event_id)])), None)


def _kept(identities: Sequence[tuple[PlayerId, str]]) -> list[GameEvent]:
    """The kept ones of these events, as they came, in one statement."""
    players, ids = zip(*identities, strict=True)
    columns = ("event_id", "player_id", "type", "data", "timestamp")
    return [GameEvent(*row) for row in sql.select_in(Event, columns, {"player_id": players, "event_id": ids})]


def _rows(events: Sequence[GameEvent], now: datetime, state: int) -> list[_Row]:
    """The rows of these events, which come sorted by key, so that two batches lock rows in one order."""
    state = int(state)
    return [_Row(e.player_id, e.id, e.type, e.data, e.timestamp, now, state) for e in events]


def _cut(now: datetime, made: datetime | None) -> datetime | None:
    """The time before which events are too old: the latest cut ever made, or the one that is due, whichever is later.

    The database remembers the cuts, so that a longer retention set later does not let deleted events in again.
    """
    days = settings.EVENT_RETENTION_DAYS
    due = now - timedelta(days=days) if days else None
    return max(made, due) if made and due else made or due
