"""What was counted for the players of one world: their tallies, members and window samples, and metrics' health.

`Tallies` reads whatever a batch may touch once, keeps what metering changes, and writes each table once. It decides
nothing: progress.metering says what an event is worth, and progress.replaying what of a player's past is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from django.db import connection

from gamification.kernel.core import sums
from gamification.kernel.core.messages import GameEvent, PlayerId, Sample
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.members import ask_seen, forget_members, keep_members, load_members
from progress.models import MemberSeen, MetricDay, WindowSample
from progress.models import Tally as TallyRow
from progress.players import Players, PlayerState
from progress.rule_index import RuleIndex, TallySpec, ThresholdIndex
from progress.rules.goals import Goal
from progress.rules.requirements import DERIVED, Requirement
from progress.rules.tallies import Tally, dump_runs, load_runs
from progress.rules.vocabulary import RequirementType
from progress.rules.windows import WindowEntry, best_window
from progress.windows import ask_windows, window_entry

TallyKey = tuple[PlayerId, str, str]
"""(player, metric, scope)."""
Member = tuple[PlayerId, str, str, str]
"""(player, metric, scope, member)."""
Window = list[WindowEntry]
"""Samples in (timestamp, id) order."""

_KEY = unique_key(TallyRow)
_MEMBER = unique_key(MemberSeen)
_ENCODED = ("runs", "rest")
"""Aggregates that the row keeps as text."""
_PLAIN = [each.name for each in fields(Tally) if each.name not in (*_ENCODED, "dirty")]
_AGGREGATES = (*_PLAIN, *_ENCODED)
_SAMPLE = ("player_id", "metric_id", *WindowEntry._fields)

_plain = attrgetter(*_PLAIN)


class Tallies(Part):
    """The tallies, members and window samples of one world's players."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.by_key: dict[TallyKey, Tally] = {}
        self.members: set[Member] = set()
        self.windows: dict[tuple[PlayerId, str], Window] = {}
        """(player, metric) → the kept samples that its windows may hold, unless the player has all goals with one."""
        self.newest: dict[tuple[PlayerId, str], datetime] = {}
        """(player, metric) → the timestamp of the newest sample."""
        self.health: dict[tuple[str, date], list[int]] = {}
        """(metric, day) → how many samples it took, and how many events had no number for it."""
        self.counted: dict[PlayerId, GameEvent] = {}
        """Each player's last event of this batch that counted."""
        self.metrics_touched: dict[PlayerId, set[str]] = {}
        """The metrics of which each player had a sample in this batch."""
        self._touched_before: dict[PlayerId, set[str]] = {}
        """The same, of the batches before it."""
        self.goals_touched: dict[tuple[PlayerId, int, datetime | None], Goal] = {}
        """Goals whose progress is read when the batch ends: (player, id(goal), period's opening)."""
        self.before: dict[tuple[TallyKey, RequirementType], tuple[float, ThresholdIndex, datetime | None]] = {}
        """(tally's key, aggregate) → its value before this batch, its thresholds and the period's opening. Only of
        aggregates on which plain goals have quarters to pass."""
        self.muted: frozenset[str] = frozenset()
        """In a replay: the goals that repeat always for whose runs the event at hand does not count."""
        self.new_members: list[Member] = []
        self.new_samples: list[tuple[Any, ...]] = []
        self.dropped: set[TallyKey] = set()
        """Scopes that begin anew, so that the members seen in them are to be deleted."""
        self._lifetimes: set[tuple[PlayerId, str]] = set()
        """The (player, metric) of which all window samples were read."""
        self._is_whole = False
        """Whether everything of this world's players was read: then nothing is read again."""

    @cached_property
    def index(self) -> RuleIndex:
        return self.world.rules[RuleIndex]

    # -- reading -------------------------------------------------------------------------------------------------------

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        """Read everything that these events may touch, and whatever the service's own events that follow may touch."""
        if self._is_whole:
            return super().ask(events)
        index, players = self.index, self.world[Players]
        keys: dict[TallyKey, None] = {}
        members: dict[Member, None] = {}
        open_scopes: dict[TallyKey, None] = {}
        spans: dict[tuple[PlayerId, str], tuple[datetime, datetime]] = {}

        def want(specs: Iterable[TallySpec], player: PlayerState, at: datetime) -> None:
            for spec in specs:
                key = tally_key(spec, player, at)
                if key is not None:
                    keys[key] = None
                if spec.windows and not all(goal.is_closed_to(player) for goal, _ in spec.windows):
                    span = spans.get(of := (player.player_id, spec.metric))
                    spans[of] = (min(span[0], at), max(span[1], at)) if span else (at, at)

        for event in events:
            player = players.by_id[event.player_id]
            for sample in event.samples:
                want(index.related[sample.metric], player, event.timestamp)
                if sample.member is not None:
                    for spec in index.specs[sample.metric]:
                        key = tally_key(spec, player, event.timestamp)
                        if key is not None and spec.members_since is not None:
                            members[(*key, sample.member)] = None
        always = tuple(dict.fromkeys((*index.own, *index.opening)))
        for player, at in players.instants(events) if always else ():
            want(always, player, at)
            for spec in index.own:
                key = tally_key(spec, player, at)
                if key is not None and spec.members_since is not None:
                    open_scopes[key] = None
        tallies = self._ask(list(keys))
        seen = ask_seen(list(members))
        windows = ask_windows({key: (span, index.windows[key[1]][0]) for key, span in spans.items()})

        def take_in() -> None:
            self._take_in(tallies())
            self.members |= set(seen())
            in_scopes = load_members(open_scopes)
            self.members |= {(*key, member) for key, found in in_scopes.items() for member in found}
            self.windows |= {key: samples for key, samples in windows().items() if key not in self._lifetimes}

        return take_in

    def read(self, keys: list[TallyKey]) -> None:
        self._take_in(self._ask(keys)())

    def _ask(self, keys: list[TallyKey]) -> sql.Asked:
        wanted = dict(zip(_KEY, zip(*keys, strict=True), strict=True)) if keys else {}
        return sql.ask_in(TallyRow, (*_KEY, *_AGGREGATES), wanted) if keys else list

    def read_all(self) -> None:
        """Read every tally, member and window sample of this world's players: a backfill may touch any."""
        self.ask_all()()

    def ask_all(self) -> Callable[[], None]:
        """Send the queries of `read_all`; what it gives back takes the answers in."""
        self._is_whole = True
        wanted = {"player_id": self.world.player_ids}
        tallies = sql.ask_where(TallyRow, (*_KEY, *_AGGREGATES), wanted)
        members = sql.ask_where(MemberSeen, _MEMBER, wanted)
        samples = sql.ask_where(WindowSample, _SAMPLE, wanted, order_by=("at", "event_id"))

        def take_in() -> None:
            self._take_in(tallies())
            self.members |= set(members())
            for player_id, metric, *sample in samples():
                self.windows.setdefault((player_id, metric), []).append(window_entry(*sample))

        return take_in

    def load_lifetimes(self, asked: Iterable[tuple[PlayerId, Requirement]]) -> None:
        """Read what these requirements are read from, for `has_met`. Two queries at most."""
        if self._is_whole:
            return
        keys: dict[TallyKey, None] = {}
        windows: dict[tuple[PlayerId, str], None] = {}
        for player_id, requirement in asked:
            key = (player_id, requirement.metric)
            if requirement.window is not None:
                windows[key] = None
            elif (*key, "") not in self.by_key:
                keys[(*key, "")] = None
        self.read(list(keys))
        self._lifetimes |= windows.keys()
        self.windows.update({key: [] for key in windows})
        wanted = dict(zip(("player_id", "metric_id"), zip(*windows, strict=True), strict=True)) if windows else {}
        for player_id, metric, *sample in sql.select_in(WindowSample, _SAMPLE, wanted) if wanted else ():
            self.windows[player_id, metric].append(window_entry(*sample))
        for key in windows:
            self.windows[key].sort(key=lambda sample: sample[:2])

    def _take_in(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for player_id, metric, scope, *aggregates in rows:
            tally = self.by_key[player_id, metric, scope] = from_row(aggregates)
            if scope == "" and tally.latest_at is not None:
                self.newest[player_id, metric] = tally.latest_at

    # -- what is asked, in memory --------------------------------------------------------------------------------------

    def tally(self, key: TallyKey) -> Tally:
        found = self.by_key.get(key)
        if found is None:
            found = self.by_key[key] = Tally()
        return found

    def value(self, player: PlayerState, goal: Goal, requirement: Requirement, opens: datetime | None) -> float | None:
        """What a requirement's aggregate is now, in its goal's scope (not for windows and targets)."""
        found = self.by_key.get((player.player_id, requirement.metric, goal.scope.key(opens)))
        return (found or Tally()).value(requirement.type)

    def has_met(self, player_id: PlayerId, requirement: Requirement) -> bool:
        """Whether the player's whole life so far, as `load_lifetimes` has read it, meets it."""
        if requirement.window is not None:
            samples = self.windows.get((player_id, requirement.metric), [])
            return best_window(samples, requirement)[1] is not None
        value = (self.by_key.get((player_id, requirement.metric, "")) or Tally()).value(requirement.type)
        return requirement.compare(value) or (requirement.nature == DERIVED and requirement.is_met(value))

    def arrivals(self, player: PlayerState, metric: str) -> int:
        """How many samples of a metric have arrived: what numbers them in the order in which they did."""
        return self.tally((player.player_id, metric, "")).count

    def window(self, player: PlayerState, metric: str, goal: Goal, opens: datetime | None) -> Window:
        """The samples a goal's windows may hold: those of its scope."""
        samples = self.windows.get((player.player_id, metric), [])
        scope = goal.scope
        if scope.label == "":
            return samples
        kind = scope.period_kind
        closes = player.period(kind, opens).closes if kind is not None and opens is not None else None
        return [
            s for s in samples if scope.contains(s.at) and (opens is None or closes is None or opens <= s.at < closes)
        ]

    def all_metrics_touched(self) -> Mapping[PlayerId, set[str]]:
        """The metrics of which each player had a sample, in any batch of this world."""
        if not self._touched_before:
            return self.metrics_touched
        return _united(self._touched_before, self.metrics_touched)

    def passed_quarters(self) -> Iterable[tuple[PlayerId, Goal, int, datetime | None, float]]:
        """Quarters of plain goals that this batch has passed: (player, goal, quarter, period's opening, value)."""
        for (key, aggregate), (before, thresholds, opens) in self.before.items():
            value = self.by_key[key].value(aggregate) or 0.0
            for goal, quarter in thresholds.passed(before, value):
                yield key[0], goal, quarter, opens, value

    # -- what changes, in memory ---------------------------------------------------------------------------------------

    def begin_batch(self) -> None:
        """Forget what only the batch before is asked for."""
        self._touched_before = _united(self._touched_before, self.metrics_touched)
        self.metrics_touched, self.counted = {}, {}
        self.goals_touched, self.before = {}, {}

    def touch(self, player: PlayerState, goal: Goal, opens: datetime | None) -> None:
        """Have the goal's progress read when the batch ends."""
        self.goals_touched[player.player_id, id(goal), opens] = goal

    def add_member(self, member: Member) -> bool:
        """Note that a member was seen; says whether it had not been before."""
        is_new = member not in self.members
        if is_new:
            self.members.add(member)
            self.new_members.append(member)
        return is_new

    def add_sample(self, sample: Sample, event: GameEvent) -> None:
        """Keep a sample for windows, at its place among those that were read."""
        key = (event.player_id, sample.metric)
        samples = self.windows.setdefault(key, [])
        place = len(samples)
        arrival = self.tally((*key, "")).count
        entry = WindowEntry(event.timestamp, event.id, sample.value, sample.member, arrival)
        while place and samples[place - 1][:2] > entry[:2]:
            place -= 1
        samples.insert(place, entry)
        self.new_samples.append((*key, event.timestamp, event.id, sample.value, sample.member or "", arrival))

    def keep_samples(self, player_id: PlayerId, metric: str, entries: Iterable[WindowEntry]) -> None:
        """Have window samples written."""
        rows = (entry._replace(member=entry.member or "") for entry in entries)
        self.new_samples += [(player_id, metric, *row) for row in rows]

    def begin_anew(self, player: PlayerState, goal: Goal) -> None:
        """A new run of a goal that repeats always: its tallies start from nothing."""
        scope = goal.scope.key(None)
        for metric in {r.metric for r in goal.requirements if r.metric}:
            key = (player.player_id, metric, scope)
            self.by_key[key] = Tally(dirty=True)
            if any(r.type == RequirementType.DISTINCT for r in goal.requirements):
                self.members = {m for m in self.members if m[:3] != key}
                self.new_members = [m for m in self.new_members if m[:3] != key]
                self.dropped.add(key)

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        changed = sorted(key for key, tally in self.by_key.items() if tally.dirty)
        rows = [(*key, *to_row(self.by_key[key])) for key in changed]
        sql.upsert(TallyRow, (*_KEY, *_AGGREGATES), rows, conflict=_KEY, set_=_AGGREGATES)
        forget_members(self.dropped)
        keep_members(self.new_members)
        sql.insert(WindowSample, _SAMPLE, sorted(self.new_samples), ignore_conflicts=True)
        if connection.vendor == "sqlite":  # one writer at a time: no other waits for a day's row, and a commit is saved
            self.write_health()

    def write_health(self) -> None:
        """Count samples a day: a roll-up, not part of any promise. On PostgreSQL, where all of a day meet in the
        same rows, this comes after the commit.
        """
        rows = [(metric, day, good, bad) for (metric, day), (good, bad) in sorted(self.health.items())]
        key, counts = unique_key(MetricDay), ("samples", "no_value")
        sql.upsert(MetricDay, (*key, *counts), rows, conflict=key, add=counts)
        self.health = {}


def _united(one: Mapping[PlayerId, set[str]], other: Mapping[PlayerId, set[str]]) -> dict[PlayerId, set[str]]:
    return {id_: one.get(id_, set()) | other.get(id_, set()) for id_ in one.keys() | other.keys()}


def tally_key(spec: TallySpec, player: PlayerState, at: datetime) -> TallyKey | None:
    """Where a sample of that instant counts; None where it does not."""
    scope = spec.scope
    if not scope.label:
        return (player.player_id, spec.metric, "")
    if not scope.contains(at):
        return None
    opens = player.period(scope.period_kind, at).opens if scope.period_kind is not None else None
    return (player.player_id, spec.metric, scope.key(opens))


def to_row(tally: Tally) -> tuple[Any, ...]:
    return (*_plain(tally), dump_runs(tally.runs), sums.dump(tally.rest))


def from_row(aggregates: Sequence[Any]) -> Tally:
    """The inverse of `to_row`."""
    *plain, runs, rest = aggregates
    tally = Tally(*plain)
    tally.runs, tally.rest = load_runs(runs), sums.load(rest)
    return tally
