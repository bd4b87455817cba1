"""What is earned is paid: rewards, and the levels that their experience reaches, which have rewards of their own."""

from __future__ import annotations

from collections import deque

from gamification.kernel.core.world import World
from progress.leveling import change_level
from rewards.granting import grant
from rewards.ledger import EarnedRewards, Ledger
from rewards.rules import Source


def pay(world: World, earned: EarnedRewards) -> None:
    """Grant the rewards one after the other; the levels that one reaches are rewarded before the next is granted."""
    for line in range(len(earned.reward_ids)):
        grant(world, earned, line)
        reward_levels(world)


def reward_levels(world: World) -> None:
    """Have levels follow the experience that rewards gave or took, and grant the rewards of those that are reached.

    These may give experience themselves, and so reach further levels. A loop rather than recursion, so that a chain of
    any length fits the stack.
    """
    due: deque[tuple[EarnedRewards, int]] = deque()
    while True:
        for change in world[Ledger].next_xp_changes():
            for reached in change_level(world, change.player_id, change.before, change.after, change.at):
                of_level = EarnedRewards(
                    player_id=change.player_id,
                    reward_ids=reached.rewards,
                    source=Source.LEVEL,
                    source_id=str(reached.level),
                    at=change.at,
                )
                due.extend((of_level, line) for line in range(len(reached.rewards)))
        if not due:
            return
        grant(world, *due.popleft())
