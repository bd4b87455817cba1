"""Reinstating: what revoking a distribution took is given back, once, and what it noted as owed is owed no more."""

from __future__ import annotations

from typing import Any, assert_never

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.world import World
from rewards import facts
from rewards.ledger import Ledger
from rewards.rules import Award, Given, RewardType


def redo(world: World, given: Given, effect: Award, case: int) -> None:
    """Give back what `revoking.undo` took, as it noted it."""
    ledger, player_id, undone = world[Ledger], given.player_id, given.undone or {}
    taken: Any = undone.get("taken") or 0
    owed: Any = undone.get("owed") or 0
    match effect.type:
        case RewardType.POINTS:
            ledger.return_points(player_id, taken, owed)
        case RewardType.XP:
            ledger.return_xp(player_id, taken, owed)
        case RewardType.CURRENCY:
            ledger.return_to(player_id, effect.currency, taken, owed, given.id, case)
        case RewardType.ITEM:
            ledger.open(player_id)
            for item in effect.items:
                stack = ledger.stack(player_id, item.id, item.type)
                stack.changed = True
            for item_id, quantity in (taken or {}).items():
                ledger.stack(player_id, item_id).quantity += quantity
            for item_id, quantity in (owed or {}).items():
                stack = ledger.stack(player_id, item_id)
                stack.owed -= min(quantity, stack.owed)
        case RewardType.BADGE | RewardType.TITLE | RewardType.RANDOM:
            pass  # it is shown again; what drew nothing gave nothing
        case _:
            assert_never(effect.type)


def reinstate(world: World, given: Given, case: int) -> None:
    """Finish what the guarding statement began: what had been claimed is given back, and said to be."""
    ledger = world[Ledger]
    effect = ledger.effect(given)
    if given.claimed_at is not None:
        redo(world, given, effect, case)
    given.undone = {"reinstated": given.reinstated + 1}
    ledger.undone[given.id] = given
    world.state(facts.stated(FactType.REWARD_REINSTATED, given, effect, world.now))
