"""A daily quest is one a local day: over both changes of the clock, and whoever flips the zone gains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.players.commands import ChangeProfile
from quests.models import Run
from rewards.models import Distribution
from tests.support.content import metric, publish, quest, requirement, reward, step

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def daily() -> None:
    publish(
        metric("kills"),
        reward("coin"),
        quest(
            "daily", step("s", requirement("COUNT", "kills", 1)), auto_start=True, repeat="DAILY", rewards=["coin"],
            type="DAILY",
        ),
    )  # fmt: skip


def move(player: str, zone: str, now: datetime) -> None:
    bus.handle(ChangeProfile(player_id=player, changes={"timezone": zone}), actor=SYSTEM, now=now)


def play(player: str, at: datetime) -> None:
    event = GameEvent(f"{player}{at.timestamp():.0f}", player, "enemy.killed", {}, at)
    assert pipeline.process([event], now=at).accepted == 1


def hours(first: datetime, days: int) -> Iterator[datetime]:
    return (first + n * HOUR for n in range(24 * days))


def completed(player: str) -> list[datetime]:
    """When the runs of the daily were completed; each was paid once."""
    runs = Run.objects.filter(player_id=player, status="COMPLETED").order_by("run")
    assert Distribution.objects.filter(player_id=player, source="QUEST").count() == len(runs)
    return [run.completed_at for run in runs if run.completed_at]


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("change", ["forward", "back"])
def test_one_daily_a_local_day_over_a_change_of_the_clock(zone: str, change: str) -> None:
    daily()
    change_on = {
        ("Pacific/Auckland", "forward"): date(2026, 9, 27),
        ("Pacific/Auckland", "back"): date(2026, 4, 5),
        ("America/Los_Angeles", "forward"): date(2026, 3, 8),
        ("America/Los_Angeles", "back"): date(2026, 11, 1),
    }[zone, change]
    midnight = datetime(change_on.year, change_on.month, change_on.day, tzinfo=ZoneInfo(zone)) - timedelta(days=2)
    first = midnight.astimezone(UTC)
    move("ann", zone, first - timedelta(days=30))
    end = (midnight + timedelta(days=5)).astimezone(UTC)
    for at in hours(first, 6):
        if at < end:
            play("ann", at)
    days = [at.astimezone(ZoneInfo(zone)).date() for at in completed("ann")]
    assert days == [change_on + timedelta(days=n) for n in (-2, -1, 0, 1, 2)]
    started = Run.objects.filter(player_id="ann").order_by("run").values_list("started_at", flat=True)
    assert [at.astimezone(ZoneInfo(zone)).hour for at in started] == [0] * 5


def test_flipping_the_zone_for_a_week_gives_no_daily_more() -> None:
    daily()
    first = datetime(2026, 3, 6, 0, 0, tzinfo=UTC)  # the clocks of Los Angeles change on the 8th
    for player in ("still", "flips"):
        move(player, "America/Los_Angeles", first - timedelta(days=30))
    for n, at in enumerate(hours(first, 7)):
        move("flips", ("Pacific/Auckland", "America/Los_Angeles", "Asia/Tokyo", "UTC")[n % 4], at)
        for player in ("still", "flips"):
            play(player, at)
    assert len(completed("still")) == 8  # a week of 168 hours that begins at 16:00 touches eight of its days
    assert len(completed("flips")) <= 8
    opened = sorted(run.period for run in Run.objects.filter(player_id="flips") if run.period)
    assert all(later - earlier >= timedelta(hours=23) for earlier, later in pairwise(opened))
