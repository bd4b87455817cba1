"""Quests under changes of zone, and what they add up: as achievements do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.players.commands import ChangeProfile
from progress import zones
from quests.commands import StartQuest
from quests.models import Run
from rewards.models import Wallet
from tests.support.content import event, live_in, metric, publish, quest, requirement, reward, step

pytestmark = pytest.mark.django_db

AUCKLAND, MONDAY = "Pacific/Auckland", datetime(2026, 11, 16, tzinfo=UTC)


def play(hour: float, **data: Any) -> None:
    at = MONDAY + timedelta(hours=hour)
    one = event(f"e{hour}", type_="login", **data)
    one.timestamp = at
    pipeline.process([one], now=at)


def own_zone(name: str, at: datetime) -> None:
    bus.handle(ChangeProfile(player_id="ann", changes={"timezone": name}), actor=SYSTEM, now=at)


@pytest.mark.parametrize("change", [zones.record, own_zone], ids=["the deployment's", "the player's"])
def test_flipping_a_zone_farms_no_daily_quest(change: Callable[[str, datetime], None]) -> None:
    live_in("UTC")
    once = requirement("COUNT", "logins", 1)
    publish(
        metric("logins", "login"),
        reward("coin"),
        quest("daily", step("one", once), repeat="DAILY", auto_start=True, rewards=["coin"]),
    )
    for hour in range(48):
        play(hour)
        change((AUCKLAND, "UTC")[hour % 2], MONDAY + timedelta(hours=hour))
    assert Wallet.objects.get().balance == 2 * 5


def test_days_in_a_row_go_on_in_a_quest_through_a_move() -> None:
    live_in("UTC")
    publish(metric("logins", "login"), quest("row", step("six", requirement("STREAK", "logins", 6))))
    bus.handle(StartQuest(player_id="ann", quest_id="row"), actor=SYSTEM, now=MONDAY)
    for day in range(5):
        play(24 * day + 23)
    zones.record("Europe/Berlin", MONDAY + timedelta(hours=4 * 24 + 23.5))
    assert Run.objects.get().status == "IN_PROGRESS"
    play(5 * 24 + 23.5)
    assert Run.objects.get().status == "COMPLETED"


def test_ten_tenths_complete_a_step_and_fail_a_run_at_the_tenth() -> None:
    ten = requirement("SUM", "gold", 1)
    publish(
        metric("gold", "login", value_field="gold"),
        quest("earn", step("one", ten)),
        quest("spare", step("many", requirement("COUNT", "gold", 99)), fail_conditions=[ten]),
    )
    for id_ in ("earn", "spare"):
        bus.handle(StartQuest(player_id="ann", quest_id=id_), actor=SYSTEM, now=MONDAY)
    for hour in range(1, 10):
        play(hour, gold=0.1)
    assert set(Run.objects.values_list("status", flat=True)) == {"IN_PROGRESS"}
    play(10, gold=0.1)
    ended = set(Run.objects.values_list("quest_id", "status", "ended_at"))
    assert ended == {
        ("earn", "COMPLETED", MONDAY + timedelta(hours=10)),
        ("spare", "FAILED", MONDAY + timedelta(hours=10)),
    }


def test_a_window_may_ask_for_more_samples_than_a_run_keeps_one_by_one() -> None:
    many = requirement("COUNT", "logins", 2_500, timeframe={"duration": 1, "unit": "hours"})
    publish(metric("logins", "login"), quest("rush", step("many", many)))
    bus.handle(StartQuest(player_id="ann", quest_id="rush"), actor=SYSTEM, now=MONDAY)
    batch = [event(f"e{n:04}", type_="login") for n in range(2_600)]
    for n, one in enumerate(batch):
        one.timestamp = MONDAY + timedelta(seconds=1 + n)
    for first in range(0, 2_600, 500):
        pipeline.process(batch[first : first + 500], now=MONDAY + timedelta(hours=1))
    assert Run.objects.get().status == "COMPLETED"
