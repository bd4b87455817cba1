"""The life of a batch of game events, from arrival to facts. Read this file first.

Players are locked in the order of their ids, each event is admitted once, everything the batch may touch is read once;
then plain Python decides, event after event; then each table is written once. All of it is one transaction: a batch
takes effect whole or not at all, and a crash at any point leaves either nothing or everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from achievements.completing import complete
from achievements.history import History
from achievements.standings import Standings
from anticheat.screening import hold, screen
from gamification.admitting import admit
from gamification.committing import committed
from gamification.feed import numbering
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command, GameEvent, Outcome
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import World
from gamification.kernel.messaging import outbox
from gamification.kernel.storage import audit_log, inbox, shares, sql
from gamification.paying import pay, reward_levels
from gamification.unanswered import state_outcome
from progress.erasure import PlayerErased
from progress.metering import measure, record
from progress.players import Players
from progress.reading import Summary
from progress.tallies import Tallies
from quests.advancing import advance, expire
from quests.runs import QuestRuns
from rewards.ledger import Ledger

MAX_ROUNDS = 8
"""The batch is the first round; what it caused are the next. A longer cascade waits for a person."""


def process(batch: Sequence[GameEvent], *, now: datetime, is_answered: bool = True) -> Outcome:
    """Give each event of `batch` its effect, once, however often it arrives; says what came of it.

    All are of one share. Where whoever sent it gets no answer (a worker's batch), what was refused or held is stated as
    facts instead.
    """

    def take_effect(world: World) -> Outcome:
        [fresh] = admit(world, [batch])
        read(world, fresh)
        play_batch(world, batch, fresh)
        if not is_answered:
            state_outcome(world)
            world.outcome.facts = world.facts
        write(world)
        return world.outcome

    return committed(take_effect, [event.player_id for event in batch], now=now)


def process_each(batches: Sequence[Sequence[GameEvent]], *, now: datetime) -> list[Outcome]:
    """Process several batches, one after the other, in one transaction.

    Each has the effect that it would have by itself after those before it, and its own outcome. All is read before the
    first and written after the last, so that many small batches cost hardly more than one.
    """

    def take_effect(world: World) -> list[Outcome]:
        admitted = admit(world, batches)
        read(world, [event for fresh in admitted for event in fresh])
        for number, (batch, fresh) in enumerate(zip(batches, admitted, strict=True)):
            if number:
                close_batch(world)
            world.outcome = world.outcomes[number]
            play_batch(world, batch, fresh)
        write(world)
        return world.outcomes

    return committed(take_effect, [event.player_id for batch in batches for event in batch], now=now)


def execute(command: Command, actor: Actor, now: datetime) -> Any:
    """Grant a command of `actor` with everything that follows from it, or raise its `Refused` with nothing changed."""

    def grant_wish(world: World) -> Any:
        if not command.for_anyone and getattr(command, "player_id", None) in world[Players].erased:
            raise PlayerErased
        read(world, [])
        command.load(world)
        expire(world, world[Players].by_id)
        answer = command.handle(world)
        reward_levels(world)
        for earned in world[Ledger].earned:
            pay(world, earned)
        if world.released:
            read(world, world.released)
        play(world, world.released)
        write(world)
        audit_log.write(world, command)
        return answer

    with shares.within(command.share(shares.number())):
        return committed(grant_wish, command.players(), now=now, actor=actor)


def count(world: World, event: GameEvent) -> None:
    """Let one event count."""
    counted = record(world, event)  # samples into aggregates: what this event may have completed
    for decide in (complete, advance):  # achievements, then quests
        for earned in decide(world, counted):
            pay(world, earned)  # rewards, and the levels that their experience reaches


Count = Callable[[World, GameEvent], None]
"""`count`, or what watches it: a simulation says what each event changed."""


def play_batch(world: World, batch: Sequence[GameEvent], fresh: Sequence[GameEvent], count: Count = count) -> None:
    """Decide what one batch comes to, of which `fresh` is new."""
    stated = len(world.facts)
    expire(world, {event.player_id for event in batch})
    play(world, screen(world, fresh), count)
    world.outcome.facts = world.facts[stated:]
    world.outcome.metrics = Summary(world[Tallies])


def close_batch(world: World) -> None:
    """Have the next batch find everything as if the one before had been written and read again."""
    world.outcome.metrics = dict(world.outcome.metrics)  # worked out before the next one changes them
    world[History].read_marks()
    world[Tallies].begin_batch()
    world[Players].begin_batch()
    world.root = ""


@timed("decide")
def play(world: World, wave: Sequence[GameEvent], count: Count = count) -> None:
    """Let events count, one after the other, then those they caused, round by round."""
    for world.rounds in range(1, MAX_ROUNDS + 1):
        for event in wave:
            count(world, event)
        wave = world.next_wave()  # facts that are events themselves
        if not wave:
            return
        measure(world, wave)
    goes_on = [event for event in wave if event.samples or is_awaited(world, event)]  # the rest ends here
    hold(world, goes_on, rule="cascade", values={"rounds": MAX_ROUNDS})


def is_awaited(world: World, event: GameEvent) -> bool:
    """Whether some achievement or quest waits for what this event of the service's own says."""
    return world[Standings].is_awaited(event) or world[QuestRuns].is_awaited(event)


@timed("read")
def read(world: World, events: Sequence[GameEvent]) -> None:
    """Read, once, whatever these events and all that may follow from them can touch."""
    measure(world, events)
    for part in world.parts:
        part.load(events)


@timed("write")
def write(world: World) -> None:
    """Write each table once; the players last, since everything before may change them."""
    with sql.pipelined():
        inbox.keep(world.stated, world.now)
        for part in world.parts:
            part.write()
        outbox.put(world.facts, world.now)
        numbering.write(world)
        world[Players].write_last()
