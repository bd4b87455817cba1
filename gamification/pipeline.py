"""The life of a batch of game events, from arrival to facts. Read this file first.

Players are locked in the order of their ids, each event is admitted once, everything the batch may touch is read once;
then plain Python decides, event after event; then each table is written once. All of it is one transaction: a batch
takes effect whole or not at all, and a crash at any point leaves either nothing or everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from achievements.completing import complete
from achievements.standings import Standings
from anticheat.screening import hold, screen
from gamification.admitting import admit
from gamification.committing import committed
from gamification.feed import numbering
from gamification.kernel.core.messages import GameEvent, Outcome
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import World
from gamification.kernel.messaging import outbox
from gamification.kernel.storage import inbox, sql
from gamification.paying import pay
from gamification.unanswered import state_outcome
from progress.metering import measure, record
from progress.players import Players
from progress.reading import Summary
from progress.tallies import Tallies
from quests.advancing import advance, expire
from quests.runs import QuestRuns

MAX_ROUNDS = 8
"""The batch is the first round; what it caused are the next. A longer cascade waits for a person."""


def process(batch: Sequence[GameEvent], *, now: datetime, is_answered: bool = True) -> Outcome:
    """Give each event of `batch`, all of one share, its effect, once, however often it arrives; says what came of it.

    Where whoever sent it gets no answer (a worker's batch), what was refused or held is stated as facts instead.
    """
    [outcome] = process_each([batch], now=now, is_answered=is_answered)
    return outcome


def process_each(
    batches: Sequence[Sequence[GameEvent]],
    *,
    now: datetime,
    is_answered: bool = True,
    keep: Callable[[Sequence[Outcome]], None] | None = None,
) -> list[Outcome]:
    """Process several batches in one transaction, each as if those before it had been written and read again.

    All is read before the first and written after the last, so that many small batches cost hardly more than one.
    `keep` writes down what they came to, in the same transaction; it may be called again where that is tried again.
    """

    def work(world: World) -> list[Outcome]:
        admitted = admit(world, batches)
        read(world, [event for fresh in admitted for event in fresh])
        for number, fresh in enumerate(admitted):
            world.begin_batch(number)
            play_batch(world, batches[number], fresh)
            if not is_answered:
                state_outcome(world)
        write(world)
        if keep is not None:
            keep(world.outcomes)
        return world.outcomes

    return committed(work, [event.player_id for batch in batches for event in batch], now=now)


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
    with sql.pipelined():
        answers = [part.ask(events) for part in world.parts]
    for take_in in answers:
        take_in()


@timed("write")
def write(world: World) -> None:
    """Write each table once; the players last, since everything before may change them."""
    with sql.pipelined():
        inbox.keep(world.stated, world.now)
        for part in world.parts:
            part.write()
        outbox.put(world.facts, world.now, world.origins)
        numbering.write(world)
        world[Players].write_last()
