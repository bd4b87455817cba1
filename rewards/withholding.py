"""What was withheld is given: once a person has looked, and found nothing wrong."""

from __future__ import annotations

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import sql
from rewards.commands import CLAIMABLE, move
from rewards.granting import claimed
from rewards.ledger import Ledger
from rewards.models import Distribution
from rewards.rules import Given, Status, is_over


def give_withheld(world: World, player_id: PlayerId) -> list[Given]:
    """Let a player have what was withheld; to be called within a command. Says what it was.

    What claims itself is claimed now, the rest can be. Whatever has a time to be claimed in gets as much more of it as
    it has waited. The statements name the state that each row comes from, so each is given once.
    """
    waited = {"player_id": player_id, "status": Status.PENDING, "withheld": True}
    given = move(waited, {"withheld": False})
    prolong(world, given)
    claim_what_claims_itself(world, given)
    return given


def prolong(world: World, given: list[Given]) -> None:
    """Add to the time in which each can be claimed what has passed since it was made."""
    ending = [each for each in given if each.expires_at is not None]
    for each in ending:
        assert each.expires_at is not None
        each.expires_at += world.now - each.created_at
    sql.update(Distribution, ("id",), ("expires_at",), [(each.id, each.expires_at) for each in ending])


def claim_what_claims_itself(world: World, given: list[Given]) -> None:
    """Claim those of these that would have claimed themselves, had nothing been withheld."""
    ledger = world[Ledger]
    auto = [each.id for each in given if ledger.reward(each).is_auto and not is_over(each.expires_at, world.now)]
    for each in move({"id": auto} | CLAIMABLE, {"status": Status.CLAIMED, "claimed_at": world.now}):
        claimed(world, each, ledger.effect(each), world.now)
