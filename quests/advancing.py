"""The advancing stage: which quests one event starts, how far it takes those under way, and what ends.

`QuestRuns` holds the open runs of one world's players, and the newest run of what might start by itself. Runs past
their deadline are closed before anything else is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings

from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from progress.leveling import LevelRules
from progress.members import ScopeKey, forget_members, keep_members, load_members
from progress.metering import Books, CountedEvent, PlayerState
from progress.periods import KINDS, Period
from progress.rules import NEVER, Requirement
from quests import facts, running, storing
from quests.models import Run as RunRow
from quests.rules import Quest, QuestRules, Step
from quests.running import COMPLETED, EXPIRED, FAILED, Has, Run
from rewards.granting import EarnedRewards

KEY = ("player_id", "quest_id", "run")
COLUMNS = (
    "is_newest", "version", "started_at", "deadline", "period", "status", "completed_at", "ended_at", "state",
)  # fmt: skip
LEARNED = ("achievement.completed", "quest.completed")
"""The own events by which quests learn what a player has."""


def late_grace() -> timedelta:
    """For how long after a run's deadline an event from before it still counts."""
    return timedelta(seconds=settings.QUEST_LATE_GRACE)


class QuestRuns(Part):
    """The runs of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.runs: dict[tuple[PlayerId, str], Run] = {}
        """(player, quest) → the newest run, of those that were read."""
        self.superseded: list[Run] = []
        """Runs that are no longer the newest."""
        self._loaded: set[PlayerId] = set()
        self._with_members: dict[ScopeKey, str] = {}
        """Scopes that have rows of members, each with the quest whose run counts in it."""
        self._open: dict[PlayerId, list[Run]] = {}

    @cached_property
    def rules(self) -> QuestRules:
        return self.world.rules[QuestRules]  # type: ignore[no-any-return]

    # -- reading -------------------------------------------------------------------------------------------------------

    def load(self, events: Sequence[GameEvent]) -> None:
        """The open runs, and what starting asks for. Three queries at most, and one more for older versions."""
        wanted: list[tuple[PlayerId, str]] = []
        asked: list[tuple[PlayerId, Requirement]] = []
        for player in self.world[Books].players.values():
            if player.player_id in self._loaded:
                continue
            starting = self.rules.starting_bits & ~(player.quests_done & self.rules.once_bits)
            read = player.quests_open | (player.quests_begun & starting)
            wanted += [(player.player_id, self.rules.ids[serial]) for serial in _serials(read)]
            for serial in _serials(starting):  # one that is open may be closed here, and start again
                asked += [(player.player_id, r) for r in self.rules.starting[serial].requirements if r.metric]
            self._loaded.add(player.player_id)
        self.read(wanted)
        if asked:
            self.world[Books].recall(asked)

    def read(self, keys: Iterable[tuple[PlayerId, str]]) -> None:
        """The newest run of each (player, quest)."""
        missing = [key for key in keys if key not in self.runs]
        if missing:
            wanted = dict(zip(KEY, zip(*missing, strict=True), strict=False))
            self._read_members(self.take_in(sql.select_in(RunRow, (*KEY, *COLUMNS), wanted, only_true="is_newest")))

    def _read_members(self, runs: Iterable[Run]) -> None:
        """What these runs' counts of different members have seen: a query only where some run has any."""
        counts = {key: (run, count) for run in runs for key, count in run.distinct() if count.tally.members}
        found = load_members(counts)
        for key, (run, count) in counts.items():
            self._with_members[key] = run.quest.id
            count.members |= found.get(key, set())

    def take_in(self, rows: Sequence[tuple[Any, ...]]) -> list[Run]:
        self.world.rules.recall("quest", [(row[1], row[4]) for row in rows])
        runs = []
        for player_id, quest_id, number, is_newest, version, *fields, state in rows:
            quest = self.rules.version(quest_id, version, self.world.rules.definition)
            run = Run(player_id, quest, number, is_newest, *fields)
            storing.load(run, state)
            runs.append(run)
            if is_newest:
                self.runs[player_id, quest_id] = run
                if run.is_open:
                    self._open.setdefault(player_id, []).append(run)
        return runs

    def expire(self) -> None:
        """Close what is past its deadline: it is looked at now."""
        grace = late_grace()
        for run in [run for runs in self._open.values() for run in runs]:
            if run.is_over(self.world.now, grace):
                assert run.deadline is not None
                player = self.world[Books].players[run.player_id]
                self.end(run, EXPIRED, run.deadline, player)

    # -- what a player has ---------------------------------------------------------------------------------------------

    def has(self, player: PlayerState) -> Has:
        """Whether the player meets a requirement now: what has a metric, by their whole life."""
        books, bits = self.world[Books], self.rules.bits

        def has(requirement: Requirement) -> bool:
            match requirement.type:
                case "ACHIEVEMENT":
                    told = player.earned & player.earned_known
                    return bool(told & bits.get(("ACHIEVEMENT", requirement.target), 0))
                case "QUEST":
                    return bool(player.quests_known & bits.get(("QUEST", requirement.target), 0))
                case "LEVEL":
                    return requirement.compare(self.world.rules[LevelRules].at(player.xp))
            return books.has_met(player.player_id, requirement)

        return has

    def learn(self, player: PlayerState, event: GameEvent) -> None:
        """From its own event on, quests know of what was completed."""
        if event.type == "achievement.completed":
            player.earned_known |= self.rules.bits.get(("ACHIEVEMENT", event.data["id"]), 0)
        elif event.type == "quest.completed":
            player.quests_known |= self.rules.bits.get(("QUEST", event.data["id"]), 0)

    def open_runs(self, player_id: PlayerId) -> list[Run]:
        """In the order of their quests' ids, whatever order the database gave them in."""
        return sorted(self._open.get(player_id, ()), key=lambda run: run.quest.id)

    def is_awaited(self, event: GameEvent) -> bool:
        """Whether somebody's quest waits for what this own event says was completed."""
        return event.type in LEARNED and any(
            run.waits_for(event.type.partition(".")[0].upper(), event.data["id"])
            for run in self._open.get(event.player_id, ())
        )

    # -- deciding ------------------------------------------------------------------------------------------------------

    def startable(self, player: PlayerState, event: GameEvent) -> Iterator[Quest]:
        """The quests that this event starts. What a backfill completes is of the past, and starts none."""
        if self.world.backfill:
            return
        settled = player.quests_open | (player.quests_done & self.rules.once_bits)
        for serial in _serials(self.rules.starting_bits & ~settled):
            quest = self.rules.starting[serial]
            newest = self.runs.get((player.player_id, quest.id))
            period = periods_at(player, event.timestamp)
            if not running.starts_itself(quest, newest, period):
                continue
            end = quest.deadline(event.timestamp, _own_period(quest, period))
            if end is not None and self.world.now > end + late_grace():
                continue  # a late event: by now its run would be over
            if self.refusal(quest, player, event.timestamp) is None:
                yield quest

    def refusal(self, quest: Quest, player: PlayerState, at: datetime) -> tuple[str, str] | None:
        """Why the player cannot start it at that instant: `(code, detail)`."""
        return running.refusal(
            quest,
            player.player_id,
            at=at,
            newest=self.runs.get((player.player_id, quest.id)),
            is_done=bool(player.quests_done & quest.bit),
            period=periods_at(player, at),
            has=self.has(player),
        )

    def start(
        self, quest: Quest, player: PlayerState, at: datetime, root: str, *, counts: bool = False
    ) -> list[EarnedRewards]:
        """Begin a run, which may complete what the player has already. `counts`: what starts it counts for its first
        steps.
        """
        newest = self.runs.get((player.player_id, quest.id))
        if newest is not None:
            newest.is_newest, newest.dirty = False, True
            self.superseded.append(newest)
        period = _own_period(quest, periods_at(player, at))
        has = self.has(player)
        run = running.begin(
            quest, player.player_id, newest, at=at, period=period, root=None if counts else root, has=has
        )
        self.runs[player.player_id, quest.id] = run
        self._open.setdefault(player.player_id, []).append(run)
        player.quests_begun |= quest.bit
        player.quests_open |= quest.bit
        player.dirty = True
        self.world.state(facts.stated(facts.STARTED, run, at, has))
        return self.settle(run, player, at, root)

    def settle(
        self, run: Run, player: PlayerState, at: datetime, root: str, by_hand: Sequence[Step] = ()
    ) -> list[EarnedRewards]:
        """Complete what is complete; says what that has earned, and the steps that were completed by hand just now."""
        has = self.has(player)
        steps = [*by_hand, *running.settle(run, at, root, has)]
        earned = [self.advanced(run, step, at, has) for step in steps]
        if run.status == COMPLETED:
            earned.append(self.complete(run, player, at, has))
        elif run.status == FAILED:
            self.closed(run, player)
            self.world.state(facts.stated(facts.FAILED, run, at, has))
        return earned

    def advanced(self, run: Run, step: Step, at: datetime, has: Has) -> EarnedRewards:
        self.world.state(facts.stated(facts.ADVANCED, run, at, has, step))
        occurrence = "0" if run.quest.repeat == NEVER else str(run.number)
        return _earned(run, run.rewards_of(step), "QUEST_STEP", f"{run.quest.id}/{step.id}", occurrence, at)

    def complete(self, run: Run, player: PlayerState, at: datetime, has: Has) -> EarnedRewards:
        quest = run.quest
        self.closed(run, player)
        player.quests_done |= quest.bit
        player.quests_completed += 1
        self.world.state(facts.stated(facts.COMPLETED, run, at, has))
        self.world.state_event(
            facts.COMPLETED, player.player_id, quest.id, str(run.number), facts.own_event_data(quest), at
        )
        return _earned(run, quest.rewards, "QUEST", quest.id, str(run.number), at)

    def end(self, run: Run, status: str, at: datetime, player: PlayerState) -> None:
        """Close an open run that was not completed: EXPIRED or ABANDONED."""
        has = self.has(player)
        running.close(run, status, at, has)
        self.closed(run, player)
        self.world.state(facts.stated(facts.EXPIRED if status == EXPIRED else facts.ABANDONED, run, at, has))

    def closed(self, run: Run, player: PlayerState) -> None:
        self._open[run.player_id].remove(run)
        player.quests_open &= ~run.quest.bit
        player.dirty = True

    def replace(self, run: Run, moved: Run) -> None:
        """Put an open run on another version."""
        self._open[run.player_id].remove(run)
        self._open[run.player_id].append(moved)
        self.runs[run.player_id, run.quest.id] = moved

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        runs = [run for run in (*self.superseded, *self.runs.values()) if run.dirty]
        rows = [
            (
                run.player_id, run.quest.id, run.number, run.is_newest, run.quest.version, run.started_at, run.deadline,
                run.period, run.status, run.completed_at, run.ended_at, storing.dump(run),
            )
            for run in sorted(runs, key=lambda run: (run.player_id, run.quest.id, run.number))
        ]  # fmt: skip
        # In the order of their numbers: a run makes room for the next one before that takes its place as the newest.
        sql.upsert(RunRow, (*KEY, *COLUMNS), rows, conflict=KEY, set_=COLUMNS)
        counting = {key: count for run in runs for key, count in run.distinct()}
        kept = [(key, self.runs[key[0], quest]) for key, quest in self._with_members.items()]
        forget_members(key for key, run in kept if run.dirty and key not in counting)
        keep_members((*key, member) for key, count in counting.items() for member in count.new_members)


def advance(world: World, moment: CountedEvent) -> list[EarnedRewards]:
    """Let one event count for quests: start what it starts, and take runs as far as it does."""
    log, player, event = world[QuestRuns], moment.player, moment.event
    if event.type in LEARNED:
        log.learn(player, event)
    earned: list[EarnedRewards] = []
    for quest in log.startable(player, event):
        earned += log.start(quest, player, event.timestamp, event.root, counts=True)
    for run in log.open_runs(player.player_id):
        if run.is_open and (_counts(run, event, player) or run.asks):
            earned += log.settle(run, player, event.timestamp, event.root)
    return earned


def _counts(run: Run, event: GameEvent, player: PlayerState) -> bool:
    return bool(event.samples) and running.count(run, event, lambda at: player.period("DAILY", at))


def _earned(
    run: Run, rewards: Sequence[str], source: str, source_id: str, occurrence: str, at: datetime
) -> EarnedRewards:
    return EarnedRewards(
        player_id=run.player_id,
        reward_ids=rewards,
        source=source,
        source_id=source_id,
        occurrence=occurrence,
        at=at,
    )


def periods_at(player: PlayerState, at: datetime) -> Callable[[str], Period]:
    """The player's period of a kind that holds an instant."""
    return lambda kind: player.period(kind, at)


def _own_period(quest: Quest, period: Callable[[str], Period]) -> Period | None:
    return period(quest.repeat) if quest.repeat in KINDS else None


def _serials(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
