"""What the clock does for rewards: it expires those that nobody claimed in time."""

from __future__ import annotations

from datetime import datetime

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from rewards import queries
from rewards.commands import ExpireRewards

CHUNK = 200
"""Distributions expired in one transaction: their players are locked for as long as it lasts."""


def expire_rewards(now: datetime) -> int:
    """Expire all that is due, a chunk at a time; says how many. May run twice, or in two processes at once."""
    expired = 0
    while chunk := queries.due(now, CHUNK):
        expired += bus.handle(ExpireRewards(due=chunk), actor=SYSTEM, now=now)
    return expired
