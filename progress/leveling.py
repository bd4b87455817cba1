"""Experience and the levels it reaches."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from gamification.kernel.messages import Fact, PlayerId, own_id
from gamification.kernel.publishing import Definitions, Units
from gamification.kernel.world import World
from progress.metering import Books

MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LevelRules:
    """The published levels, by rising experience."""

    thresholds: tuple[int, ...]
    levels: tuple[int, ...]
    rewards: tuple[tuple[str, ...], ...]

    def at(self, xp: int) -> int:
        """The level that so much experience is worth; 0 where no level is described."""
        place = bisect_right(self.thresholds, xp)
        return self.levels[place - 1] if place else 0


@dataclass(frozen=True, slots=True)
class Reached:
    level: int
    rewards: tuple[str, ...]


def compile_levels(definitions: Definitions, units: Units) -> LevelRules:
    rows = sorted((d["xp"], d["level"], tuple(d["rewards"])) for d in definitions.get("level", {}).values())
    return LevelRules(tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows))


def add_xp(world: World, player_id: PlayerId, amount: int, at: datetime) -> list[Reached]:
    """Give experience; says which levels were reached for the first time, lowest first, with their rewards.

    The level at 0 xp is given, not reached. A level that was left and is passed again is not reached again.
    """
    player = world[Books].players[player_id]
    rules: LevelRules = world.rules[LevelRules]
    before = player.xp
    player.xp = min(before + amount, MOST)
    player.level = rules.at(player.xp)
    player.dirty = True
    reached = []
    for xp, level, rewards in zip(rules.thresholds, rules.levels, rules.rewards, strict=True):
        if before < xp <= player.xp and level > player.top_level:
            player.top_level = level
            reached.append(Reached(level, rewards))
            data = {"level": level, "xp": player.xp}
            id_ = own_id("level.reached", player_id, str(level), "0")
            world.state(Fact(id_, player_id, "level.reached", data, at, message=data))
            world.state_event("level.reached", player_id, str(level), "0", {"level": level}, at)
    return reached


def take_xp(world: World, player_id: PlayerId, amount: int) -> int:
    """Take experience back, down to 0, and note the rest as owed; the level follows. Says how much is owed."""
    player = world[Books].players[player_id]
    taken = min(amount, player.xp)
    player.xp -= taken
    player.owed_xp += amount - taken
    player.level = world.rules[LevelRules].at(player.xp)
    player.dirty = True
    return amount - taken


def add_points(world: World, player_id: PlayerId, amount: int) -> None:
    player = world[Books].players[player_id]
    player.points = min(player.points + amount, MOST)
    player.dirty = True


def take_points(world: World, player_id: PlayerId, amount: int) -> int:
    """Take points back, down to 0, and note the rest as owed. Says how much is owed."""
    player = world[Books].players[player_id]
    taken = min(amount, player.points)
    player.points -= taken
    player.owed_points += amount - taken
    player.dirty = True
    return amount - taken
