"""Taking back all that a player got since an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from achievements.commands import RevokeAchievement
from achievements.standings import Standings
from gamification.kernel.core.messages import Command, PlayerId, Refused
from gamification.kernel.core.world import World
from rewards.commands import revoke_since


class NothingToRevoke(Refused):
    code = "nothing_to_revoke"


@dataclass(frozen=True, kw_only=True)
class RevokeSince(Command):
    """Take back every achievement that the player completed from `since` on, and every reward given since then, by
    hand, by quests and for levels too. Answers `{achievements, distributions}`: how many.

    An achievement that is taken back takes its rewards along, whenever they were given.
    """

    player_id: PlayerId
    since: datetime
    reason: str

    def load(self, world: World) -> None:
        world[Standings].read_all()

    def handle(self, world: World) -> dict[str, Any]:
        standings = world[Standings].of(self.player_id)
        completed = sorted(
            key
            for key, standing in standings.items()
            if standing.completed_at is not None and standing.completed_at >= self.since and standing.revoked_at is None
        )
        distributions = 0
        for id_, occurrence in completed:
            wish = RevokeAchievement(
                player_id=self.player_id, achievement_id=id_, occurrence=occurrence, reason=self.reason
            )
            distributions += len(wish.handle(world)["distributions"])
        given = revoke_since(world, player_id=self.player_id, since=self.since, reason=self.reason)
        if not completed and not distributions and not given:
            raise NothingToRevoke("Nothing was completed or given since then that is not taken back already.")
        return {"achievements": len(completed), "distributions": distributions + len(given)}
