"""The metering stage: game events become samples, samples become aggregates, in event order.

`Books` is what is read of the locked players, changed in memory and written back once. `record` folds one event in and
says which goals it may have completed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from gamification.kernel.core import sums
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import REPORTED, GameEvent, Json, PlayerId, Sample
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from progress import periods
from progress.erasure import PlayerErased, erased
from progress.frames import WindowEntry, best_window
from progress.members import forget_members, keep_members, load_members
from progress.models import MemberSeen, MetricDay, Player, WindowSample
from progress.models import Tally as TallyRow
from progress.periods import Period, Zones
from progress.rules import (
    DERIVED,
    WINDOW_MEMORY,
    Goal,
    NoValue,
    Requirement,
    Tally,
    dump_runs,
    load_runs,
    reported,
)
from progress.watching import RuleIndex, TallySpec, ThresholdIndex
from progress.windows import load_windows, window_entry
from progress.zones import Home

TallyKey = tuple[PlayerId, str, str]
"""(player, metric, scope)."""
Window = list[WindowEntry]
"""Samples in (timestamp, id) order."""


@dataclass(slots=True, eq=False)
class PlayerState:
    """A locked player row. Whoever changes a field sets `dirty`."""

    player_id: PlayerId
    world: World
    own_zones: Zones = ()
    points: int = 0
    xp: int = 0
    level: int = 0
    levels_had: str = ""
    owed_points: int = 0
    owed_xp: int = 0
    achievements_completed: int = 0
    quests_completed: int = 0
    last_seq: int = 0
    filled: int = 0
    earned: int = 0
    """Bit n: the achievement with serial n is completed."""
    barred: int = 0
    """Bit n: the achievement with serial n was revoked whole."""
    had_before: int = 0
    """Bit n: the achievement with serial n was completed or revoked under another `repeat`, or revoked under NEVER."""
    quests_done: int = 0
    """Bit n: the quest with serial n was completed at least once."""
    quests_open: int = 0
    quests_begun: int = 0
    earned_known: int = 0
    """What of `earned` quests know of: of an achievement they learn by its own event, in the next round."""
    quests_known: int = 0
    """What of `quests_done` achievements and other quests know of, likewise."""
    banned: bool = False
    tokens_ended: int | None = None
    """Where a command ended the player's tokens: the generation from which on they are good."""
    is_new: bool = False
    dirty: bool = False
    _periods: dict[str, Period] = field(default_factory=dict)

    @property
    def zones(self) -> Zones:
        """The history of the player's time zone: their own, or the deployment's."""
        return self.own_zones or self.world.rules[Home]

    def period(self, kind: str, at: datetime) -> Period:
        """The player's period of that kind which holds `at`."""
        found = self._periods.get(kind)
        if found is None or not found.opens <= at < found.closes:
            found = self._periods[kind] = periods.period(kind, self.zones, at)
        return found


@dataclass(slots=True)
class Candidate:
    """A requirement that this event may have met."""

    goal: Goal
    requirement: Requirement
    opens: datetime | None
    """The opening instant of the goal's period, where it has periods."""


@dataclass(slots=True)
class CountedEvent:
    """The instant at which one event counts, for whoever decides by it."""

    event: GameEvent
    player: PlayerState
    hits: list[Candidate]


_COLUMNS = (
    "player_id", "zones", "points", "xp", "level", "levels_had", "owed_points", "owed_xp", "achievements_completed",
    "quests_completed", "last_seq", "filled", "earned", "barred", "had_before", "quests_done", "quests_open",
    "quests_begun", "banned",
)  # fmt: skip
_CHANGING = tuple(name for name in _COLUMNS if name not in ("player_id", "zones", "banned"))
_SAMPLE = ("player_id", "metric_id", "at", "event_id", "value", "member", "arrival")
_TALLY = ("count", "sum", "max", "min", "latest", "latest_at", "latest_id", "members", "runs", "rest")


class _Players(dict[PlayerId, PlayerState]):
    """The locked players; whoever asks for one that was erased is refused."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def __missing__(self, player_id: PlayerId) -> PlayerState:
        if player_id in self._books.erased:
            raise PlayerErased
        raise KeyError(player_id)


class Books(Part):
    """Players, tallies, members and window samples of one world."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.players: dict[PlayerId, PlayerState] = _Players(self)
        self.erased: set[PlayerId] = set()
        """Who was erased: their events are refused."""
        self.tallies: dict[TallyKey, Tally] = {}
        self.members: set[tuple[PlayerId, str, str, str]] = set()
        self.windows: dict[tuple[PlayerId, str], Window] = {}
        self.newest: dict[tuple[PlayerId, str], datetime] = {}
        self.counted: dict[PlayerId, GameEvent] = {}
        """Each player's last event of this world that counted."""
        self.touched: dict[tuple[PlayerId, int, datetime | None], Goal] = {}
        """Goals whose progress is read when the world is written: (player, id(goal), period's opening)."""
        self.passed: list[tuple[PlayerId, Goal, int, datetime | None, float]] = []
        """Quarters of plain goals that were passed: (player, goal, quarter, period's opening, value)."""
        self.muted: frozenset[str] = frozenset()
        """Replay: goals that repeat always and whose runs the event at hand does not count for."""
        self.health: dict[tuple[str, Any], list[int]] = {}
        self._made: set[PlayerId] = set()
        self._recalled: set[tuple[PlayerId, str]] = set()
        """Of which (player, metric) all window samples were read."""
        self._before: dict[tuple[TallyKey, str], tuple[float, ThresholdIndex, datetime | None]] = {}
        self._new_members: list[tuple[PlayerId, str, str, str]] = []
        self._dropped: set[TallyKey] = set()
        self._new_samples: list[tuple[PlayerId, str, datetime, str, float, str, int]] = []
        self.metrics_touched: dict[PlayerId, set[str]] = {}
        """Of which metrics each player had a sample."""

    @cached_property
    def watch(self) -> RuleIndex:
        return self.world.rules[RuleIndex]  # type: ignore[no-any-return]

    # -- reading -------------------------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Insert the players never seen before and lock all, both in the order of their ids: nobody who waits for a
        new row holds a lock yet, so two batches cannot wait for each other. Three queries at most.
        """
        ids = self.world.player_ids
        unseen = set(ids) - {row[0] for row in sql.select_in(Player, ("player_id",), {"player_id": ids})}
        if unseen:
            self.erased |= erased(unseen)
            unseen -= self.erased
            self._made |= self._first_sight(sorted(unseen))
        ids = [id_ for id_ in ids if id_ not in self.erased]
        self._take_in(sql.select_in(Player, _COLUMNS, {"player_id": ids}, for_update=True), self._made)
        if len(self.players) < len(ids):  # somebody was erased while we waited for the lock
            self.lock()

    def read_players(self) -> None:
        """The players as they are, without a lock: for looking only."""
        self._take_in(sql.select_in(Player, _COLUMNS, {"player_id": self.world.player_ids}), set())

    def look_at(self, player_id: PlayerId) -> PlayerState:
        """One player of this world as they are, without a lock; of one never seen: who did nothing."""
        self.read_players()
        unseen = PlayerState(player_id, self.world, filled=self.world.rules.number)
        return self.players.setdefault(player_id, unseen)

    def _take_in(self, rows: Iterable[tuple[Any, ...]], made: set[PlayerId]) -> None:
        for row in rows:
            state = PlayerState(row[0], self.world, periods.freeze(row[1]), *row[2:12])
            state.earned, state.barred, state.had_before = map(_bits, row[12:15])
            state.quests_done, state.quests_open, state.quests_begun = map(_bits, row[15:18])
            state.earned_known, state.quests_known, state.banned = state.earned, state.quests_done, bool(row[18])
            state.is_new = row[0] in made
            self.players[row[0]] = state
            if state.banned:
                self.world.banned.add(row[0])

    def _first_sight(self, ids: list[PlayerId]) -> set[PlayerId]:
        """Make rows for these players; says who is new. Another batch may have seen one of them at the same time."""
        columns = (*_COLUMNS, "display_name", "attributes", "created_at")
        nothing = [[], *[0] * 3, "", *[0] * 6, *[b""] * 6, False, "", {}, self.world.now]
        rows = [(id_, *nothing) for id_ in ids]
        return {row[0] for row in sql.insert(Player, columns, rows, ignore_conflicts=True, returning=("player_id",))}

    def measure(self, events: Iterable[GameEvent]) -> None:
        """Say what each event is worth to which metric (fills `event.samples` and `event.valueless`)."""
        by_type, metrics_by_id = self.watch.by_type, self.watch.metrics
        for event in events:
            if event.type == REPORTED:
                event.samples = reported(event, metrics_by_id)
                continue
            metrics = by_type.get(event.type)
            if not metrics:
                continue
            samples = []
            event.valueless = ()
            for metric in metrics:
                try:
                    sample = metric.sample(event.data)
                except NoValue:
                    event.valueless += (metric.id,)
                    continue
                if sample is not None:
                    samples.append(sample)
            event.samples = tuple(samples)

    def load(self, events: Sequence[GameEvent]) -> None:
        """Everything these events may touch, and what the service's own events that follow may touch."""
        watch = self.watch
        for state in self.players.values():
            if state.is_new:  # no past to count
                state.filled, state.dirty = self.world.rules.number, True
        tallies: dict[TallyKey, None] = {}
        candidates: dict[tuple[PlayerId, str, str, str], None] = {}
        open_members: dict[TallyKey, None] = {}
        spans: dict[tuple[PlayerId, str], tuple[datetime, datetime]] = {}

        def want(keepers: Iterable[TallySpec], player: PlayerState, at: datetime) -> None:
            for keeper in keepers:
                key = self.key(keeper, player, at)
                if key is not None:
                    tallies[key] = None
                if keeper.windows:
                    span = spans.get(key_ := (player.player_id, keeper.metric))
                    spans[key_] = (min(span[0], at), max(span[1], at)) if span else (at, at)

        for event in events:
            player = self.players[event.player_id]
            for sample in event.samples:
                want(watch.related[sample.metric], player, event.timestamp)
                if sample.member is not None:
                    for keeper in watch.keepers[sample.metric]:
                        key = self.key(keeper, player, event.timestamp)
                        if key is not None and keeper.members_since is not None:
                            candidates[(*key, sample.member)] = None
        anyhow = tuple(dict.fromkeys((*watch.own, *watch.opening)))
        for player, at in self.instants(events) if anyhow else ():
            want(anyhow, player, at)
            for keeper in watch.own:
                key = self.key(keeper, player, at)
                if key is not None and keeper.members_since is not None:
                    open_members[key] = None
        self.read_tallies(list(tallies))
        self._read_members(list(candidates), list(open_members))
        found = load_windows({key: (span, watch.windows[key[1]][0]) for key, span in spans.items()})
        self.windows |= {key: samples for key, samples in found.items() if key not in self._recalled}

    def instants(self, events: Sequence[GameEvent]) -> list[tuple[PlayerState, datetime]]:
        """When the service's own events may happen: with one of these events, or now, to whom nothing else does."""
        found = {(event.player_id, event.timestamp): None for event in events}
        quiet = self.players.keys() - {event.player_id for event in events}
        found.update({(id_, self.world.now): None for id_ in quiet})
        return [(self.players[id_], at) for id_, at in found]

    def read_tallies(self, keys: list[TallyKey]) -> None:
        if not keys:
            return
        players, metrics, scopes = zip(*keys, strict=True)
        columns = ("player_id", "metric_id", "scope", *_TALLY)
        wanted = {"player_id": players, "metric_id": metrics, "scope": scopes}
        self._take_tallies(sql.select_in(TallyRow, columns, wanted))

    def _take_tallies(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            self.tallies[row[0], row[1], row[2]] = _tally(row)
            if row[2] == "" and row[8] is not None:
                self.newest[row[0], row[1]] = row[8]

    def _read_members(self, candidates: list[tuple[PlayerId, str, str, str]], open_keys: list[TallyKey]) -> None:
        columns = ("player_id", "metric_id", "scope", "member")
        if candidates:
            self.members |= set(
                sql.select_in(MemberSeen, columns, dict(zip(columns, zip(*candidates, strict=True), strict=True)))
            )
        self.members |= {(*key, member) for key, found in load_members(open_keys).items() for member in found}

    # -- deciding ------------------------------------------------------------------------------------------------------

    @staticmethod
    def key(keeper: TallySpec, player: PlayerState, at: datetime) -> TallyKey | None:
        """Where a sample of that instant counts; None where it does not."""
        scope = keeper.scope
        if not scope.label:
            return (player.player_id, keeper.metric, "")
        if not scope.holds(at):
            return None
        opens = player.period(scope.repeat, at).opens if scope.repeat in periods.KINDS else None
        return (player.player_id, keeper.metric, scope.key(opens))

    def tally(self, key: TallyKey) -> Tally:
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = Tally()
        return found

    def value(self, player: PlayerState, goal: Goal, requirement: Requirement, opens: datetime | None) -> float | None:
        """What a requirement's aggregate is now, in its goal's scope (not for windows and targets)."""
        found = self.tallies.get((player.player_id, requirement.metric, goal.scope.key(opens)))
        return (found or Tally()).value(requirement.type)

    def begin_anew(self, player: PlayerState, goal: Goal) -> None:
        """A new run of a goal that repeats always: its tallies start from nothing."""
        scope = goal.scope.key(None)
        for metric in {r.metric for r in goal.requirements if r.metric}:
            key = (player.player_id, metric, scope)
            self.tallies[key] = Tally(dirty=True)
            if any(r.type == "DISTINCT" for r in goal.requirements):
                self.members = {m for m in self.members if m[:3] != key}
                self._new_members = [m for m in self._new_members if m[:3] != key]
                self._dropped.add(key)

    def fold(self, sample: Sample, event: GameEvent, player: PlayerState, hits: list[Candidate]) -> None:
        id_, at = player.player_id, event.timestamp
        for keeper in self.watch.keepers[sample.metric]:
            if keeper.since > player.filled:
                continue  # the backfill will count it
            key = self.key(keeper, player, at)
            if key is None or (self.muted and keeper.scope.run_of in self.muted):
                continue
            opens = player.period(keeper.scope.repeat, at).opens if keeper.scope.repeat in periods.KINDS else None
            tally = self.tally(key)
            ladders = keeper.ladders
            before = [tally.value(name) for name in ladders]
            tally.fold(sample.value, at, event.id)
            if keeper.members_since is not None and sample.member is not None and keeper.members_since <= player.filled:
                member = (*key, sample.member)
                if member not in self.members:
                    self.members.add(member)
                    self._new_members.append(member)
                    tally.members += 1
            if keeper.days_since is not None and keeper.days_since <= player.filled:
                tally.add_day(player.period(periods.DAILY, at))
            for was, (name, ladder) in zip(before, ladders.items(), strict=True):
                now = tally.value(name)
                if now is None or (was == now and was is not None):
                    continue
                for goal, requirement in ladder.hits(was, now):
                    hits.append(Candidate(goal, requirement, opens))
                if ladder.quarters:
                    self._before.setdefault((key, name), (was or 0.0, ladder, opens))
            for goal, requirement in keeper.windows:
                hits.append(Candidate(goal, requirement, opens))
            for goal in keeper.composite:
                self.touch(player, goal, opens)
        self._remember(sample, event, player)
        self.metrics_touched.setdefault(id_, set()).add(sample.metric)

    def touch(self, player: PlayerState, goal: Goal, opens: datetime | None) -> None:
        """Have the goal's progress read when the world is written."""
        self.touched[player.player_id, id(goal), opens] = goal

    def _remember(self, sample: Sample, event: GameEvent, player: PlayerState) -> None:
        window = self.watch.windows.get(sample.metric)
        if window is None:
            return
        key = (player.player_id, sample.metric)
        newest = self.newest.get(key)
        if newest is None or event.timestamp > newest:
            self.newest[key] = event.timestamp
        if window[1] > player.filled:
            return
        if newest is not None and newest - event.timestamp > WINDOW_MEMORY:
            return
        samples = self.windows.setdefault(key, [])
        place = len(samples)
        arrival = self.arrivals(player, sample.metric)
        entry = (event.timestamp, event.id, sample.value, sample.member, arrival)
        while place and samples[place - 1][:2] > entry[:2]:
            place -= 1
        samples.insert(place, entry)
        self._new_samples.append((*key, event.timestamp, event.id, sample.value, sample.member or "", arrival))

    def arrivals(self, player: PlayerState, metric: str) -> int:
        """How many samples of a metric have arrived: what numbers them in the order in which they did."""
        return self.tally((player.player_id, metric, "")).count

    def window(self, player: PlayerState, metric: str, goal: Goal, opens: datetime | None) -> Window:
        """The samples a goal's windows may hold: those of its scope."""
        samples = self.windows.get((player.player_id, metric), [])
        scope = goal.scope
        if scope.label == "":
            return samples
        closes = player.period(scope.repeat, opens).closes if opens is not None else None
        return [s for s in samples if scope.holds(s[0]) and (opens is None or closes is None or opens <= s[0] < closes)]

    # -- asking about a whole life -------------------------------------------------------------------------------------

    def recall(self, asked: Iterable[tuple[PlayerId, Requirement]]) -> None:
        """Read what these requirements are read from, for `has_met`. Two queries at most."""
        tallies: dict[TallyKey, None] = {}
        windows: dict[tuple[PlayerId, str], None] = {}
        for player_id, requirement in asked:
            key = (player_id, requirement.metric)
            if requirement.window is not None:
                windows[key] = None
            elif (*key, "") not in self.tallies:
                tallies[(*key, "")] = None
        self.read_tallies(list(tallies))
        self._recalled |= windows.keys()
        self.windows.update({key: [] for key in windows})
        keys = dict(zip(("player_id", "metric_id"), zip(*windows, strict=True), strict=True)) if windows else {}
        for id_, metric, *sample in sql.select_in(WindowSample, _SAMPLE, keys) if keys else ():
            self.windows[id_, metric].append(window_entry(*sample))
        for key in windows:
            self.windows[key].sort(key=lambda sample: sample[:2])

    def has_met(self, player_id: PlayerId, requirement: Requirement) -> bool:
        """Whether the player's whole life so far, as recalled, meets it."""
        if requirement.window is not None:
            samples = self.windows.get((player_id, requirement.metric), [])
            return best_window(samples, requirement)[1] is not None
        value = (self.tallies.get((player_id, requirement.metric, "")) or Tally()).value(requirement.type)
        return requirement.compare(value) or (requirement.nature == DERIVED and requirement.is_met(value))

    # -- backfills -----------------------------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Every tally and member of this world's players, and their window samples: a backfill may touch any."""
        players = self.world.player_ids
        columns = ("player_id", "metric_id", "scope", *_TALLY)
        self._take_tallies(TallyRow.objects.filter(player_id__in=players).values_list(*columns))
        members = MemberSeen.objects.filter(player_id__in=players)
        self.members |= set(members.values_list("player_id", "metric_id", "scope", "member"))
        samples = WindowSample.objects.filter(player_id__in=players).order_by("at", "event_id")
        for id_, metric, *sample in samples.values_list(*_SAMPLE):
            self.windows.setdefault((id_, metric), []).append(window_entry(*sample))

    def adopt(self, replayed: Books, player: PlayerState, rerun: Collection[str] = ()) -> None:
        """Take over what a replay counted, of what is new to the player; of the goals in `rerun`, which repeat always,
        the run that it left open.
        """
        keepers = {(k.metric, k.scope.label): k for found in self.watch.keepers.values() for k in found}
        for key, past in replayed.tallies.items():
            keeper = keepers[key[1], key[2].partition("#")[0]]
            if keeper.scope.run_of in rerun:
                self.tallies[key], past.dirty = past, True
                self.members = {member for member in self.members if member[:3] != key}
                self._dropped.add(key)
            elif keeper.since > player.filled:
                self.tallies[key], past.dirty = past, True
            else:
                tally = self.tally(key)
                if (keeper.members_since or 0) > player.filled:
                    tally.members, tally.dirty = past.members, True
                if (keeper.days_since or 0) > player.filled:
                    tally.runs, tally.dirty = past.runs, True
        for member in replayed.members:
            keeper = keepers[member[1], member[2].partition("#")[0]]
            is_new = (keeper.members_since or 0) > player.filled or keeper.scope.run_of in rerun
            if is_new and member not in self.members:
                self.members.add(member)
                self._new_members.append(member)
        for (id_, metric), samples in replayed.windows.items():
            longest, since = self.watch.windows[metric]
            if since > player.filled:
                oldest = samples[-1][0] - WINDOW_MEMORY - timedelta(seconds=longest)
                samples = [sample for sample in samples if sample[0] >= oldest]
                self.windows[id_, metric] = samples
                self._new_samples += [(id_, metric, at, e, value, m or "", n) for at, e, value, m, n in samples]

    # -- writing -------------------------------------------------------------------------------------------------------

    def settle_quarters(self) -> None:
        """Read off the plain goals' tallies which quarters this world has passed."""
        for (key, name), (before, ladder, opens) in self._before.items():
            value = self.tallies[key].value(name) or 0.0
            for goal, quarter in ladder.passed(before, value):
                self.passed.append((key[0], goal, quarter, opens, value))

    def write(self) -> None:
        rows = [
            (
                *key, t.count, t.sum, t.max, t.min, t.latest, t.latest_at, t.latest_id, t.members, dump_runs(t.runs),
                sums.dump(t.rest),
            )
            for key, t in sorted(self.tallies.items(), key=lambda item: item[0])
            if t.dirty
        ]  # fmt: skip
        key_columns = ("player_id", "metric_id", "scope")
        sql.upsert(TallyRow, (*key_columns, *_TALLY), rows, conflict=key_columns, set_=_TALLY)
        forget_members(self._dropped)
        keep_members(self._new_members)
        sql.insert(WindowSample, _SAMPLE, sorted(self._new_samples), ignore_conflicts=True)

    def write_players(self) -> None:
        """Last of all, since every stage may change a player's row."""
        sql.update(
            Player,
            ("player_id",),
            _CHANGING,
            [
                (
                    id_, p.points, p.xp, p.level, p.levels_had, p.owed_points, p.owed_xp, p.achievements_completed,
                    p.quests_completed, p.last_seq, p.filled, _bytes(p.earned), _bytes(p.barred),
                    _bytes(p.had_before), _bytes(p.quests_done), _bytes(p.quests_open), _bytes(p.quests_begun),
                )
                for id_, p in sorted(self.players.items())
                if p.dirty
            ],
        )  # fmt: skip

    def write_health(self) -> None:
        """Count samples a day, after the commit: a metric's health is a roll-up, not part of any promise."""
        rows = [(metric, day, good, bad) for (metric, day), (good, bad) in sorted(self.health.items())]
        sql.upsert(
            MetricDay,
            ("metric_id", "day", "samples", "no_value"),
            rows,
            conflict=("metric_id", "day"),
            add=("samples", "no_value"),
        )

    def summary(self) -> Mapping[PlayerId, dict[str, dict[str, Json]]]:
        """player → metric → the lifetime aggregates of what this world touched, worked out when they are asked for."""
        return _Summary(self.tallies, self.metrics_touched)


class _Summary(Mapping[PlayerId, dict[str, dict[str, Json]]]):
    def __init__(self, tallies: Mapping[TallyKey, Tally], touched: Mapping[PlayerId, set[str]]) -> None:
        self._tallies = tallies
        self._touched = touched

    def __getitem__(self, id_: PlayerId) -> dict[str, dict[str, Json]]:
        metrics = sorted(self._touched[id_])
        return {metric: lifetime(self._tallies.get((id_, metric, "")) or Tally()) for metric in metrics}

    def __iter__(self) -> Iterator[PlayerId]:
        return iter(self._touched)

    def __len__(self) -> int:
        return len(self._touched)


def lifetime(tally: Tally) -> dict[str, Json]:
    """`{count, sum, max, min, latest}`."""
    return {
        "count": tally.count,
        "sum": number(tally.sum),
        "max": number(tally.max),
        "min": number(tally.min),
        "latest": number(tally.latest),
    }


def record(world: World, event: GameEvent) -> CountedEvent:
    """Count one event, and say which goals it may have completed."""
    books = world[Books]
    player = books.players[event.player_id]
    world.root = event.root
    hits: list[Candidate] = []
    for metric in event.valueless:
        books.health.setdefault((metric, event.timestamp.date()), [0, 0])[1] += 1
    if event.samples:
        for sample in event.samples:
            day = books.health.setdefault((sample.metric, event.timestamp.date()), [0, 0])
            day[0] += 1
            books.fold(sample, event, player, hits)
        last = books.counted.get(event.player_id)
        if last is None or last.order <= event.order:  # an own event of the next round may be an earlier one's
            books.counted[event.player_id] = event
    return CountedEvent(event, player, hits)


def _tally(row: tuple[Any, ...]) -> Tally:
    count, total, most, least, latest, at, event_id, members, runs, rest = row[3:]
    return Tally(count, total, most, least, latest, at, event_id, members, load_runs(runs), sums.load(rest))


def _bits(value: bytes) -> int:
    return int.from_bytes(bytes(value), "little")


def _bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")
