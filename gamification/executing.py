"""What becomes of a command: its transaction, its audit entry, and everything that follows from it.

It goes the pipeline's way. Its players are locked, all is read once, it decides, what it caused plays like any wave of
events, and each table is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from gamification.committing import committed
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command, Fact
from gamification.kernel.core.world import World
from gamification.kernel.storage import audit_log, shares
from gamification.paying import pay, reward_levels
from gamification.pipeline import play, read, write
from progress.erasure import PlayerErased
from progress.players import Players
from quests.advancing import expire
from rewards.ledger import Ledger

T = TypeVar("T")


def execute(command: Command, actor: Actor, now: datetime) -> Any:
    """Grant a command of `actor` with everything that follows from it, or raise its `Refused` with nothing changed."""
    with shares.within(command.share(shares.number())):
        return committed(partial(_grant, command), command.players(), now=now, actor=actor)


def _grant(command: Command, world: World) -> Any:
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


# -- rehearsing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rehearsal(Generic[T]):
    """What a command came to before it was undone."""

    answer: Any
    facts: Sequence[Fact]
    seen: T
    """What `look` saw of it."""


class _Undone(Exception):
    """Raised when all is written, so that the transaction is rolled back."""

    def __init__(self, rehearsal: Rehearsal[Any]) -> None:
        super().__init__("it was only rehearsed")
        self.rehearsal = rehearsal


def rehearse(command: Command, actor: Actor, now: datetime, look: Callable[[], T]) -> Rehearsal[T]:
    """Grant a command, let `look` see what that has changed, and undo it all: nothing is stored, and nobody is told.

    It is the very command in the very transaction, which is rolled back at its end; what follows a commit (the relay,
    hints, roll-ups) does not follow. Raises what the command is refused with. The player is locked meanwhile.
    """

    def and_back(world: World) -> Any:
        answer = _grant(command, world)
        raise _Undone(Rehearsal(answer, list(world.facts), look()))

    try:
        with shares.within(command.share(shares.number())):
            committed(and_back, command.players(), now=now, actor=actor)
    except _Undone as undone:
        return undone.rehearsal
    raise AssertionError("what is rehearsed is not committed")
