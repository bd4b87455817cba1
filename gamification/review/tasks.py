"""What the clock does here."""

from __future__ import annotations

from datetime import datetime

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.review import queries
from gamification.review.commands import LiftStanding

CHUNK = 200


def lift_standings(now: datetime) -> int:
    """Lift the standings whose time has come, player by player; says how many. May run twice, or in two processes."""
    lifted = 0
    while due := queries.due(now, CHUNK):
        for player_id in due:
            bus.handle(LiftStanding(player_id=player_id), actor=SYSTEM, now=now)
        lifted += len(due)
    return lifted
