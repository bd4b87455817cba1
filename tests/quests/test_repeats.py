"""A quest that was completed in a period is not started in it again, whatever its period was when it began."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from quests.commands import AlreadyCompleted, StartQuest
from tests.support.content import NOON, event, metric, publish, quest, requirement, step

pytestmark = pytest.mark.django_db

DAY = 86_400
MONDAY = -4 * DAY  # before NOON, a Friday


def hunt(repeat: str) -> Change:
    return quest("q", step("kill", requirement("COUNT", "kills", 1)), repeat=repeat)


def start(at: float) -> None:
    bus.handle(StartQuest(player_id="ann", quest_id="q"), actor=SYSTEM, now=NOON + timedelta(seconds=at))


def kill(at: float) -> None:
    pipeline.process([event(f"e{at:g}", at=at)], now=NOON + timedelta(seconds=at))


@pytest.mark.parametrize("before", ["NEVER", "ALWAYS", "WEEKLY", "MONTHLY"])
def test_from_longer_periods_to_days_the_day_of_completion_counts(before: str) -> None:
    publish(metric("kills"), hunt(before))
    start(MONDAY)
    kill(MONDAY + DAY)
    publish(hunt("DAILY"))
    with pytest.raises(AlreadyCompleted):
        start(MONDAY + DAY + 60)
    start(MONDAY + 2 * DAY)


@pytest.mark.parametrize("before", ["NEVER", "ALWAYS", "DAILY"])
def test_from_days_to_weeks_the_week_of_completion_counts(before: str) -> None:
    publish(metric("kills"), hunt(before))
    start(MONDAY + DAY)
    kill(MONDAY + DAY + 60)
    publish(hunt("WEEKLY"))
    with pytest.raises(AlreadyCompleted):
        start(MONDAY + 5 * DAY)
    start(MONDAY + 7 * DAY)
