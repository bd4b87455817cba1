"""What it takes to complete something: some requirements, how many of them, and the scope they count in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gamification.kernel.core.messages import Json
from progress.rules.requirements import STICKY, WINDOW, Requirement
from progress.rules.scopes import NEVER, Scope


def needed(match: Json, count: int) -> int:
    """How many of `count` requirements must be met."""
    if match == "ANY":
        return min(1, count)
    if isinstance(match, dict):
        return int(match["at_least"])
    return count


class Had(Protocol):
    """What is known of a player without reading anything: bits, one a goal that can be had."""

    @property
    def earned(self) -> int: ...

    @property
    def revoked(self) -> int: ...

    @property
    def had_before(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Requirements, how many of them it takes (`need`), and the scope they count in.

    `counted_since` is the publication from which it is kept: for a player whose past was counted up to an older one it
    is pending. `plain` goals are a single requirement that is DERIVED, or STICKY and complete as soon as it is met:
    what is left of them can be read off one tally.
    """

    owner: str
    requirements: tuple[Requirement, ...]
    need: int
    scope: Scope
    counted_since: int
    plain: bool
    bit: int = 0
    """By which a player's row says that they have it."""

    def is_closed_to(self, player: Had) -> bool:
        """Whether the player has no more to do with it: it was revoked whole, or does not repeat and was completed or
        revoked, under whatever `repeat` that was.
        """
        bits = player.revoked
        if self.scope.repeat == NEVER:
            bits |= player.earned | player.had_before
        return bool(bits & self.bit)

    @property
    def has_memory(self) -> bool:
        """Whether something of it must be kept beside the tallies while it is unfinished."""
        if self.scope.repeat != NEVER:
            return True
        return not self.plain and any(r.nature in (STICKY, WINDOW) for r in self.requirements)


def combined(need: int, fractions: Sequence[float], met: Sequence[bool]) -> float:
    """Progress as a whole, 0 to 1: the mean of the `need` best (all: the mean; any: the best). Unmet: at most 0.99."""
    if not fractions:
        return 1.0
    best = sorted(fractions, reverse=True)[:need]
    value = math.fsum(best) / len(best)
    return value if sum(met) >= need else min(value, 0.99)
