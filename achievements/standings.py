"""The achievements' part of the world: what is known of how its players stand, beyond what the tallies say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any

from achievements.models import Standing as StandingRow
from achievements.occurrences import occurrence_at, open_occurrence
from achievements.rules import Achievement, AchievementRules
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import GameEvent, Json, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.players import Players, PlayerState
from progress.rules.requirements import Requirement
from progress.tallies import Tallies

Key = tuple[PlayerId, str, str]
"""(player, achievement, occurrence)."""
Order = tuple[datetime, str]
"""An event's place: (timestamp, id)."""


@dataclass(slots=True, eq=False)
class Standing:
    """How a player stands with one occurrence of an achievement. Whoever changes it sets `dirty`."""

    memory: dict[str, Any] = field(default_factory=dict)
    completed_at: datetime | None = None
    revoked_at: datetime | None = None
    event_id: str = ""
    version: int = 0
    points: int = 0
    final: dict[str, Json] | None = None
    dirty: bool = False

    @property
    def is_earned(self) -> bool:
        return self.completed_at is not None and self.revoked_at is None

    def reach(self, requirement: Requirement, met: bool) -> None:
        self.memory[requirement.digest] = met
        self.dirty = True


_KEY = unique_key(StandingRow)
_FIELDS = tuple(each.name for each in fields(Standing) if each.name != "dirty")


@dataclass(slots=True, eq=False)
class Replay:
    """What the world of a replay knows of the present: nobody is told there, and nothing is completed a second time."""

    player: PlayerState
    """The player as they are now."""
    closed: dict[str, Order] = field(default_factory=dict)
    """ALWAYS achievements, and until which event (its order) their past runs have been counted already."""

    def has_counted(self, achievement: Achievement, event: GameEvent) -> bool:
        """Whether the achievement was counted before the replay, at least up to that event."""
        if achievement.goal.counted_since <= self.player.backfilled_to:
            return True
        return achievement.id in self.closed and self.closed[achievement.id] >= event.order


def listed_under(requirement: Requirement) -> str:
    """Where the open run of an ALWAYS achievement lists samples by their events' ids."""
    return f"samples:{requirement.digest}"


class Standings(Part):
    """The standings of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.standings: dict[Key, Standing] = {}
        self.completed: list[tuple[PlayerState, Achievement, str]] = []
        """What was completed in this world: (player, achievement, occurrence)."""
        self._signed: dict[Key, tuple[str, str]] = {}
        """Who takes standings back, and why: columns that nothing of the hot path reads or writes."""
        self.replay: Replay | None = None
        """Set where this world replays the past of a player."""

    @cached_property
    def rules(self) -> AchievementRules:
        return self.world.rules[AchievementRules]

    # -- loading -------------------------------------------------------------------------------------------------------

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        """Read the standings of goals with a memory that these events may touch. One query."""
        players, rules, index = self.world[Players], self.rules, self.world[Tallies].index
        wanted: dict[Key, None] = {}
        for event in events:
            player = players.by_id[event.player_id]
            for sample in event.samples:
                for goal in index.remembering.get(sample.metric, ()):
                    achievement = rules.by_id[goal.owner]
                    if not achievement.is_closed_to(player):
                        wanted[event.player_id, goal.owner, occurrence_at(achievement, player, event.timestamp)] = None
        remembering = (*index.remembering_own, *index.remembering_opening)
        for player, at in players.instants(events) if remembering else ():
            for goal in remembering:
                achievement = rules.by_id[goal.owner]
                if not achievement.is_closed_to(player):
                    wanted[player.player_id, goal.owner, occurrence_at(achievement, player, at)] = None
        asked = self._ask(wanted)
        return lambda: self._take_in(asked())

    def read(self, keys: Iterable[Key]) -> None:
        """Read these standings, where they are not known yet."""
        self._take_in(self._ask(keys)())

    def _ask(self, keys: Iterable[Key]) -> sql.Asked:
        missing = [key for key in keys if key not in self.standings]
        wanted = dict(zip(_KEY, zip(*missing, strict=True), strict=True)) if missing else {}
        return sql.ask_in(StandingRow, (*_KEY, *_FIELDS), wanted) if missing else list

    def read_all(self) -> None:
        """Read every standing of this world's players."""
        self.ask_all()()

    def ask_all(self) -> Callable[[], None]:
        """Send the query of `read_all`; what it gives back takes the answer in."""
        asked = sql.ask_where(StandingRow, (*_KEY, *_FIELDS), {"player_id": self.world.player_ids})
        return lambda: self._take_in(asked())

    def _take_in(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Keep these rows, but for unfinished ones of a time when the achievement repeated in another way: the instant
        that opened a week then may open a day now.
        """
        for player_id, id_, occurrence, *values in rows:
            standing = Standing(*values)
            if standing.completed_at is not None or not self.rules.is_before(id_, standing.version):
                self.standings[player_id, id_, occurrence] = standing

    # -- what is known -------------------------------------------------------------------------------------------------

    def find(self, player: PlayerState, achievement: Achievement, opens: datetime | None) -> Standing | None:
        """The standing that samples of that period (or run) belong to, if there is any."""
        return self.standings.get((player.player_id, achievement.id, open_occurrence(achievement, opens)))

    def standing(self, player: PlayerState, achievement: Achievement, opens: datetime | None) -> Standing:
        """The same, begun where there is none."""
        occurrence = open_occurrence(achievement, opens)
        return self.standings.setdefault((player.player_id, achievement.id, occurrence), Standing())

    def of(self, player_id: PlayerId) -> dict[tuple[str, str], Standing]:
        """(achievement, occurrence) → how one player stands."""
        return {key[1:]: standing for key, standing in self.standings.items() if key[0] == player_id}

    def is_awaited(self, event: GameEvent) -> bool:
        """Whether some achievement waits for the quest that this own event says was completed."""
        return event.type == FactType.QUEST_COMPLETED and event.data["id"] in self.rules.waiting_for_quests

    def sign(self, key: Key, reason: str) -> None:
        """Note that the world's actor takes a standing back, and why."""
        self._signed[key] = self.world.actor.signature, reason

    def unsign(self, key: Key) -> None:
        """Note that a standing was given back: nobody has taken it any more."""
        self._signed[key] = "", ""

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write each standing that changed; an unfinished one with the version under which that was."""
        changed = sorted(
            ((key, standing) for key, standing in self.standings.items() if standing.dirty), key=itemgetter(0)
        )
        for (_, id_, _), standing in changed:
            if standing.completed_at is None:
                standing.version = self.rules.by_id[id_].version
        rows = [(*key, *(getattr(standing, name) for name in _FIELDS)) for key, standing in changed]
        sql.upsert(StandingRow, (*_KEY, *_FIELDS), rows, conflict=_KEY, set_=_FIELDS)
        signed = [(*key, *signature) for key, signature in sorted(self._signed.items())]
        sql.update(StandingRow, _KEY, ("revoked_by", "revoke_reason"), signed)
