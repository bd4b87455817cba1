"""Experience and the levels it reaches."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gamification.kernel.content.publishing import Definitions, Units
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, PlayerId, own_id
from gamification.kernel.core.world import World
from progress.players import Players


@dataclass(frozen=True, slots=True)
class Reached:
    """A level that is described, and the rewards for reaching it."""

    level: int
    rewards: tuple[str, ...]


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

    def between(self, before: int, after: int) -> Iterator[Reached]:
        """The levels that experience crosses as it rises from `before` to `after`, lowest first."""
        for place in range(bisect_right(self.thresholds, before), bisect_right(self.thresholds, after)):
            yield Reached(self.levels[place], self.rewards[place])


def compile_levels(definitions: Definitions, units: Units) -> LevelRules:
    rows = sorted((d["xp"], d["level"], tuple(d["rewards"])) for d in definitions.get("level", {}).values())
    return LevelRules(tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows))


def change_level(world: World, player_id: PlayerId, before: int, after: int, at: datetime) -> list[Reached]:
    """Have a player's level follow their experience, which went from `before` to `after`.

    Says which levels were reached for the first time, lowest first, with their rewards.

    The level at 0 xp is given, not reached. A level that was left and is crossed again is not reached again. One that
    was published into a gap is reached when experience crosses it; one below what the player has never is.
    """
    player = world[Players].by_id[player_id]
    rules: LevelRules = world.rules[LevelRules]
    player.level, player.dirty = rules.at(after), True
    left = [each.level for each in rules.between(after, before)]
    if left:  # those published below what the player had were never reached, and are not on the way back up either
        player.levels_had = write_levels(read_levels(player.levels_had).union(left))
    crossed = list(rules.between(before, after))
    if not crossed:
        return []
    had = read_levels(player.levels_had)
    reached = [each for each in crossed if each.level not in had]
    player.levels_had = write_levels(had | {each.level for each in reached})
    for each in reached:
        data = {"level": each.level, "xp": after}
        id_ = own_id(FactType.LEVEL_REACHED, player_id, str(each.level), "0")
        world.state(Fact(id_, player_id, FactType.LEVEL_REACHED, data, at, message=data))
        world.state_event(FactType.LEVEL_REACHED, player_id, str(each.level), "0", {"level": each.level}, at)
    return reached


def read_levels(text: str) -> set[int]:
    """The inverse of `write_levels`."""
    found: set[int] = set()
    for part in text.split():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def write_levels(levels: Iterable[int]) -> str:
    """Levels as a player's row keeps them, neighbours as one range: `2-57 60`."""
    ranges: list[list[int]] = []
    for level in sorted(levels):
        if ranges and ranges[-1][1] == level - 1:
            ranges[-1][1] = level
        else:
            ranges.append([level, level])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
