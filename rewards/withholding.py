"""What was withheld is given once a person has looked, and what a wrong verdict revoked is given back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage import sql
from rewards.commands import CLAIMABLE, found, move
from rewards.granting import claimed
from rewards.ledger import Ledger
from rewards.models import Distribution
from rewards.reinstating import reinstate as reinstate_one
from rewards.rules import Given, Status, is_over


def give_withheld(world: World, player_id: PlayerId) -> list[Given]:
    """Let a player have what was withheld; to be called within a command. Says what it was.

    What claims itself is claimed now, the rest can be. Whatever has a time to be claimed in gets as much more of it as
    it has waited. The statements name the state that each row comes from, so each is given once.
    """
    waited = {"player_id": player_id, "status": Status.PENDING, "withheld": True}
    given = move(waited, {"withheld": False})
    prolong(world, {each.id: each.created_at for each in given}, given)
    claim_what_claims_itself(world, given)
    return given


def reinstate(world: World, player_id: PlayerId, ids: Sequence[UUID], case: int) -> list[Given]:
    """Turn these distributions, where they are revoked, back into what they were; says which were.

    What had been claimed is claimed again. What was still to be claimed is so again, for as much longer as it was
    withheld or revoked; what waited to claim itself does so now.
    """
    of_them: dict[str, Any] = {"player_id": player_id, "status": Status.REVOKED}
    revoked = found(of_them | {"id__in": list(ids)})
    kept = {"revoked_at": None, "revoked_by": "", "withheld": False}
    given: list[Given] = []
    for status, is_of in ((Status.CLAIMED, True), (Status.PENDING, False)):
        theirs = [each.id for each in revoked if (each.claimed_at is not None) == is_of]
        given += move(of_them | {"id": theirs}, {"status": status, **kept})
    pending = [each for each in given if each.claimed_at is None]
    begun = {each.id: each.created_at if each.withheld else each.revoked_at or world.now for each in revoked}
    waited = {each.id for each in revoked if each.withheld}
    prolong(world, begun, pending)
    for each in given:
        reinstate_one(world, each, case)
    claim_what_claims_itself(world, [each for each in pending if each.id in waited])
    return given


def prolong(world: World, begun: dict[UUID, datetime], given: list[Given]) -> None:
    """Add to the time in which each can be claimed what has passed since it began to wait."""
    ending = [each for each in given if each.expires_at is not None]
    for each in ending:
        assert each.expires_at is not None
        each.expires_at += world.now - begun[each.id]
    sql.update(Distribution, ("id",), ("expires_at",), [(each.id, each.expires_at) for each in ending])


def claim_what_claims_itself(world: World, given: list[Given]) -> None:
    """Claim those of these that would have claimed themselves, had nothing been withheld."""
    ledger = world[Ledger]
    auto = [each.id for each in given if ledger.reward(each).is_auto and not is_over(each.expires_at, world.now)]
    for each in move({"id": auto} | CLAIMABLE, {"status": Status.CLAIMED, "claimed_at": world.now}):
        claimed(world, each, ledger.effect(each), world.now)
