"""Revoking: what claiming a distribution gave is taken back, once; what is spent already is owed."""

from __future__ import annotations

from typing import Any, assert_never

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.world import World
from rewards import facts, rules
from rewards.ledger import Ledger
from rewards.rules import Award, Given, RewardType


def undo(world: World, given: Given, effect: Award) -> dict[str, Any]:
    """Take back what claiming gave: `{taken, owed}`, amounts or, for things, `{item: quantity}`."""
    ledger, player_id = world[Ledger], given.player_id
    taken: Any = 0
    owed: Any = 0
    match effect.type:
        case RewardType.POINTS:
            owed = ledger.take_points(player_id, effect.value)
            taken = effect.value - owed
        case RewardType.XP:
            owed = ledger.take_xp(player_id, effect.value)
            taken = effect.value - owed
        case RewardType.CURRENCY:
            taken, owed = ledger.take_back(player_id, effect.currency, effect.value, given.id, again=given.reinstated)
        case RewardType.ITEM:
            ledger.open(player_id)
            taken, owed = {}, {}
            for item in effect.items:
                stack = ledger.stack(player_id, item.id, item.type)
                got, missing = rules.take(stack.quantity, item.quantity)
                stack.quantity, stack.owed, stack.changed = stack.quantity - got, stack.owed + missing, True
                taken[item.id] = taken.get(item.id, 0) + got
                owed[item.id] = owed.get(item.id, 0) + missing
        case RewardType.BADGE | RewardType.TITLE | RewardType.RANDOM:
            pass  # revoked, it is no longer shown; what drew nothing gave nothing
        case _:
            assert_never(effect.type)
    return {"taken": taken, "owed": owed}


def revoke(world: World, given: Given, reason: str) -> None:
    """Finish what the guarding statement began: undo a distribution that had been claimed, and say so.

    `given.claimed_at` tells whether it had been.
    """
    ledger = world[Ledger]
    effect = ledger.effect(given)
    again = {"reinstated": given.reinstated} if given.reinstated else {}
    given.undone = (undo(world, given, effect) if given.claimed_at else {}) | {"reason": reason} | again
    ledger.undone[given.id] = given
    world.state(facts.stated(FactType.REWARD_REVOKED, given, effect, world.now))
