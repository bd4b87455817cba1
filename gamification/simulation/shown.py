"""What a player has at one moment of a simulation: the rows that the player's own routes show, of one world."""

from __future__ import annotations

from typing import Any

import achievements.reading
import progress.reading
import quests.reading
import rewards.reading
from achievements.standings import Standings
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from progress.leveling import LevelRules
from progress.players import Players
from progress.tallies import Tallies
from quests.runs import QuestRuns
from rewards.ledger import Ledger


def read_everything(world: World, player_id: PlayerId) -> None:
    """Read all that there is of one player, beyond what their events could touch: it is shown."""
    world[Tallies].read_all()
    world[Standings].read_all()
    quests.reading.read_runs(world, player_id)
    world[QuestRuns].load([])
    world[Ledger].open(player_id)
    world[Ledger].load([])


def show(world: World, player_id: PlayerId) -> dict[str, Any]:
    """`{metrics, achievements, quests, wallet, inventory, statistics}` as a game server sees them: whole."""
    player = world[Players].by_id[player_id]
    whole: dict[str, Any] = {"state": None, "for_player": False, "world": world}
    return {
        "metrics": progress.reading.metrics(world, player_id),
        "achievements": achievements.reading.rows(player_id, world.now, **whole),
        "quests": quests.reading.rows(player_id, world.now, **whole),
        "wallet": rewards.reading.wallet(world, player_id),
        "inventory": rewards.reading.inventory(world, player_id),
        "statistics": {
            "points": player.points,
            "xp": player.xp,
            "level": world.rules[LevelRules].at(player.xp),
            "achievements_completed": player.achievements_completed,
            "quests_completed": player.quests_completed,
        },
    }
