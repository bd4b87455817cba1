"""What becomes of a command: its transaction, its audit entry, and everything that follows from it.

It goes the pipeline's way. Its players are locked, all is read once, it decides, what it caused plays like any wave of
events, and each table is written once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gamification.committing import committed
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command
from gamification.kernel.core.world import World
from gamification.kernel.storage import audit_log, shares
from gamification.paying import pay, reward_levels
from gamification.pipeline import play, read, write
from progress.erasure import PlayerErased
from progress.players import Players
from quests.advancing import expire
from rewards.ledger import Ledger


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
