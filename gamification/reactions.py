"""What follows from a batch or a command once it is committed: one table, read from top to bottom.

Any of them may be lost. What must not be is in the outbox, the feed and the tables, written with the batch; a reaction
only makes it known sooner. So none may fail the batch, and none makes it wait for another server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from django.db import DatabaseError, transaction

from gamification import relay
from gamification.feed import hints
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import World
from gamification.kernel.storage import shares, sql
from gamification.webhooks import sending
from progress.players import Players
from progress.tallies import Tallies

log = logging.getLogger(__name__)


class Reaction(NamedTuple):
    to: Callable[[World], object]
    """What the reaction is to: it runs unless this is empty."""
    do: Callable[[World], None]


def publish(world: World) -> None:
    """Have the relay's thread send the facts to whoever listens."""
    share = shares.only_share(world.player_ids) or 0
    # An idempotent request commits later, together with its answer.
    transaction.on_commit(partial(relay.hint, share), robust=True)


def tell_webhooks(world: World) -> None:
    """Have the webhooks' threads send the facts, where there are any."""
    transaction.on_commit(sending.hint, robust=True)


def hint(world: World) -> None:
    """Tell the nodes that hold players' sockets who has new messages, and whose progress may have changed."""
    players = world[Players].by_id
    told = {fact.player_id for fact in world.facts if fact.message is not None}
    hints.after_commit(
        last_seq={id_: players[id_].last_seq for id_ in told if id_ in players},
        messages=world.numbered,
        metrics=world[Tallies].all_metrics_touched(),
        locked_out=_locked_out(world),
        tokens_ended={id_: p.tokens_ended for id_, p in players.items() if p.tokens_ended is not None},
    )


def _locked_out(world: World) -> dict[PlayerId, str]:
    """The players who may hold no socket from now on, and why. A locked player without a row any more was erased."""
    players = world[Players].by_id
    erased = dict.fromkeys((id_ for id_ in world.player_ids if id_ not in players), "player_erased")
    return erased | {id_: "banned" for id_, player in players.items() if player.banned}


def roll_up(world: World) -> None:
    """Add up how many samples each metric took, and how many events had no number for it."""
    try:
        with transaction.atomic(), sql.pipelined():
            sql.without_fsync()
            world[Tallies].write_health()
    except DatabaseError:
        log.warning("the health of %d metrics was not rolled up", len(world[Tallies].health), exc_info=True)


REACTIONS = [
    Reaction(to=lambda world: world.facts, do=publish),
    Reaction(to=lambda world: world.facts, do=tell_webhooks),
    Reaction(to=lambda world: world.player_ids, do=hint),
    Reaction(to=lambda world: world[Tallies].health, do=roll_up),
]


@timed("after_commit")
def after_commit(world: World) -> None:
    for reaction in REACTIONS:
        if reaction.to(world):
            reaction.do(world)
