"""The completing stage: which achievements one event completes, and what follows at that very event.

An achievement can only become complete when one of its requirements becomes met (the metering stage names those), or
when another one that it waits for is completed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from achievements import facts
from achievements.occurrences import opens_at
from achievements.rules import Achievement, AchievementRules, own_event_data
from achievements.snapshots import snapshot
from achievements.standings import Standing, Standings, listed_under
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import GameEvent, Json
from gamification.kernel.core.world import World
from progress.metering import Candidate, CountedEvent
from progress.players import PlayerState
from progress.rules.requirements import STICKY, TARGET, WINDOW, Requirement
from progress.rules.scopes import ALWAYS
from progress.rules.windows import best_window
from progress.tallies import Tallies, Window
from rewards.ledger import EarnedRewards
from rewards.rules import Source


def complete(world: World, counted: CountedEvent) -> list[EarnedRewards]:
    """The achievements this event completes, those included that only waited for them."""
    standings, rules = world[Standings], world[Standings].rules
    player, event = counted.player, counted.event
    looked_at: dict[tuple[str, datetime | None], Achievement] = {}
    for candidate in counted.candidates:
        achievement = rules.by_id.get(candidate.goal.owner)
        if achievement is None or achievement.is_closed_to(player):
            continue
        if candidate.goal.counted_since <= player.backfilled_to:
            _remember(standings, achievement, counted, candidate)
        looked_at[achievement.id, candidate.opens] = achievement
    if event.type == FactType.QUEST_COMPLETED:
        quest = event.data["id"]
        player.quests_known |= rules.quest_bits.get(quest, 0)
        for achievement in rules.waiting_for_quests.get(quest, ()):
            looked_at.setdefault((achievement.id, opens_at(achievement, player, event.timestamp)), achievement)
    if not looked_at and not rules.opening:
        return []
    for achievement in rules.opening:
        looked_at.setdefault((achievement.id, opens_at(achievement, player, event.timestamp)), achievement)
    return unlock_all(standings, player, event, [(a, opens) for (_, opens), a in looked_at.items()])


def unlock_all(
    standings: Standings, player: PlayerState, event: GameEvent, queue: list[tuple[Achievement, datetime | None]]
) -> list[EarnedRewards]:
    """Complete what is complete of these achievements, and of those that wait for what is completed here."""
    earned: list[EarnedRewards] = []
    for achievement, opens in queue:  # grows while it is walked
        if _completes(standings, player, achievement, event, opens):
            earned.append(_unlock(standings, player, achievement, event, opens))
            queue += waiters(standings.rules, player, achievement, event.timestamp)
    return earned


def waiters(
    rules: AchievementRules, player: PlayerState, achievement: Achievement, at: datetime
) -> list[tuple[Achievement, datetime | None]]:
    """Who waits for an achievement that is completed at that instant, each in the period that holds it."""
    return [(waiter, opens_at(waiter, player, at)) for waiter in rules.waiting.get(achievement.id, ())]


# -- whether it is complete --------------------------------------------------------------------------------------------


def _completes(
    standings: Standings, player: PlayerState, achievement: Achievement, event: GameEvent, opens: datetime | None
) -> bool:
    """Whether the achievement is complete at this event, and was not before."""
    goal, rules = achievement.goal, standings.rules
    if (
        goal.counted_since > player.backfilled_to
        or not achievement.is_enabled
        or not achievement.is_open(event.timestamp)
    ):
        return False
    if standings.replay is not None and standings.replay.has_counted(achievement, event):
        return False
    if achievement.is_closed_to(player) or achievement.is_spent(player, opens):
        return False
    if opens is not None and standings.standing(player, achievement, opens).completed_at is not None:
        return False
    if achievement.prerequisites:
        needed = [rules.by_id.get(id_) for id_ in achievement.prerequisites]
        if not all(other is not None and player.earned & other.bit for other in needed):
            return False
    if goal.plain:
        requirement = goal.requirements[0]
        if requirement.compare(standings.world[Tallies].value(player, goal, requirement, opens)):
            return True
    met = sum(_is_met(standings, player, achievement, requirement, opens) for requirement in goal.requirements)
    return met >= goal.need


def _is_met(
    standings: Standings,
    player: PlayerState,
    achievement: Achievement,
    requirement: Requirement,
    opens: datetime | None,
) -> bool:
    if requirement.nature == TARGET:
        return standings.rules.has_target(requirement, player)
    if requirement.nature in (STICKY, WINDOW):
        memory = standings.standing(player, achievement, opens).memory
        return requirement.is_met(None, memory.get(requirement.digest))
    return requirement.is_met(standings.world[Tallies].value(player, achievement.goal, requirement, opens))


# -- what was reached and could be lost again --------------------------------------------------------------------------


def _remember(standings: Standings, achievement: Achievement, counted: CountedEvent, candidate: Candidate) -> None:
    """Keep what a candidate reached, where it could not be read off a tally later."""
    requirement = candidate.requirement
    if requirement.nature == STICKY:
        standings.standing(counted.player, achievement, candidate.opens).reach(requirement, True)
    elif requirement.nature == WINDOW:
        standing = standings.standing(counted.player, achievement, candidate.opens)
        if standing.memory.get(requirement.digest) is True or standing.completed_at:
            return
        tallies = standings.world[Tallies]
        samples = tallies.window(counted.player, requirement.metric, achievement.goal, candidate.opens)
        if achievement.repeat == ALWAYS:
            samples = _of_run(standings, standing, requirement, samples, counted.event)
        best, met_at = best_window(samples, requirement, counted.event.timestamp)
        known = standing.memory.get(requirement.digest + ":best")
        if best is not None and (known is None or best > known):
            standing.memory[requirement.digest + ":best"] = best
            standing.reach(requirement, met_at is not None)
            tallies.touch(counted.player, achievement.goal, candidate.opens)


def _of_run(
    standings: Standings, standing: Standing, requirement: Requirement, samples: Window, event: GameEvent
) -> Window:
    """The samples in a window of an ALWAYS achievement that arrived since its last completion.

    A replay, which has them all in another order, lists them by their events. Live, they are told by their numbers,
    and by that list, which grows no more.
    """
    listed = standing.memory.get(listed_under(requirement), ())
    if standings.replay is not None:
        listed = standing.memory.setdefault(listed_under(requirement), {})
        listed[event.id] = None
        return [sample for sample in samples if sample.event_id in listed]
    after, listed = standing.memory.get("after", {}).get(requirement.metric, 0), frozenset(listed)
    return [sample for sample in samples if sample.arrival > after or sample.event_id in listed]


# -- completing it -----------------------------------------------------------------------------------------------------


def _unlock(
    standings: Standings, player: PlayerState, achievement: Achievement, event: GameEvent, opens: datetime | None
) -> EarnedRewards:
    """Complete the achievement at this event; one that repeats ALWAYS begins its next run."""
    occurrence = instant(opens) if opens else "0"
    standing = standings.standing(player, achievement, opens)
    final = snapshot(standings, player, achievement, opens)
    if achievement.repeat == ALWAYS:
        runs = int(standing.memory.get("runs", 0)) + 1
        occurrence = str(runs)
        standing.memory, standing.dirty = {"runs": runs, **arrived(standings, player, achievement)}, True
        standing = standings.standings[player.player_id, achievement.id, occurrence] = Standing()
        standings.world[Tallies].begin_anew(player, achievement.goal)
    return mark_completed(standings, player, achievement, occurrence, standing, event.timestamp, event.id, final)


def arrived(standings: Standings, player: PlayerState, achievement: Achievement) -> dict[str, Any]:
    """What tells the samples in windows that have arrived by now from those of the next run."""
    tallies = standings.world[Tallies]
    metrics = sorted({r.metric for r in achievement.goal.requirements if r.nature == WINDOW})
    return {"after": {metric: tallies.arrivals(player, metric) for metric in metrics}} if metrics else {}


def mark_completed(
    standings: Standings,
    player: PlayerState,
    achievement: Achievement,
    occurrence: str,
    standing: Standing,
    at: datetime,
    event_id: str,
    final: dict[str, Json],
) -> EarnedRewards:
    """Note that an occurrence was completed: in the standing, the player's numbers, a fact and an own event."""
    standing.completed_at, standing.event_id, standing.dirty = at, event_id, True
    standing.version, standing.points, standing.final = achievement.version, achievement.points, final
    player.earned |= achievement.bit
    player.achievements_completed += 1
    player.points += achievement.points
    player.dirty = True
    standings.completed.append((player, achievement, occurrence))
    if standings.replay is None:
        world, id_ = standings.world, achievement.id
        world.state(facts.completed(achievement, player.player_id, occurrence, at))
        world.state_event(
            FactType.ACHIEVEMENT_COMPLETED, player.player_id, id_, occurrence, own_event_data(achievement), at
        )
    return EarnedRewards(
        player_id=player.player_id,
        reward_ids=achievement.rewards,
        source=Source.ACHIEVEMENT,
        source_id=achievement.id,
        occurrence=occurrence,
        at=at,
    )
