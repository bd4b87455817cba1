"""The life of a batch of game events, from arrival to facts. Read this file first.

Players are locked in the order of their ids, each event is admitted once, everything the batch may touch is read once;
then plain Python decides, event after event; then each table is written once. All of it is one transaction: a batch
takes effect whole or not at all, and a crash at any point leaves either nothing or everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction

from achievements.completing import complete
from achievements.history import History
from achievements.standings import Standings
from anticheat.screening import Screening, hold, note_reuse, screen
from gamification import reactions
from gamification.feed import numbering
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.messages import Command, Fact, GameEvent, Outcome, PlayerId, own_id
from gamification.kernel.core.world import World
from gamification.kernel.messaging import outbox
from gamification.kernel.storage import inbox, sql
from progress.erasure import PlayerErased, unnamed
from progress.leveling import change_level
from progress.metering import measure, record
from progress.players import Players
from progress.reading import Summary
from progress.tallies import Tallies
from quests.advancing import advance, expire
from quests.runs import QuestRuns
from rewards.granting import grant
from rewards.ledger import EarnedRewards, Ledger

T = TypeVar("T")

MAX_ROUNDS = 8
"""The batch is the first round; what it caused are the next. A longer cascade waits for a person."""


def process(batch: Sequence[GameEvent], *, now: datetime, is_answered: bool = True) -> Outcome:
    """Give each event of `batch` its effect, once, however often it arrives; says what came of it.

    Where whoever sent it gets no answer (a worker's batch), what was refused or held is stated as facts instead.
    """

    def count(world: World) -> Outcome:
        fresh = admit(world, batch)
        read(world, fresh)
        expire(world)
        play(world, screen(world, fresh))
        if not is_answered:
            tell_senders(world)
        return world.outcome

    return committed(lambda: open_world((event.player_id for event in batch), now=now), count)


def execute(command: Command, actor: Actor, now: datetime) -> Any:
    """Grant a command of `actor` with everything that follows from it, or raise its `Refused` with nothing changed."""

    def grant_wish(world: World) -> Any:
        if not command.for_anyone and getattr(command, "player_id", None) in world[Players].erased:
            raise PlayerErased
        read(world, [])
        expire(world)
        answer = command.handle(world)
        reward_levels(world)
        for earned in world[Ledger].earned:
            pay(world, earned)
        if world.released:
            read(world, world.released)
        play(world, world.released)
        return answer

    return committed(lambda: open_world(command.players(), actor=actor, now=now), grant_wish)


def play(world: World, wave: Sequence[GameEvent]) -> None:
    """Let events count, one after the other, then those they caused, round by round."""
    for _ in range(MAX_ROUNDS):
        for event in wave:
            counted = record(world, event)  # samples into aggregates: what this event may have completed
            for decide in (complete, advance):  # achievements, then quests
                for earned in decide(world, counted):
                    pay(world, earned)
        wave = world.next_wave()  # facts that are events themselves
        if not wave:
            return
        measure(world, wave)
    goes_on = [event for event in wave if event.samples or is_awaited(world, event)]  # the rest ends here
    hold(world, goes_on, rule="cascade", values={"rounds": MAX_ROUNDS})


def pay(world: World, earned: EarnedRewards) -> None:
    """Grant rewards, line by line: what experience reaches is rewarded before the next."""
    for line in range(len(earned.reward_ids)):
        grant(world, earned, line)
        reward_levels(world)


def reward_levels(world: World) -> None:
    """Have levels follow the experience that rewards gave or took, and grant the rewards of those that are reached.

    These may give experience themselves. It is a loop, so a chain of any length is no deeper than one.
    """
    due: deque[tuple[EarnedRewards, int]] = deque()
    while True:
        for change in world[Ledger].next_xp_changes():
            for reached in change_level(world, change.player_id, change.before, change.after, change.at):
                of_level = EarnedRewards(
                    player_id=change.player_id,
                    reward_ids=reached.rewards,
                    source="LEVEL",
                    source_id=str(reached.level),
                    at=change.at,
                )
                due.extend((of_level, line) for line in range(len(reached.rewards)))
        if not due:
            return
        grant(world, *due.popleft())


def tell_senders(world: World) -> None:
    """State which events were refused and which are held: for game servers, in nobody's feed."""
    for event, code, detail in world.outcome.refused:
        about = unnamed(event) if code == PlayerErased.code else event
        _state_about(world, about, "event.rejected", code=code, detail=detail)
    for event, rule, _ in world[Screening].held:
        if event.cause is None:  # not one of the service's own
            _state_about(world, event, "event.held", rule=rule)


def _state_about(world: World, event: GameEvent, type_: str, **data: str) -> None:
    id_ = own_id(type_, event.player_id, event.id, event.digest().hex())
    world.state(Fact(id_, event.player_id, type_, {"id": event.id, "type": event.type, **data}, event.timestamp))


def is_awaited(world: World, event: GameEvent) -> bool:
    """Whether some achievement or quest waits for what this event of the service's own says."""
    return world[Standings].is_awaited(event) or world[QuestRuns].is_awaited(event)


# -- the transaction's beginning and end -------------------------------------------------------------------------------


def committed(begin: Callable[[], World], work: Callable[[World], T]) -> T:
    """Do `work` in a world and write what came of it, all in one transaction; then let others know.

    What a distribution's id says was given once is never given twice. Should there be one that no standing tells of (a
    table was restored without the other), everything is decided once more without it, rather than refused for all.
    """
    given: frozenset[UUID] = frozenset()
    while True:
        world = None
        try:
            with transaction.atomic():
                world = begin()
                world[Ledger].given = given
                answer = work(world)
                write(world)
        except IntegrityError:
            known = world[Ledger].found_given() if world is not None else given
            if known <= given:
                raise
            given |= known
        else:
            reactions.after_commit(world)
            return answer


def open_world(
    player_ids: Iterable[PlayerId], *, now: datetime, actor: Actor = SYSTEM, backfill: bool = False
) -> World:
    """Lock the players, then read which rules are published: nobody decides by older ones than a backfill did."""
    world = World(now=now, player_ids=player_ids, actor=actor, backfill=backfill)
    for part in (Players, Tallies, Screening, Standings, History, QuestRuns, Ledger):
        world.add(part(world))
    world[Players].lock()
    world[Ledger].balances = world[Players].by_id
    world.rules = publishing.current()
    world[Players].welcome()
    return world


def admit(world: World, batch: Sequence[GameEvent]) -> list[GameEvent]:
    """Keep what is new; the rest is a duplicate or refused. In the order in which it counts."""
    erased = world[Players].erased
    admission = inbox.admit([event for event in batch if event.player_id not in erased], world.now)
    gone = [(event, PlayerErased.code, PlayerErased.text) for event in batch if event.player_id in erased]
    refused = admission.refused + gone
    inbox.reject(admission.refused + [(unnamed(event), code, text) for event, code, text in gone], world.now)
    note_reuse(world, admission.reused)
    outcome = world.outcome
    outcome.accepted, outcome.duplicates = len(admission.fresh), len(admission.duplicates)
    outcome.refused = refused
    return sorted(admission.fresh, key=lambda event: event.order)


def read(world: World, events: Sequence[GameEvent]) -> None:
    """Read, once, whatever these events and all that may follow from them can touch."""
    measure(world, events)
    for part in world.parts:
        part.load(events)


def write(world: World) -> None:
    """Write each table once; the players last, since everything before may change them."""
    with sql.pipelined():
        inbox.keep(world.stated, world.now)
        for part in world.parts:
            part.write()
        outbox.put(world.facts, world.now)
        numbering.write(world)
        world[Players].write_last()
    world.outcome.facts = world.facts
    world.outcome.metrics = Summary(world[Tallies])
