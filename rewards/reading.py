"""What a player holds, as a world has read and decided it."""

from __future__ import annotations

from typing import Any

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from rewards.ledger import Ledger


def wallet(world: World, player_id: PlayerId) -> list[dict[str, Any]]:
    """Each currency that the player ever had, once the ledger has opened what they hold."""
    held = {currency: account for (whose, currency), account in world[Ledger].accounts.items() if whose == player_id}
    return [{"currency": each, "balance": held[each].balance, "debt": held[each].debt} for each in sorted(held)]


def inventory(world: World, player_id: PlayerId) -> list[dict[str, Any]]:
    """What the player has; what was used up is not shown."""
    held = {item: stack for (whose, item), stack in world[Ledger].stacks.items() if whose == player_id}
    return [
        {"item_id": item, "type": held[item].type, "quantity": held[item].quantity}
        for item in sorted(held)
        if held[item].quantity > 0
    ]
