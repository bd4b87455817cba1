"""What kept events come to in the figures: the same whether they are followed as they come or counted again later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, F, When

from gamification.analytics.activity import Changes, Key, Played, microseconds
from gamification.analytics.buckets import bucket
from gamification.analytics.listening import Listening
from gamification.kernel.core.fact_types import OWN_TYPES, FactType
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.event_columns import JsonText
from gamification.kernel.models import Event

COUNTED = int(Event.State.COUNTED)
_QUARTER_OF_AN_HOUR = 900
"""Seconds: no zone of our time is off by anything but a multiple of it."""


class EventRow(NamedTuple):
    pk: int
    player_id: PlayerId
    event_id: str
    type: str
    timestamp: datetime
    received_at: datetime
    state: int
    data: Any
    """None where nobody looks at it."""


def columns(listening: Listening) -> tuple[Any, ...]:
    """What to read of events, `pk` apart."""
    wanted = sorted(listening.types | OWN_TYPES)
    data = Case(When(type__in=wanted, then=F("data")), default=None, output_field=JsonText())
    return ("player_id", "event_id", "type", "timestamp", "received_at", "state", data)


def zone() -> ZoneInfo:
    return ZoneInfo(settings.PLAYER_TIME_ZONE)


@lru_cache(maxsize=100_000)
def _day(quarter: int, zone_: ZoneInfo) -> date:
    return datetime.fromtimestamp(quarter * _QUARTER_OF_AN_HOUR, zone_).date()


def day_of(at: datetime, zone_: ZoneInfo) -> date:
    """The day of the deployment's clocks that an instant is in."""
    return _day(int(at.timestamp() // _QUARTER_OF_AN_HOUR), zone_)


StartedAt = Mapping[tuple[PlayerId, str, datetime], datetime]
"""(player, quest, when its run was completed) → when that was started."""
Sessions = Callable[[PlayerId, int], Played]
"""All sessions of a player up to an event's row."""


class Completion(NamedTuple):
    id: str
    day: date
    keys: list[Key]
    """The figures that it is in."""


class EventCounting:
    """Counts events in the order of their rows."""

    def __init__(
        self,
        players: Mapping[PlayerId, Played],
        listening: Listening,
        *,
        started_at: StartedAt,
        sessions: Sessions,
        held: Collection[tuple[PlayerId, str]] = (),
        revoked: Collection[tuple[PlayerId, str]] = (),
    ) -> None:
        self.players, self.listening, self.zone = players, listening, zone()
        self.changes: Changes = Counter()
        self.held: list[EventRow] = []
        """Those that do not count, or not yet."""
        self.completions: dict[tuple[PlayerId, str], Completion] = {}
        """By the own events of achievements' completions, those that were revoked among them."""
        self._started_at, self._sessions, self._as_held, self._revoked = started_at, sessions, held, revoked

    def count(self, rows: Iterable[EventRow]) -> None:
        players, listening, zone_, changes = self.players, self.listening, self.zone, self.changes
        for row in rows:
            player = players[row.player_id]
            if not player.is_counted:
                continue
            type_ = row.type
            day = _day(int(row.timestamp.timestamp() // _QUARTER_OF_AN_HOUR), zone_)
            if type_ in OWN_TYPES:
                self._own(row, player, day)
                continue
            if row.state != COUNTED or (self._as_held and (row.player_id, row.event_id) in self._as_held):
                changes["event", type_, day, "held"] += 1
                self.held.append(row)
                continue
            if not player.note(row.timestamp, day, changes):
                changes["event", type_, day, "late"] += 1
            changes["event", type_, day, "events"] += 1
            changes["game", "", day, "events"] += 1
            if type_ in listening.types:
                if type_ in listening.valued and listening.is_valueless(type_, row.data, row.received_at):
                    changes["event", type_, day, "valueless"] += 1
                if listening.begins.get(type_, 0) & ~player.begun:
                    for begun in listening.begun(type_, row.data, row.received_at, player.begun):
                        player.begun |= begun.bit
                        changes["achievement", begun.id, day, "begun"] += 1

    def _own(self, row: EventRow, player: Played, day: date) -> None:
        data = row.data or {}
        if row.type == FactType.ACHIEVEMENT_COMPLETED:
            keys: list[Key] = [("game", "", day, "completions"), ("achievement", data["id"], day, "completed")]
            keys += self._durations(row, player, day, ("achievement", data["id"]), player.began_at)
            self.completions[row.player_id, row.event_id] = Completion(data["id"], day, keys)
            if (row.player_id, row.event_id) in self._revoked:
                return
            player.complete("achievement", data["id"], day, self.changes)
        elif row.type == FactType.QUEST_COMPLETED:
            keys = [("game", "", day, "quests_completed"), ("quest", data["id"], day, "completed")]
            started_at = self._started_at.get((row.player_id, data["id"], row.timestamp))
            keys += self._durations(row, player, day, ("quest", data["id"]), started_at)
            player.complete("quest", data["id"], day, self.changes)
        elif row.type == FactType.LEVEL_REACHED:
            keys = [("level", str(data["level"]), day, "reached")]
        elif row.type == FactType.REWARD_CLAIMED:
            keys = []  # claims are counted by their facts
            player.complete("reward", data["id"], day, self.changes)
        else:
            return
        for key in keys:
            self.changes[key] += 1

    def _durations(
        self, row: EventRow, player: Played, day: date, of: tuple[str, str], since: datetime | None
    ) -> list[Key]:
        """How long it took by the clock, and played, each as the bucket that it is in."""
        if since is None:
            return []
        seconds = max(0, microseconds(row.timestamp) - microseconds(since)) / 1e6
        before, until = player.played_until(since), player.played_until(row.timestamp)
        if before is None or until is None:
            whole = self._sessions(row.player_id, row.pk)
            before, until = whole.played_until(since), whole.played_until(row.timestamp)
        played = max(0, (until or 0) - (before or 0)) / 1e6
        return [(*of, day, f"seconds {bucket(seconds)}"), (*of, day, f"played {bucket(played)}")]
