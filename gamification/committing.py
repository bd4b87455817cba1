"""The beginning and the end of the one transaction in which a batch or a command takes effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from time import perf_counter
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError

from achievements.history import History
from achievements.standings import Standings
from anticheat.screening import Screening
from gamification import reactions
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.stages import count_batch, timed, took
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares, sql
from progress.players import Players
from progress.tallies import Tallies
from quests.runs import QuestRuns
from rewards.ledger import Ledger

T = TypeVar("T")

PARTS = (Players, Tallies, Screening, Standings, History, QuestRuns, Ledger)
"""The parts of a world, in the order in which they are read and written."""
TRIES = 5
"""How often a transaction is tried at most. Each failed try has found rewards that were given before."""


def committed(
    work: Callable[[World], T],
    player_ids: Iterable[PlayerId],
    *,
    now: datetime,
    actor: Actor = SYSTEM,
    backfill: bool = False,
) -> T:
    """Do `work` in a world of these players, all of one share, in one transaction; once that is committed, let others
    know.

    A reward's id says what it is given for, so the database refuses to give it twice. Usually a standing says before
    that it was given. Where none does (a table was restored without the other), the transaction is undone, and all is
    decided once more with these rewards known as given, rather than refused for everybody in the batch.
    """
    player_ids = set(player_ids)
    given: frozenset[UUID] = frozenset()
    for tries_left in reversed(range(TRIES)):
        world = None
        try:
            with shares.of(*player_ids):
                world = open_world(player_ids, now=now, actor=actor, backfill=backfill)
                world[Ledger].given = given
                answer = work(world)
                worked = perf_counter()
            took("commit", worked)
        except IntegrityError:
            found = world[Ledger].found_given() - given if world is not None else None
            if not found or not tries_left:
                raise
            given |= found
        else:
            reactions.after_commit(world)
            count_batch(world.outcomes, facts=len(world.facts), rounds=world.rounds, held=len(world[Screening].held))
            return answer
    raise AssertionError("the last try returns or raises")


@timed("lock")
def open_world(
    player_ids: Iterable[PlayerId], *, now: datetime, actor: Actor = SYSTEM, backfill: bool = False
) -> World:
    """Lock the players, then read the published rules.

    In this order, since a backfill locks the players too: rules that are read after it are at least as new as those by
    which it counted these players' past.
    """
    world = World(now=now, player_ids=player_ids, actor=actor, backfill=backfill)
    for part in PARTS:
        world.add(part(world))
    players = world[Players]
    with sql.pipelined():
        locked, asked = players.ask_locked(), publishing.ask_head()
    head = asked()
    if not players.take_locked(locked()):
        players.lock()
        head = publishing.ask_head()()  # what was read before it may be older than a backfill that went before us
    world.rules, world.retention_cut = publishing.rules_of(head), head.retention_cut
    world[Ledger].balances = players.by_id
    players.welcome()
    return world
