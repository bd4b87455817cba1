"""The metering stage: game events become samples, samples become aggregates, in event order.

`measure` says what events are worth; `record` folds one of them into the tallies and says which goals it may have
completed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gamification.kernel.core.messages import REPORTED, GameEvent, Sample
from gamification.kernel.core.world import World
from progress.periods import PeriodKind
from progress.players import Players, PlayerState
from progress.rule_index import RuleIndex
from progress.rules.goals import Goal
from progress.rules.requirements import Requirement
from progress.rules.samples import NoValue, reported
from progress.rules.windows import WINDOW_MEMORY
from progress.tallies import Tallies, tally_key


@dataclass(slots=True)
class Candidate:
    """A requirement that this event may have met."""

    goal: Goal
    requirement: Requirement
    opens: datetime | None
    """The opening instant of the goal's period, where it has periods."""


@dataclass(slots=True)
class CountedEvent:
    """One event that was counted, for whoever decides by it."""

    event: GameEvent
    player: PlayerState
    candidates: list[Candidate]


def measure(world: World, events: Iterable[GameEvent]) -> None:
    """Say what each event is worth to which metric (fills `event.samples` and `event.valueless`)."""
    index: RuleIndex = world.rules[RuleIndex]
    for event in events:
        if event.type == REPORTED:
            event.samples = reported(event, index.metrics)
            continue
        metrics = index.by_type.get(event.type)
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


def record(world: World, event: GameEvent) -> CountedEvent:
    """Count one event, and say which goals it may have completed."""
    tallies = world[Tallies]
    player = world[Players].by_id[event.player_id]
    world.root = event.root
    world.origin = event.origin or world.asked_by
    candidates: list[Candidate] = []
    for metric in event.valueless:
        tallies.health.setdefault((metric, event.timestamp.date()), [0, 0])[1] += 1
    if event.samples:
        for sample in event.samples:
            day = tallies.health.setdefault((sample.metric, event.timestamp.date()), [0, 0])
            day[0] += 1
            _fold(tallies, sample, event, player, candidates)
        last = tallies.counted.get(event.player_id)
        if last is None or last.order <= event.order:  # an own event of the next round may be an earlier one's
            tallies.counted[event.player_id] = event
    return CountedEvent(event, player, candidates)


def _fold(tallies: Tallies, sample: Sample, event: GameEvent, player: PlayerState, candidates: list[Candidate]) -> None:
    """Fold one sample into every tally that it counts in; adds the requirements that it may have met."""
    at = event.timestamp
    for spec in tallies.index.specs[sample.metric]:
        if spec.counted_since > player.backfilled_to:
            continue  # the backfill will count it
        key = tally_key(spec, player, at)
        if key is None or (tallies.muted and spec.scope.run_of in tallies.muted):
            continue
        kind = spec.scope.period_kind
        opens = player.period(kind, at).opens if kind is not None else None
        tally = tallies.tally(key)
        before = [tally.value(aggregate) for aggregate in spec.thresholds]
        tally.fold(sample.value, at, event.id)
        if spec.members_since is not None and sample.member is not None and spec.members_since <= player.backfilled_to:
            tally.members += tallies.add_member((*key, sample.member))
        if spec.days_since is not None and spec.days_since <= player.backfilled_to:
            tally.add_day(player.period(PeriodKind.DAILY, at))
        for was, (aggregate, thresholds) in zip(before, spec.thresholds.items(), strict=True):
            now = tally.value(aggregate)
            if now is None or (was == now and was is not None):
                continue
            for goal, requirement in thresholds.crossed(was, now):
                candidates.append(Candidate(goal, requirement, opens))
            if thresholds.quarters:
                tallies.before.setdefault((key, aggregate), (was or 0.0, thresholds, opens))
        for goal, requirement in spec.windows:
            candidates.append(Candidate(goal, requirement, opens))
        for goal in spec.composite:
            tallies.touch(player, goal, opens)
    _keep_for_windows(tallies, sample, event, player)
    tallies.metrics_touched.setdefault(player.player_id, set()).add(sample.metric)


def _keep_for_windows(tallies: Tallies, sample: Sample, event: GameEvent, player: PlayerState) -> None:
    """Keep a sample that a window may hold: not one that is too old, nor one that the backfill will find."""
    window = tallies.index.windows.get(sample.metric)
    if window is None:
        return
    key = (player.player_id, sample.metric)
    newest = tallies.newest.get(key)
    if newest is None or event.timestamp > newest:
        tallies.newest[key] = event.timestamp
    _, since = window
    is_too_old = newest is not None and newest - event.timestamp > WINDOW_MEMORY
    if since <= player.backfilled_to and not is_too_old:
        tallies.add_sample(sample, event)
