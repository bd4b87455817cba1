"""What may be asked about quests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import shares
from quests.models import Run
from quests.rules import QuestRules
from quests.running import Status


def runs_on_older_versions(quest_id: str, version: int) -> int:
    """How many open runs of a quest are still on an older version than this one."""
    older = Run.objects.filter(quest_id=quest_id, status=Status.IN_PROGRESS, version__lt=version)
    return sum(shares.each(older.count))


def open_runs(quest_id: str, version: int) -> int:
    """How many players are on one version of a quest."""
    mine = Run.objects.filter(quest_id=quest_id, status=Status.IN_PROGRESS, version=version)
    return sum(shares.each(mine.count))


def overdue(before: datetime, most: int) -> Sequence[PlayerId]:
    """Players of the share that is named with an open run whose deadline has passed."""
    late = Run.objects.filter(status=Status.IN_PROGRESS, deadline__lt=before).order_by("deadline")
    return list(dict.fromkeys(late.values_list("player_id", flat=True)[:most]))


def on_older_versions(quest_id: str, after: PlayerId, most: int) -> Sequence[PlayerId]:
    """Players of the share that is named, by id, beyond `after`, whose open run of a quest in play is not on its newest
    version."""
    quest = publishing.current()[QuestRules].by_id.get(quest_id)
    if quest is None:
        return []
    behind = Run.objects.filter(quest_id=quest_id, status=Status.IN_PROGRESS, version__lt=quest.version)
    return list(behind.filter(player_id__gt=after).order_by("player_id").values_list("player_id", flat=True)[:most])
