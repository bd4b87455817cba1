"""Wishes of those who judge how somebody plays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gamification.kernel.core.messages import Command, Invalid, PlayerId
from gamification.kernel.core.world import World
from gamification.review import queries
from gamification.review.standing import change_standing
from progress.player_standing import PlayerStanding


@dataclass(frozen=True, kw_only=True)
class SetStanding(Command):
    """Have a player stand so, for good or until an instant. An unseen player is made."""

    player_id: PlayerId
    standing: PlayerStanding
    reason: str
    ends_at: datetime | None = None
    case: int | None = None

    def handle(self, world: World) -> None:
        if self.ends_at is not None and self.ends_at <= world.now:
            detail = "It would have ended by now: an instant to come is expected."
            raise Invalid(detail, [{"path": "expires_at", "code": "invalid", "detail": detail}])
        if self.case is not None and not queries.cases(pk=self.case, player_id=self.player_id).exists():
            detail = "There is no such case about this player."
            raise Invalid(detail, [{"path": "case", "code": "invalid", "detail": detail}])
        changed = change_standing(
            world, self.player_id, self.standing, ends_at=self.ends_at, case=self.case, reason=self.reason
        )
        world.changes.append(changed)


@dataclass(frozen=True, kw_only=True)
class LiftStanding(Command):
    """Let a standing end whose time has come. Sent twice, or by two at once, it does so once."""

    player_id: PlayerId

    def handle(self, world: World) -> None:
        if queries.is_over(self.player_id, world.now):
            why = "It was set to end now."
            world.changes.append(change_standing(world, self.player_id, PlayerStanding.CLEAR, reason=why))
