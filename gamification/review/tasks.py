"""What the clock does here."""

from __future__ import annotations

from datetime import datetime

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.review import queries
from gamification.review.commands import LiftStanding
from gamification.review.opening import WithholdInTurn, weigh_anew

CHUNK = 200
CASES = 500
"""Cases that are weighed anew in one run; where there are more, the next run has the next."""


def lift_standings(now: datetime) -> int:
    """Lift the standings whose time has come, player by player; says how many. May run twice, or in two processes."""
    lifted = 0
    while due := queries.due(now, CHUNK):
        for player_id in due:
            bus.handle(LiftStanding(player_id=player_id), actor=SYSTEM, now=now)
        lifted += len(due)
    return lifted


def weigh_cases(now: datetime) -> int:
    """Give each case whose rewards wait its place in the queue by what waits now; says how many moved. May run twice,
    or in two processes."""
    return weigh_anew(now, CASES)


def withhold_in_turn(now: datetime) -> int:
    """Withhold rewards in the cases that had to wait for it, in the order of the queue, as many as there may be today;
    says how many. May run twice, or in two processes."""
    withheld = 0
    for player_id, case_id in queries.to_withhold(CHUNK):
        withheld += bool(bus.handle(WithholdInTurn(player_id=player_id, case_id=case_id), actor=SYSTEM, now=now))
    return withheld
