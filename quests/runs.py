"""The quests' part of the world: the open runs of its players, and the newest run of what might start by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, assert_never

from django.conf import settings

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.leveling import LevelRules
from progress.members import ScopeKey, forget_members, keep_members, load_members
from progress.players import Players, PlayerState
from progress.rules.requirements import Requirement
from progress.rules.vocabulary import RequirementType
from progress.tallies import Tallies
from quests import storing
from quests.counting import Count
from quests.models import Run as RunRow
from quests.rules import QuestRules
from quests.running import Has, Run
from quests.storing import StoredRun

LEARNED: dict[str, RequirementType] = {
    FactType.ACHIEVEMENT_COMPLETED: RequirementType.ACHIEVEMENT,
    FactType.QUEST_COMPLETED: RequirementType.QUEST,
}
"""The own events by which quests learn what a player has, and the requirements that wait for them."""

_KEY = unique_key(RunRow)


def late_grace() -> timedelta:
    """For how long after a run's deadline an event from before it still counts."""
    return timedelta(seconds=settings.QUEST_LATE_GRACE)


class QuestRuns(Part):
    """The runs of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.newest: dict[tuple[PlayerId, str], Run] = {}
        """(player, quest) → the newest run, of those that were read."""
        self._older: list[Run] = []
        """Runs that were read, and are not the newest."""
        self._superseded: list[Run] = []
        """Runs that are no longer the newest."""
        self._loaded: set[PlayerId] = set()
        self._with_members: dict[ScopeKey, tuple[str, Count]] = {}
        """Scopes that have rows of members, each with the quest whose run counts in it, and the count that has them."""
        self._open: dict[PlayerId, list[Run]] = {}

    @cached_property
    def rules(self) -> QuestRules:
        return self.world.rules[QuestRules]

    # -- loading -------------------------------------------------------------------------------------------------------

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        return self._load

    def _load(self) -> None:
        """Read the open runs, and what starting asks for. Three queries at most, and one more for older versions."""
        wanted: list[tuple[PlayerId, str]] = []
        asked: list[tuple[PlayerId, Requirement]] = []
        for player in self.world[Players].by_id.values():
            if player.player_id in self._loaded:
                continue
            starting = self.rules.starting_bits & ~(player.quests_done & self.rules.once_bits)
            read = player.quests_open | (player.quests_begun & starting)
            wanted += [(player.player_id, self.rules.ids[serial]) for serial in serials(read)]
            for serial in serials(starting):  # one that is open may be closed here, and start again
                asked += [(player.player_id, r) for r in self.rules.starting[serial].requirements if r.metric]
            self._loaded.add(player.player_id)
        self.read(wanted)
        if asked:
            self.world[Tallies].load_lifetimes(asked)

    def read(self, keys: Iterable[tuple[PlayerId, str]]) -> None:
        """Read the newest run of each (player, quest), where it is not known yet."""
        missing = [key for key in keys if key not in self.newest]
        if missing:
            wanted = dict(zip(_KEY, zip(*missing, strict=True), strict=False))
            rows = sql.select_in(RunRow, StoredRun._fields, wanted, only_true="is_newest")
            self._read_members(self.take_in(rows))

    def take_in(self, rows: Sequence[tuple[Any, ...]]) -> list[Run]:
        """The runs that these rows (of StoredRun's columns) keep, without the members that they have seen."""
        stored = [StoredRun._make(row) for row in rows]
        self.world.rules.load_definitions("quest", [(row.quest_id, row.version) for row in stored])
        runs = []
        for row in stored:
            run = storing.load(row, self.rules.version(row.quest_id, row.version, self.world.rules.definition))
            runs.append(run)
            if run.is_newest:
                self.newest[run.player_id, run.quest.id] = run
                if run.is_open:
                    self._open.setdefault(run.player_id, []).append(run)
            else:
                self._older.append(run)
        return runs

    def _read_members(self, runs: Iterable[Run]) -> None:
        """Read what these runs' counts of different members have seen: a query only where some run has any."""
        counts = {key: (run, count) for run in runs for key, count in run.distinct() if count.tally.members}
        found = load_members(counts)
        for key, (run, count) in counts.items():
            self._with_members[key] = run.quest.id, count
            count.members |= found.get(key, set())

    # -- what is known -------------------------------------------------------------------------------------------------

    def is_in_any(self, player_id: PlayerId) -> bool:
        return bool(self._open.get(player_id))

    def open_runs(self, player_id: PlayerId) -> list[Run]:
        """The player's open runs, in the order of their quests' ids, whatever order the database gave them in."""
        return sorted(self._open.get(player_id, ()), key=lambda run: run.quest.id)

    def known(self) -> list[Run]:
        """All runs that were read or begun, each quest's in the order of their numbers."""
        found = [*self._older, *self._superseded, *self.newest.values()]
        return sorted(found, key=lambda run: (run.quest.id, run.number))

    def overdue(self, player_ids: Collection[PlayerId]) -> list[Run]:
        """The open runs of these players whose time is up now."""
        grace, now = late_grace(), self.world.now
        return [run for id_, runs in self._open.items() if id_ in player_ids for run in runs if run.is_over(now, grace)]

    def has(self, player: PlayerState) -> Has:
        """Whether the player meets a requirement now: what has a metric, by their whole life."""
        tallies, bits = self.world[Tallies], self.rules.bits

        def has(requirement: Requirement) -> bool:
            match requirement.type:
                case RequirementType.ACHIEVEMENT:
                    known = player.earned & player.earned_known
                    return bool(known & bits.get((RequirementType.ACHIEVEMENT, requirement.target), 0))
                case RequirementType.QUEST:
                    return bool(player.quests_known & bits.get((RequirementType.QUEST, requirement.target), 0))
                case RequirementType.LEVEL:
                    return requirement.compare(self.world.rules[LevelRules].at(player.xp))
                case (
                    RequirementType.COUNT
                    | RequirementType.SUM
                    | RequirementType.MAX
                    | RequirementType.MIN
                    | RequirementType.LATEST
                    | RequirementType.DISTINCT
                    | RequirementType.STREAK
                ):
                    return tallies.has_met(player.player_id, requirement)
            assert_never(requirement.type)

        return has

    def is_awaited(self, event: GameEvent) -> bool:
        """Whether an open run waits for what this own event says was completed."""
        type_ = LEARNED.get(event.type)
        if type_ is None:
            return False
        return any(run.waits_for(type_, event.data["id"]) for run in self._open.get(event.player_id, ()))

    # -- what changes --------------------------------------------------------------------------------------------------

    def add(self, run: Run, player: PlayerState) -> None:
        """Take in a run that began just now."""
        before = self.newest.get((run.player_id, run.quest.id))
        if before is not None:
            before.is_newest, before.dirty = False, True
            self._superseded.append(before)
        self.newest[run.player_id, run.quest.id] = run
        self._open.setdefault(run.player_id, []).append(run)
        player.quests_begun |= run.quest.bit
        player.quests_open |= run.quest.bit
        player.dirty = True

    def close(self, run: Run, player: PlayerState) -> None:
        """Note that a run is no longer open."""
        self._open[run.player_id].remove(run)
        player.quests_open &= ~run.quest.bit
        player.dirty = True

    def replace(self, run: Run, moved: Run) -> None:
        """Put an open run on another version."""
        self._open[run.player_id].remove(run)
        self._open[run.player_id].append(moved)
        self.newest[run.player_id, run.quest.id] = moved

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write each run that changed, and the members that its counts have come to see."""
        runs = [run for run in (*self._superseded, *self.newest.values()) if run.dirty]
        # In the order of their numbers: a run makes room for the next one before that takes its place as the newest.
        rows = [storing.dump(run) for run in sorted(runs, key=lambda run: (run.player_id, run.quest.id, run.number))]
        changing = [name for name in StoredRun._fields if name not in _KEY]
        sql.upsert(RunRow, StoredRun._fields, rows, conflict=_KEY, set_=changing)
        counting = {key: count for run in runs for key, count in run.distinct()}
        kept = [(key, self.newest[key[0], quest], count) for key, (quest, count) in self._with_members.items()]
        forget_members(key for key, run, count in kept if run.dirty and counting.get(key) is not count)
        keep_members((*key, member) for key, count in counting.items() for member in count.new_members)


def serials(bits: int) -> Iterator[int]:
    """The serials whose bits are set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
