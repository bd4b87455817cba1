"""What takes many transactions: what the clock does here, and moving runs."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Count, QuerySet

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.storage import shares
from progress.queries import of_public
from progress.tasks import added_up, keep_rarities
from quests import queries
from quests.commands import ExpireRuns, MoveRuns
from quests.models import Run
from quests.running import Status
from quests.runs import late_grace

CHUNK = 200
"""Players in one transaction: they are locked for as long as it lasts."""


def expire_runs(now: datetime) -> int:
    """Close the runs that are past their deadline, some players at a time; says of how many players.

    It may run twice, or in two processes at once.
    """
    looked_at = 0
    while chunk := queries.overdue(now - late_grace(), CHUNK):
        bus.handle(ExpireRuns(player_ids=chunk), actor=SYSTEM, now=now)
        looked_at += len(chunk)
    return looked_at


def move_runs(quest_id: str, now: datetime, *, actor: Actor) -> int:
    """Put the open runs of a quest on its newest version, where the steps they have done still exist; says how many
    were moved. Some players at a time.
    """
    moved = 0
    for share in shares.every():
        after = ""
        with shares.within(share):
            while chunk := queries.on_older_versions(quest_id, after, CHUNK):
                moved += bus.handle(MoveRuns(quest_id=quest_id, player_ids=chunk), actor=actor, now=now)
                after = chunk[-1]
    return moved


def roll_up_rarity(now: datetime) -> int:
    """Count who has completed each quest, however often, and who is in it; says of how many quests.

    It may run twice, or in two processes at once.
    """
    done = Run.objects.filter(status=Status.COMPLETED).values_list("quest_id")
    open_ = Run.objects.filter(status=Status.IN_PROGRESS).values_list("quest_id")
    both = [of_public(rows).annotate(Count("player_id", distinct=True)) for rows in (done, open_)]
    holders, in_progress = (added_up(shares.each(partial(_counted, rows))) for rows in both)
    return keep_rarities("quest", holders, in_progress, now)


def _counted(rows: QuerySet[Any]) -> dict[str, int]:
    return dict(rows.all())
