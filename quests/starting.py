"""Starting quests: which of them an event starts by itself, why one cannot be started, and what a run begins with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import GameEvent
from progress.periods import Period, PeriodsAt
from progress.players import PlayerState
from quests import eligibility, facts, running
from quests.rules import Quest
from quests.running import Run
from quests.runs import QuestRuns, late_grace, serials


def startable(runs: QuestRuns, player: PlayerState, event: GameEvent) -> Iterator[Quest]:
    """The quests that this event starts. What a backfill completes lies in the past, and starts none."""
    if runs.world.backfill:
        return
    rules = runs.rules
    excluded = player.quests_open | (player.quests_done & rules.once_bits)
    for serial in serials(rules.starting_bits & ~excluded):
        quest = rules.starting[serial]
        period = periods_at(player, event.timestamp)
        if not eligibility.starts_itself(quest, runs.newest.get((player.player_id, quest.id)), period):
            continue
        end = quest.deadline(event.timestamp, _own_period(quest, period))
        if end is not None and runs.world.now > end + late_grace():
            continue  # a late event: by now its run would be over
        if refusal(runs, quest, player, event.timestamp) is None:
            yield quest


def refusal(runs: QuestRuns, quest: Quest, player: PlayerState, at: datetime) -> tuple[str, str] | None:
    """Why the player cannot start it at that instant: `(code, detail)`."""
    return eligibility.refusal(
        quest,
        player.player_id,
        at=at,
        newest=runs.newest.get((player.player_id, quest.id)),
        is_done=bool(player.quests_done & quest.bit),
        period=periods_at(player, at),
        has=runs.has(player),
    )


def start(runs: QuestRuns, quest: Quest, player: PlayerState, at: datetime, root: str, *, counts: bool = False) -> Run:
    """Begin a run; it may be complete at once, by what the player has already (`advancing.advance_run` says).

    `counts`: what starts it counts for its first steps.
    """
    newest = runs.newest.get((player.player_id, quest.id))
    period = _own_period(quest, periods_at(player, at))
    has = runs.has(player)
    run = running.begin(quest, player.player_id, newest, at=at, period=period, root=None if counts else root, has=has)
    runs.add(run, player)
    runs.world.state(facts.stated(FactType.QUEST_STARTED, run, at, has))
    return run


def periods_at(player: PlayerState, at: datetime) -> PeriodsAt:
    """The player's period of a kind that holds an instant."""
    return lambda kind: player.period(kind, at)


def _own_period(quest: Quest, period: PeriodsAt) -> Period | None:
    kind = quest.repeat.period
    return period(kind) if kind is not None else None
