"""Playing events without any effect: the pipeline decides as ever, and nothing of it is written, sent or waited for.

Its parts read as they do for a batch, but for two things: admission looks events up instead of inserting them
(gamification.simulation.admission), and players are read without a lock. The transaction is one in which the database
refuses to write, so that it is the database that proves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError

from gamification import pipeline, replaying
from gamification.committing import PARTS
from gamification.intake import answering
from gamification.kernel.content.publishing import Rules
from gamification.kernel.core.messages import GameEvent, Outcome, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares
from gamification.kernel.storage.read_only import read_only
from gamification.simulation import shown
from gamification.simulation.admission import admit
from gamification.simulation.deadline import SECONDS, Deadline
from gamification.simulation.overlay import Wanted, rules_with
from gamification.simulation.steps import Steps
from progress.erasure import PlayerErased, erased
from progress.players import Players
from progress.reading import look_at
from rewards.ledger import Ledger

NOBODY = "~nobody"
"""A player nobody has seen: no player can have this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What is to be played: events of one player, in the order in which they arrive, as one batch."""

    player_id: PlayerId
    events: Sequence[GameEvent]
    now: datetime
    """When the batch arrives."""
    drafts: Wanted


def simulate(asked: Simulation) -> dict[str, Any]:
    """`{results, before, after, steps}`: what these events would come to. Raises TookTooLong, and what `rules_with` and
    an erased player are refused for.
    """
    deadline = Deadline()
    try:
        with shares.within_share_of(asked.player_id), read_only(seconds=SECONDS):
            return _simulate(asked, deadline)
    except OperationalError:
        deadline.check()
        raise


def _simulate(asked: Simulation, deadline: Deadline) -> dict[str, Any]:
    player_id = asked.player_id
    if player_id != NOBODY and erased([player_id]):
        raise PlayerErased
    world = open_unlocked(player_id, rules_with(asked.drafts), asked.now)
    shown.read_everything(world, player_id)
    deadline.check()
    if asked.drafts != "none":
        replaying.catch_up(world, world[Players].by_id[player_id], deadline.while_within)
        next_batch(world, asked.now)
    before = shown.show(world, player_id)
    deadline.check()
    steps = Steps(world, player_id, asked.events, deadline)
    fresh = admit(world, asked.events)
    pipeline.read(world, fresh)
    pipeline.play_batch(world, asked.events, fresh, steps.count)
    world.outcome.facts = world.facts  # what is shown `before` has closed the runs that are past their deadline already
    deadline.check()
    answer = {
        "results": {player_id: answering.result(world.outcome, player_id)},
        "before": before,
        "after": shown.show(world, player_id),
        "steps": steps.said(),
    }
    deadline.check()
    return answer


def next_batch(world: World, now: datetime) -> None:
    """Go on with another batch on what this world has decided, as if that had been written and read again."""
    world.outcomes = [world.outcome, Outcome()]
    world.begin_batch(1)
    world.now, world.rounds = now, 0
    world.facts, world.own, world.stated = [], [], []


def open_unlocked(player_id: PlayerId, rules: Rules, now: datetime) -> World:
    """A world as the pipeline's, of a player who was read without a lock. Nobody may write it."""
    world = World(now=now, player_ids=[player_id])
    for part in PARTS:
        world.add(part(world))
    world.rules = rules
    look_at(world, player_id)
    world[Ledger].balances = world[Players].by_id
    return world
