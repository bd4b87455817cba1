"""A player's history with achievements: the first reading, at the end of a batch, at which a quarter, half or three
quarters of one were reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from achievements.models import ProgressMark
from achievements.occurrences import open_occurrence
from achievements.snapshots import snapshot
from achievements.standings import Standings
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import Json, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.players import Players, PlayerState
from progress.rules.goals import Goal
from progress.rules.scopes import ALWAYS
from progress.tallies import Tallies

MarkKey = tuple[PlayerId, str, str, int]
"""(player, achievement, occurrence, quarter)."""
Reading = tuple[datetime, float, dict[str, Json]]
"""(at, progress, metrics)."""

_KEY = unique_key(ProgressMark)
_READING = ("at", "progress", "metrics")


class History(Part):
    """The marks of one world's players. Nothing is read for them: a mark that there is already stays as it is."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._marks: dict[MarkKey, Reading] = {}

    def begin_batch(self) -> None:
        self._read_marks()

    def _read_marks(self) -> None:
        """Take the readings at the end of a batch; those that an earlier batch took stay."""
        marks = dict(self._passed())
        marks.update(self._touched())
        self._marks = marks | self._marks

    def marks(self) -> dict[MarkKey, Reading]:
        """What was reached in this world, whether it had been reached before or not."""
        self._read_marks()
        return self._marks

    def write(self) -> None:
        rows = [(*key, *reading) for key, reading in sorted(self.marks().items())]
        sql.insert(ProgressMark, (*_KEY, *_READING), rows, ignore_conflicts=True)

    def _passed(self) -> Iterator[tuple[MarkKey, Reading]]:
        """The quarters that plain goals' tallies have passed."""
        players, tallies = self.world[Players], self.world[Tallies]
        for player_id, goal, quarter, opens, value in tallies.passed_quarters():
            occurrence = self._unfinished(players.by_id[player_id], goal, opens)
            if occurrence is not None:
                requirement = goal.requirements[0]
                progress = 1.0 if requirement.is_met(value) else min(requirement.fraction(value, False), 0.99)
                reading = tallies.counted[player_id].timestamp, progress, {requirement.metric: number(value)}
                yield (player_id, goal.owner, occurrence, quarter), reading

    def _touched(self) -> Iterator[tuple[MarkKey, Reading]]:
        """The quarters that all other goals which moved have reached."""
        players, tallies, standings = self.world[Players], self.world[Tallies], self.world[Standings]
        for (player_id, _, opens), goal in tallies.goals_touched.items():
            player = players.by_id[player_id]
            occurrence = self._unfinished(player, goal, opens)
            if occurrence is None:
                continue
            read = snapshot(standings, player, standings.rules.by_id[goal.owner], opens)
            for quarter in (1, 2, 3):
                if read["progress"] >= quarter / 4:
                    reading = tallies.counted[player_id].timestamp, read["progress"], read["metrics"]
                    yield (player_id, goal.owner, occurrence, quarter), reading

    def _unfinished(self, player: PlayerState, goal: Goal, opens: datetime | None) -> str | None:
        """The occurrence that is still to be completed; None where there is nothing to come any more."""
        standings = self.world[Standings]
        achievement = standings.rules.by_id[goal.owner]
        if (
            goal.counted_since > player.backfilled_to
            or achievement.is_closed_to(player)
            or achievement.is_spent(player, opens)
        ):
            return None
        if achievement.repeat == ALWAYS:
            return str(int(standings.standing(player, achievement, opens).memory.get("runs", 0)) + 1)
        standing = standings.find(player, achievement, opens)
        if standing is not None and standing.completed_at is not None:
            return None
        return open_occurrence(achievement, opens)
