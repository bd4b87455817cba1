"""The advancing stage: which quests one event starts, how far it takes the runs under way, and which of them end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.world import World
from progress.metering import CountedEvent
from progress.periods import PeriodKind
from progress.players import Players, PlayerState
from progress.rules.scopes import NEVER
from progress.rules.vocabulary import RequirementType
from quests import facts, running, starting
from quests.rules import QuestRules, Step
from quests.running import Has, Run, Status
from quests.runs import QuestRuns
from rewards.ledger import EarnedRewards
from rewards.rules import Source


def expire(world: World, player_ids: Collection[PlayerId]) -> None:
    """Close these players' runs that are past their deadline, before anything else is decided of them."""
    for run in world[QuestRuns].overdue(player_ids):
        assert run.deadline is not None
        end(world[QuestRuns], run, Status.EXPIRED, run.deadline, world[Players].by_id[run.player_id])


def advance(world: World, counted: CountedEvent) -> list[EarnedRewards]:
    """Let one event count for quests: start what it starts, and take runs as far as it does."""
    runs, player, event = world[QuestRuns], counted.player, counted.event
    _learn(runs.rules, player, event)
    if not runs.rules.starting_bits and not runs.is_in_any(player.player_id):
        return []
    earned: list[EarnedRewards] = []
    for quest in starting.startable(runs, player, event):
        run = starting.start(runs, quest, player, event.timestamp, event.root, counts=True)
        earned += advance_run(runs, run, player, event.timestamp, event.root)
    for run in runs.open_runs(player.player_id):
        if run.is_open and (_counts(run, event, player) or run.asks):
            earned += advance_run(runs, run, player, event.timestamp, event.root)
    return earned


def _learn(rules: QuestRules, player: PlayerState, event: GameEvent) -> None:
    """From its own event on, quests know of what was completed."""
    if event.type == FactType.ACHIEVEMENT_COMPLETED:
        player.earned_known |= rules.bits.get((RequirementType.ACHIEVEMENT, event.data["id"]), 0)
    elif event.type == FactType.QUEST_COMPLETED:
        player.quests_known |= rules.bits.get((RequirementType.QUEST, event.data["id"]), 0)


def _counts(run: Run, event: GameEvent, player: PlayerState) -> bool:
    return bool(event.samples) and running.count(run, event, lambda at: player.period(PeriodKind.DAILY, at))


def advance_run(
    runs: QuestRuns, run: Run, player: PlayerState, at: datetime, root: str, by_hand: Sequence[Step] = ()
) -> list[EarnedRewards]:
    """Complete what is complete of a run; says what that has earned, and the steps that were completed by hand just
    now.
    """
    has = runs.has(player)
    steps = [*by_hand, *running.advance(run, at, root, has)]
    earned = [_step_completed(runs, run, step, at, has) for step in steps]
    if not run.is_open:
        _ended(runs, run, player, at, has)
    if run.status == Status.COMPLETED:
        earned.append(_completed(runs, run, player, at))
    return earned


def _step_completed(runs: QuestRuns, run: Run, step: Step, at: datetime, has: Has) -> EarnedRewards:
    runs.world.state(facts.stated(FactType.QUEST_ADVANCED, run, at, has, step))
    occurrence = "0" if run.quest.repeat == NEVER else str(run.number)
    return _earned(run, run.rewards_of(step), Source.QUEST_STEP, f"{run.quest.id}/{step.id}", occurrence, at)


def _completed(runs: QuestRuns, run: Run, player: PlayerState, at: datetime) -> EarnedRewards:
    quest, world = run.quest, runs.world
    player.quests_done |= quest.bit
    player.quests_completed += 1
    world.state_event(
        FactType.QUEST_COMPLETED, player.player_id, quest.id, str(run.number), facts.own_event_data(quest), at
    )
    return _earned(run, quest.rewards, Source.QUEST, quest.id, str(run.number), at)


def end(runs: QuestRuns, run: Run, status: Status, at: datetime, player: PlayerState) -> None:
    """Close an open run that was neither completed nor failed: it is EXPIRED or ABANDONED."""
    has = runs.has(player)
    running.close(run, status, at, has)
    _ended(runs, run, player, at, has)


def _ended(runs: QuestRuns, run: Run, player: PlayerState, at: datetime, has: Has) -> None:
    runs.close(run, player)
    runs.world.state(facts.stated(facts.ENDED[run.status], run, at, has))


def _earned(
    run: Run, rewards: Sequence[str], source: Source, source_id: str, occurrence: str, at: datetime
) -> EarnedRewards:
    return EarnedRewards(
        player_id=run.player_id,
        reward_ids=rewards,
        source=source,
        source_id=source_id,
        occurrence=occurrence,
        at=at,
    )
