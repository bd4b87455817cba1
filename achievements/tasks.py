"""What the clock does here."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count

from achievements.models import Standing
from gamification.kernel.storage import shares
from progress.tasks import added_up, keep_rarities


def roll_up_rarity(now: datetime) -> int:
    """Count who has each achievement, however often; says of how many achievements.

    It may run twice, or in two processes at once.
    """
    had = Standing.objects.filter(completed_at__isnull=False, revoked_at=None).values_list("achievement_id")
    counts = had.annotate(Count("player_id", distinct=True))
    return keep_rarities("achievement", added_up(shares.each(lambda: dict(counts.all()))), now)
