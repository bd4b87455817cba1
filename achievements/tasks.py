"""What the clock does here."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from achievements.models import ProgressMark, Standing
from gamification.kernel.storage import shares
from progress.queries import of_public
from progress.tasks import added_up, keep_rarities


def roll_up_rarity(now: datetime) -> int:
    """Count who has each achievement, however often, and who is at it; says of how many achievements.

    It may run twice, or in two processes at once.
    """
    had = Standing.objects.filter(completed_at__isnull=False, revoked_at=None).values_list("achievement_id")
    of_same = Standing.objects.filter(player_id=OuterRef("player_id"), achievement_id=OuterRef("achievement_id"))
    begun = ProgressMark.objects.exclude(Exists(of_same.filter(completed_at__isnull=False)))
    both = [
        of_public(rows).annotate(Count("player_id", distinct=True))
        for rows in (had, begun.values_list("achievement_id"))
    ]
    holders, in_progress = (added_up(shares.each(partial(_counted, rows))) for rows in both)
    return keep_rarities("achievement", holders, in_progress, now)


def _counted(rows: QuerySet[Any]) -> dict[str, int]:
    return dict(rows.all())
