"""What tests of the pipeline do and look at again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from achievements.models import Standing
from gamification import pipeline
from gamification.kernel.core.messages import GameEvent, Outcome
from progress.models import Tally
from tests.support.content import NOON, event, live_in

DAY = 86_400
MINUTE = {"duration": 1, "unit": "minutes"}


def process(*batch: GameEvent, now: datetime = NOON) -> Outcome:
    return pipeline.process(batch, now=now)


def completed(player: str = "ann") -> list[tuple[str, str, int]]:
    """(achievement, occurrence, seconds after noon), by time and name."""
    rows = Standing.objects.filter(player_id=player, completed_at__isnull=False)
    found = rows.order_by("completed_at", "achievement_id", "occurrence").values_list(
        "achievement_id", "occurrence", "completed_at"
    )
    return [(id_, occurrence, round((at - NOON).total_seconds())) for id_, occurrence, at in found if at is not None]


def count(metric_id: str = "kills", player: str = "ann", scope: str = "") -> int:
    return sum(Tally.objects.filter(player_id=player, metric_id=metric_id, scope=scope).values_list("count", flat=True))


def kills(n: int, *, since: int = 0, step: int = 1, name: str = "e") -> list[GameEvent]:
    return [event(f"{name}{i:02}", at=since + i * step) for i in range(n)]


@contextmanager
def undone(zone: str) -> Iterator[None]:
    """A deployment in that zone; everything in it is undone at the end."""
    with transaction.atomic():
        live_in(zone)
        yield
        transaction.set_rollback(True)
