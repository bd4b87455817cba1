"""The completing stage: which achievements one event completes, and what follows at that very event.

`Standings` is the part of a world that holds what cannot be read off the tallies. An achievement can only become
complete when one of its requirements becomes met (the metering stage names those), or when another one that it waits
for is completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from achievements import facts
from achievements.models import Mark
from achievements.models import Standing as StandingRow
from achievements.rules import Achievement, AchievementRules, own_event_data
from gamification.kernel.core.encoding import instant, number
from gamification.kernel.core.messages import GameEvent, Json, PlayerId
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from progress.frames import best_window
from progress.metering import Books, Candidate, CountedEvent, PlayerState, Window
from progress.periods import DAILY
from progress.rules import ALWAYS, NEVER, STICKY, TARGET, WINDOW, Goal, Requirement, Tally, combined
from rewards.granting import EarnedRewards

OPEN_RUN = "*"
"""The occurrence under which the unfinished run of an ALWAYS achievement is kept."""

MOST_LISTED = 1_000
"""Samples of the past that a run which a backfill left open still knows for its windows: the newest. A window in which
there are more lacks the others.
"""

Key = tuple[PlayerId, str, str]
"""(player, achievement, occurrence)."""
Order = tuple[datetime, str]
"""An event's place: (timestamp, id)."""

_COLUMNS = (
    "player_id", "achievement_id", "occurrence", "reached", "completed_at", "revoked_at", "event_id", "version",
    "points", "final",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Standing:
    reached: dict[str, Any] = field(default_factory=dict)
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


class Past(NamedTuple):
    """A completion of before a replay, at the event of that order."""

    order: Order
    achievement: Achievement
    standing: Standing

    @property
    def closes_run(self) -> bool:
        """Whether the achievement began anew with it: it repeats always, and did so then."""
        return self.achievement.repeat == ALWAYS and not self.achievement.is_before(self.standing.version)


class Standings(Part):
    """The standings of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.standings: dict[Key, Standing] = {}
        self.completed: list[tuple[PlayerState, Achievement, str]] = []
        self.rehearsing: PlayerState | None = None
        """A backfill's replay, of the player as they are: completes in memory what is new to them, tells nobody."""
        self._closed: dict[str, Order] = {}
        """Replay: ALWAYS achievements, and until which event (its order) their past runs have been counted already."""

    @cached_property
    def rules(self) -> AchievementRules:
        return self.world.rules[AchievementRules]  # type: ignore[no-any-return]

    def load(self, events: Sequence[GameEvent]) -> None:
        """The standings of goals with a memory that these events may touch. One query."""
        books, rules = self.world[Books], self.rules
        wanted: dict[Key, None] = {}
        remembering = books.watch.remembering
        for event in events:
            player = books.players[event.player_id]
            for sample in event.samples:
                for goal in remembering.get(sample.metric, ()):
                    achievement = rules.by_id[goal.owner]
                    if not achievement.is_settled(player):
                        wanted[event.player_id, goal.owner, occurrence_at(achievement, player, event.timestamp)] = None
        anyhow = (*books.watch.remembering_own, *books.watch.remembering_opening)
        for player, at in books.instants(events) if anyhow else ():
            for goal in anyhow:
                achievement = rules.by_id[goal.owner]
                if not achievement.is_settled(player):
                    wanted[player.player_id, goal.owner, occurrence_at(achievement, player, at)] = None
        self.read(wanted)

    def read(self, keys: Iterable[Key]) -> None:
        columns = ("player_id", "achievement_id", "occurrence")
        missing = [key for key in keys if key not in self.standings]
        if missing:
            wanted = dict(zip(columns, zip(*missing, strict=True), strict=True))
            self._take_in(sql.select_in(StandingRow, _COLUMNS, wanted))

    def _take_in(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """What is unfinished and of a time when the achievement repeated in another way is as if it were not there:
        the same instant may open a day, a week and a month.
        """
        for player_id, id_, occurrence, *fields in rows:
            standing = Standing(*fields)
            if standing.completed_at is not None or not self.rules.is_before(id_, standing.version):
                self.standings[player_id, id_, occurrence] = standing

    def standing(self, player: PlayerState, achievement: Achievement, opens: datetime | None) -> Standing:
        """The standing that samples of that period (or run) belong to."""
        occurrence = open_occurrence(achievement, opens)
        return self.standings.setdefault((player.player_id, achievement.id, occurrence), Standing())

    def is_awaited(self, event: GameEvent) -> bool:
        """Whether some achievement waits for the quest that this own event says was completed."""
        return event.type == "quest.completed" and event.data["id"] in self.rules.waiting_for_quests

    # -- deciding ------------------------------------------------------------------------------------------------------

    def remember(self, achievement: Achievement, moment: CountedEvent, hit: Candidate) -> None:
        """Keep what a hit reached, where it could not be read off a tally later."""
        requirement = hit.requirement
        if requirement.nature == STICKY:
            self._reach(self.standing(moment.player, achievement, hit.opens), requirement, True)
        elif requirement.nature == WINDOW:
            standing = self.standing(moment.player, achievement, hit.opens)
            if standing.reached.get(requirement.digest) is True or standing.completed_at:
                return
            books = self.world[Books]
            samples = books.window(moment.player, requirement.metric, achievement.goal, hit.opens)
            if achievement.repeat == ALWAYS:
                samples = self._of_run(standing, requirement, samples, moment.event)
            best, met_at = best_window(samples, requirement, moment.event.timestamp)
            known = standing.reached.get(requirement.digest + ":best")
            if best is not None and (known is None or best > known):
                standing.reached[requirement.digest + ":best"] = best
                self._reach(standing, requirement, met_at is not None)
                books.touch(moment.player, achievement.goal, hit.opens)

    def _of_run(self, standing: Standing, requirement: Requirement, samples: Window, event: GameEvent) -> Window:
        """ALWAYS with a time frame: the samples that arrived since the last completion. A replay, which has them all in
        another order, lists them; live, they are told by their numbers, and by that list, which grows no more.
        """
        listed = standing.reached.get(_listed(requirement), ())
        if self.rehearsing:
            listed = standing.reached.setdefault(_listed(requirement), {})
            listed[event.id] = None
            return [sample for sample in samples if sample[1] in listed]
        after, listed = standing.reached.get("after", {}).get(requirement.metric, 0), frozenset(listed)
        return [sample for sample in samples if sample[4] > after or sample[1] in listed]

    @staticmethod
    def _reach(standing: Standing, requirement: Requirement, met: bool) -> None:
        standing.reached[requirement.digest] = met
        standing.dirty = True

    def is_met(
        self, player: PlayerState, achievement: Achievement, requirement: Requirement, opens: datetime | None
    ) -> bool:
        if requirement.nature == TARGET:
            return is_earned(requirement, player, self.rules)
        if requirement.nature in (STICKY, WINDOW):
            reached = self.standing(player, achievement, opens).reached
            return requirement.is_met(None, reached.get(requirement.digest))
        return requirement.is_met(self.world[Books].value(player, achievement.goal, requirement, opens))

    def completes(
        self, player: PlayerState, achievement: Achievement, event: GameEvent, opens: datetime | None
    ) -> bool:
        """Whether it is complete at this event, and was not before."""
        goal = achievement.goal
        if goal.since > player.filled or not achievement.is_enabled or not achievement.is_open(event.timestamp):
            return False
        if self.rehearsing and (
            goal.since <= self.rehearsing.filled
            or (achievement.id in self._closed and self._closed[achievement.id] >= event.order)
        ):
            return False
        if achievement.is_settled(player) or achievement.is_spent(player, opens):
            return False
        if opens is not None and self.standing(player, achievement, opens).completed_at is not None:
            return False
        if achievement.prerequisites:
            needed = [self.rules.by_id.get(id_) for id_ in achievement.prerequisites]
            if not all(other is not None and player.earned & other.bit for other in needed):
                return False
        if goal.plain:
            requirement = goal.requirements[0]
            if requirement.compare(self.world[Books].value(player, goal, requirement, opens)):
                return True
        met = sum(self.is_met(player, achievement, requirement, opens) for requirement in goal.requirements)
        return met >= goal.need

    def unlock(
        self, player: PlayerState, achievement: Achievement, event: GameEvent, opens: datetime | None
    ) -> EarnedRewards:
        """Complete it at this event: statistics, standing, fact, own event."""
        occurrence = instant(opens) if opens else "0"
        standing = self.standing(player, achievement, opens)
        final = self.reading(player, achievement, opens)
        if achievement.repeat == ALWAYS:
            runs = int(standing.reached.get("runs", 0)) + 1
            occurrence = str(runs)
            standing.reached, standing.dirty = {"runs": runs, **self._arrived(player, achievement)}, True
            standing = self.standings[player.player_id, achievement.id, occurrence] = Standing()
            self.world[Books].begin_anew(player, achievement.goal)
        return self.state(player, achievement, occurrence, standing, event.timestamp, event.id, final)

    def _arrived(self, player: PlayerState, achievement: Achievement) -> dict[str, Any]:
        """What tells the samples in windows that have arrived by now from those of the next run."""
        books = self.world[Books]
        metrics = sorted({r.metric for r in achievement.goal.requirements if r.nature == WINDOW})
        return {"after": {metric: books.arrivals(player, metric) for metric in metrics}} if metrics else {}

    def state(
        self,
        player: PlayerState,
        achievement: Achievement,
        occurrence: str,
        standing: Standing,
        at: datetime,
        event_id: str,
        final: dict[str, Json],
    ) -> EarnedRewards:
        standing.completed_at, standing.event_id, standing.dirty = at, event_id, True
        standing.version, standing.points, standing.final = achievement.version, achievement.points, final
        player.earned |= achievement.bit
        player.achievements_completed += 1
        player.points += achievement.points
        player.dirty = True
        self.completed.append((player, achievement, occurrence))
        if not self.rehearsing:
            self.world.state(facts.completed(achievement, player.player_id, occurrence, at))
            self.world.state_event(
                "achievement.completed", player.player_id, achievement.id, occurrence, own_event_data(achievement), at
            )
        return EarnedRewards(
            player_id=player.player_id,
            reward_ids=achievement.rewards,
            source="ACHIEVEMENT",
            source_id=achievement.id,
            occurrence=occurrence,
            at=at,
        )

    # -- backfills -----------------------------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Every standing of this world's players."""
        self._take_in(StandingRow.objects.filter(player_id__in=self.world.player_ids).values_list(*_COLUMNS))

    def of(self, player_id: PlayerId) -> dict[tuple[str, str], Standing]:
        """(achievement, occurrence) → how one player stands."""
        return {key[1:]: standing for key, standing in self.standings.items() if key[0] == player_id}

    def note_before(self, player: PlayerState) -> None:
        """Mark what the player completed, revoked or not, while it repeated in another way."""
        for (player_id, id_, _), standing in self.standings.items():
            of_before = standing.completed_at is not None and self.rules.is_before(id_, standing.version)
            if of_before and player_id == player.player_id:
                player.had_before |= self.rules.by_id[id_].bit

    def rehearse(self, player: PlayerState, standings: Mapping[tuple[str, str], Standing]) -> list[Past]:
        """Begin a replay: what was completed, revoked or not, is not completed again. Says at which events (their
        order) that was, oldest first.
        """
        self.rehearsing = player
        done = []
        for (id_, occurrence), standing in standings.items():
            achievement = self.rules.by_id.get(id_)
            if standing.completed_at is None or achievement is None:
                continue
            self.standings[player.player_id, id_, occurrence] = replace(standing, dirty=False)
            past = Past((standing.completed_at, standing.event_id), achievement, standing)
            done.append(past)
            if past.closes_run:
                self._closed[id_] = max(past.order, self._closed.get(id_, past.order))
            if achievement.repeat == ALWAYS:
                self.begin_run(player, achievement, run_number(occurrence))
        return sorted(done, key=lambda past: (past.order, past.achievement.id))

    def begin_run(self, player: PlayerState, achievement: Achievement, runs: int = 0) -> None:
        """Have the open run of an ALWAYS achievement reach nothing yet, and be no earlier one than the next after so
        many.
        """
        standing = self.standing(player, achievement, None)
        standing.reached = {"runs": max(runs, standing.reached.get("runs", 0))}

    @property
    def rerun(self) -> set[str]:
        """The ALWAYS achievements that were completed here: their open runs began anew."""
        return {achievement.id for _, achievement, _ in self.completed if achievement.repeat == ALWAYS}

    def adopt(self, replayed: Standings, player: PlayerState) -> None:
        """Take over what a replay reached, of what is new to the player; what was reached before stays so."""
        for key, past in replayed.standings.items():
            achievement = self.rules.by_id.get(key[1])
            if achievement is None or achievement.goal.since <= player.filled or past.completed_at is not None:
                continue
            standing = self.standings.setdefault(key, Standing())
            is_anew = achievement.id in replayed.rerun
            kept = {} if is_anew else {digest: state for digest, state in standing.reached.items() if state is True}
            reached = {**past.reached, **kept}
            if achievement.repeat == ALWAYS:
                reached |= self._arrived(player, achievement)
                for requirement in achievement.goal.requirements:
                    if listed := reached.get(_listed(requirement)):
                        reached[_listed(requirement)] = list(listed)[-MOST_LISTED:]
            standing.reached, standing.dirty = reached, True

    # -- reading -------------------------------------------------------------------------------------------------------

    def reading(self, player: PlayerState, achievement: Achievement, opens: datetime | None) -> dict[str, Json]:
        """`{metrics, requirements, progress}` as they are now."""
        books, goal = self.world[Books], achievement.goal
        occurrence = open_occurrence(achievement, opens)
        standing = self.standings.get((player.player_id, achievement.id, occurrence))

        def tally(metric: str) -> Tally | None:
            return books.tallies.get((player.player_id, metric, goal.scope.key(opens)))

        return read_goal(goal, tally, standing.reached if standing else {}, player, self.rules, self.world.now)

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        newest = self.rules.by_id
        rows = [
            (
                *key, s.reached, s.completed_at, s.event_id,
                s.version if s.completed_at else newest[key[1]].version, s.points, s.final, s.revoked_at,
            )
            for key, s in sorted(self.standings.items())
            if s.dirty
        ]  # fmt: skip
        key = ("player_id", "achievement_id", "occurrence")
        columns = ("reached", "completed_at", "event_id", "version", "points", "final", "revoked_at")
        sql.upsert(StandingRow, (*key, *columns), rows, conflict=key, set_=columns)
        self._write_marks()

    def _write_marks(self) -> None:
        """History: the first reading, at the end of a batch, at which a quarter, half, three quarters were reached."""
        books, rules = self.world[Books], self.rules
        books.settle_quarters()
        done = {(player.player_id, achievement.id, occurrence) for player, achievement, occurrence in self.completed}
        marks: dict[tuple[PlayerId, str, str, int], tuple[datetime, float, dict[str, Json]]] = {}

        def open_one(player: PlayerState, goal: Goal, opens: datetime | None) -> str | None:
            """The occurrence that is still to be completed; None: there is nothing to read any more."""
            achievement, occurrence = rules.by_id[goal.owner], instant(opens) if opens else "0"
            if goal.since > player.filled or achievement.is_settled(player) or achievement.is_spent(player, opens):
                return None
            if achievement.repeat == ALWAYS:
                return str(int(self.standing(player, achievement, opens).reached.get("runs", 0)) + 1)
            standing = self.standings.get((player.player_id, goal.owner, occurrence))
            is_done = (player.player_id, goal.owner, occurrence) in done
            return None if is_done or (standing is not None and standing.completed_at) else occurrence

        for player_id, goal, quarter, opens, value in books.passed:
            occurrence = open_one(books.players[player_id], goal, opens)
            if occurrence is not None:
                requirement = goal.requirements[0]
                progress = 1.0 if requirement.is_met(value) else min(requirement.fraction(value, False), 0.99)
                marks[player_id, goal.owner, occurrence, quarter] = (
                    books.counted[player_id].timestamp, progress, {requirement.metric: number(value)},
                )  # fmt: skip
        for (player_id, _, opens), goal in books.touched.items():
            player = books.players[player_id]
            occurrence = open_one(player, goal, opens)
            if occurrence is None:
                continue
            read = self.reading(player, rules.by_id[goal.owner], opens)
            for quarter in (1, 2, 3):
                if read["progress"] >= quarter / 4:
                    marks[player_id, goal.owner, occurrence, quarter] = (
                        books.counted[player_id].timestamp, read["progress"], read["metrics"],
                    )  # fmt: skip
        columns = ("player_id", "achievement_id", "occurrence", "quarter", "at", "progress", "metrics")
        sql.insert(Mark, columns, [(*k, *v) for k, v in sorted(marks.items())], ignore_conflicts=True)


def read_goal(
    goal: Goal,
    tally: Callable[[str], Tally | None],
    reached: Mapping[str, Any],
    player: PlayerState,
    rules: AchievementRules,
    now: datetime,
) -> dict[str, Json]:
    """`{metrics, requirements, progress}` of a goal; `tally` gives a metric's Tally in the goal's scope, or None."""
    metrics: dict[str, Json] = {}
    shown, fractions, met_all = [], [], []
    for requirement in goal.requirements:
        entry: dict[str, Json] = {"type": requirement.type}
        if requirement.nature == TARGET:
            met = is_earned(requirement, player, rules)
            value: float | None = float(met)
            entry |= {"target": requirement.target}
        else:
            found = tally(requirement.metric) or Tally()
            if requirement.nature == WINDOW:
                value = reached.get(requirement.digest + ":best", None if requirement.type == "MAX" else 0)
            else:
                value = found.value(requirement.type)
            met = requirement.is_met(value, reached.get(requirement.digest))
            metrics.setdefault(requirement.metric, number(value))
            entry |= {
                "metric": requirement.metric,
                "operator": requirement.operator,
                "threshold": number(requirement.threshold),
            }
            if requirement.type == "STREAK":
                entry["current"] = found.current_run(player.period(DAILY, now))
        fractions.append(requirement.fraction(value, met))
        met_all.append(met)
        shown.append({**entry, "value": number(value), "met": met})
    return {"metrics": metrics, "requirements": shown, "progress": combined(goal.need, fractions, met_all)}


def _listed(requirement: Requirement) -> str:
    """Where the open run of an ALWAYS achievement lists samples by their events' ids."""
    return f"samples:{requirement.digest}"


def is_earned(requirement: Requirement, player: PlayerState, rules: AchievementRules) -> bool:
    """Whether the achievement or quest that a requirement names is among those a player has."""
    if requirement.type == "QUEST":
        return bool(player.quests_known & rules.quest_bits.get(requirement.target, 0))
    target = rules.by_id.get(requirement.target)
    return target is not None and bool(player.earned & target.bit)


def complete(world: World, moment: CountedEvent) -> list[EarnedRewards]:
    """The achievements this event completes, those included that only waited for them."""
    shelf, rules = world[Standings], world[Standings].rules
    player, event = moment.player, moment.event
    looked_at: dict[tuple[str, datetime | None], Achievement] = {}
    for hit in moment.hits:
        achievement = rules.by_id.get(hit.goal.owner)
        if achievement is None or achievement.is_settled(player):
            continue
        if hit.goal.since <= player.filled:
            shelf.remember(achievement, moment, hit)
        looked_at[achievement.id, hit.opens] = achievement
    if event.type == "quest.completed":
        quest = event.data["id"]
        player.quests_known |= rules.quest_bits.get(quest, 0)
        for achievement in rules.waiting_for_quests.get(quest, ()):
            looked_at.setdefault((achievement.id, opens_at(achievement, player, event.timestamp)), achievement)
    if not looked_at and not rules.opening:
        return []
    for achievement in rules.opening:
        looked_at.setdefault((achievement.id, opens_at(achievement, player, event.timestamp)), achievement)
    return unlock_all(shelf, player, event, [(a, opens) for (_, opens), a in looked_at.items()])


def unlock_all(
    shelf: Standings, player: PlayerState, event: GameEvent, queue: list[tuple[Achievement, datetime | None]]
) -> list[EarnedRewards]:
    earned: list[EarnedRewards] = []
    for achievement, opens in queue:  # grows while it is walked
        if shelf.completes(player, achievement, event, opens):
            earned.append(shelf.unlock(player, achievement, event, opens))
            queue += waiters(shelf, player, achievement, event.timestamp)
    return earned


def waiters(
    shelf: Standings, player: PlayerState, achievement: Achievement, at: datetime
) -> list[tuple[Achievement, datetime | None]]:
    """Who waits for an achievement that is completed at that instant, each in the period that holds it."""
    return [(waiter, opens_at(waiter, player, at)) for waiter in shelf.rules.waiting.get(achievement.id, ())]


def opens_at(achievement: Achievement, player: PlayerState, at: datetime) -> datetime | None:
    """When the player's period that holds `at` opened; None where it has no periods."""
    if achievement.repeat in (NEVER, ALWAYS):
        return None
    return player.period(achievement.repeat, at).opens


def open_occurrence(achievement: Achievement, opens: datetime | None) -> str:
    """The occurrence that samples count for: the open run, the period, or the only one there is."""
    return OPEN_RUN if achievement.repeat == ALWAYS else instant(opens) if opens else "0"


def run_number(occurrence: str) -> int:
    """Which completion of an ALWAYS achievement an occurrence is; 0: of none."""
    return int(occurrence) if occurrence.isdecimal() else 0


def occurrence_at(achievement: Achievement, player: PlayerState, at: datetime) -> str:
    return open_occurrence(achievement, opens_at(achievement, player, at))
