"""The players of one world: their rows, which everything on the hot path locks first and writes last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db.models import BinaryField

from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from progress import periods
from progress.erasure import PlayerErased, erased
from progress.models import Player
from progress.periods import Period, PeriodKind, Zones
from progress.player_standing import PlayerStanding
from progress.zones import Home


@dataclass(slots=True, eq=False)
class PlayerState:
    """A player's row as it is computed with: a field that is called like a column of `Player` is that column.

    Whoever changes one sets `dirty`.
    """

    player_id: PlayerId
    world: World
    zones: Zones = ()
    """The history of the player's own time zone; empty: they never chose one."""
    points: int = 0
    xp: int = 0
    level: int = 0
    levels_had: str = ""
    owed_points: int = 0
    owed_xp: int = 0
    achievements_completed: int = 0
    quests_completed: int = 0
    last_seq: int = 0
    backfilled_to: int = 0
    earned: int = 0
    """Bit n: the achievement with serial n is completed."""
    revoked: int = 0
    """Bit n: the achievement with serial n was revoked whole."""
    had_before: int = 0
    """Bit n: the achievement with serial n was completed or revoked under another `repeat`, or revoked under NEVER."""
    quests_done: int = 0
    """Bit n: the quest with serial n was completed at least once."""
    quests_open: int = 0
    """Bit n: the player is in the quest with serial n."""
    quests_begun: int = 0
    """Bit n: the player has ever started the quest with serial n."""
    banned: bool = False
    standing: PlayerStanding = PlayerStanding.CLEAR
    earned_known: int = 0
    """What of `earned` quests know of: of an achievement they learn by its own event, in the next round."""
    quests_known: int = 0
    """What of `quests_done` achievements and other quests know of, likewise."""
    tokens_ended: int | None = None
    """Where a command ended the player's tokens: the generation from which on they are good."""
    is_new: bool = False
    dirty: bool = False
    _periods: dict[str, Period] = field(default_factory=dict)

    @property
    def zone_history(self) -> Zones:
        """The history of the time zone that the player's periods follow: their own, or the deployment's."""
        return self.zones or self.world.rules[Home]

    def period(self, kind: PeriodKind, at: datetime) -> Period:
        """The player's period of that kind which holds `at`."""
        found = self._periods.get(kind)
        if found is None or not found.opens <= at < found.closes:
            found = self._periods[kind] = periods.period(kind, self.zone_history, at)
        return found

    def periods_end(self) -> Iterable[datetime]:
        """When the periods end that were asked for last."""
        return [period.closes for period in self._periods.values()]


_ROW = {column.attname: column for column in Player._meta.concrete_fields}
_COLUMNS = [each.name for each in fields(PlayerState) if each.name in _ROW]
_BITS = [name for name in _COLUMNS if isinstance(_ROW[name], BinaryField)]
"""Columns that hold a bit for each serial number: bytes in the row, an integer here."""
_ONLY_READ = ("player_id", "zones", "banned", "standing")
"""What commands change in the row themselves, if anybody does."""
_NUMBERS = [name for name in _COLUMNS if name not in (*_BITS, *_ONLY_READ)]

_numbers = attrgetter(*_NUMBERS)
_bits = attrgetter(*_BITS)


class _ById(dict[PlayerId, PlayerState]):
    """Whoever asks for a player who was erased is refused."""

    def __init__(self, players: Players) -> None:
        self._players = players

    def __missing__(self, player_id: PlayerId) -> PlayerState:
        if player_id in self._players.erased:
            raise PlayerErased
        raise KeyError(player_id)


class Players(Part):
    """The rows of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.by_id: dict[PlayerId, PlayerState] = _ById(self)
        self.erased: set[PlayerId] = set()
        """Who was erased: their events are refused."""
        self._inserted: set[PlayerId] = set()

    # -- reading -------------------------------------------------------------------------------------------------------

    def ask_locked(self) -> sql.Asked:
        """Lock the players in the order of their ids, or none of them, where some were never seen. One query."""
        return sql.ask_in(Player, _COLUMNS, {"player_id": self.world.player_ids}, for_update=True, all_or_none=True)

    def take_locked(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        """Take in what `ask_locked` has found; whether that is all players."""
        if len(rows) < len(self.world.player_ids):
            return False
        self._take_in(rows)
        return True

    def lock(self) -> None:
        """Insert the players never seen before and lock all, both in the order of their ids: nobody who waits for a
        new row holds a lock yet, so two batches cannot wait for each other. (Whoever comes here since a player was
        erased while `ask_locked` waited does hold some, but inserts nobody: that player is known to be erased.) Three
        queries at most.
        """
        ids = self.world.player_ids
        unseen = set(ids) - {row[0] for row in sql.select_in(Player, ("player_id",), {"player_id": ids})}
        if unseen:
            self.erased |= erased(unseen)
            self._insert(sorted(unseen - self.erased))
        ids = [id_ for id_ in ids if id_ not in self.erased]
        self._take_in(sql.select_in(Player, _COLUMNS, {"player_id": ids}, for_update=True))
        if len(self.by_id) < len(ids):  # somebody was erased while we waited for the lock
            self.lock()

    def read_unlocked(self) -> None:
        """Read the players as they are, without a lock: for people, who are shown what is, and in a preview."""
        self.ask_unlocked()()

    def ask_unlocked(self) -> Callable[[], None]:
        asked = sql.ask_in(Player, _COLUMNS, {"player_id": self.world.player_ids})
        return lambda: self._take_in(asked())

    def _take_in(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            values = dict(zip(_COLUMNS, row, strict=True))
            values["zones"] = periods.freeze(values["zones"])
            values["standing"] = PlayerStanding.of(values["standing"], values["banned"])
            for name in _BITS:
                values[name] = int.from_bytes(values[name], "little")
            player = PlayerState(world=self.world, **values)
            player.earned_known, player.quests_known = player.earned, player.quests_done
            player.is_new = player.player_id in self._inserted
            self.by_id[player.player_id] = player
            if player.banned:
                self.world.banned.add(player.player_id)
            elif player.standing == PlayerStanding.WITHHELD:
                self.world.withheld.add(player.player_id)

    def _insert(self, ids: list[PlayerId]) -> None:
        """Make rows for these players. Another batch may have made some of them at the same time."""
        players = [Player(player_id=id_, created_at=self.world.now) for id_ in ids]
        rows = [[getattr(player, name) for name in _ROW] for player in players]
        made = sql.insert(Player, list(_ROW), rows, ignore_conflicts=True, returning=("player_id",))
        self._inserted |= {row[0] for row in made}

    # -- deciding ------------------------------------------------------------------------------------------------------

    def welcome(self) -> None:
        """Note that players never seen before have no past to be counted."""
        for player in self.by_id.values():
            if player.is_new:
                player.backfilled_to, player.dirty = self.world.rules.number, True

    def begin_batch(self) -> None:
        """Let quests and achievements know of all that was completed before this batch."""
        for player in self.by_id.values():
            player.earned_known, player.quests_known = player.earned, player.quests_done

    def instants(self, events: Sequence[GameEvent]) -> list[tuple[PlayerState, datetime]]:
        """When the service's own events may happen to players: with one of these events, or now to whom none does."""
        found = {(event.player_id, event.timestamp): None for event in events}
        quiet = self.by_id.keys() - {event.player_id for event in events}
        found.update({(id_, self.world.now): None for id_ in quiet})
        return [(self.by_id[id_], at) for id_, at in found]

    # -- writing -------------------------------------------------------------------------------------------------------

    def write_last(self) -> None:
        """Write the rows, after all other parts: any of them may change one."""
        rows = [
            (id_, *_numbers(player), *map(_bytes, _bits(player)))
            for id_, player in sorted(self.by_id.items())
            if player.dirty
        ]
        sql.update(Player, ("player_id",), (*_NUMBERS, *_BITS), rows)


def _bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
