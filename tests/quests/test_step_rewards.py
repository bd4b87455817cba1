"""What the steps of a quest pay, however often it is begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command
from quests.commands import AbandonQuest, CompleteStep, MoveRuns, StartQuest
from quests.models import Run
from rewards.commands import RevokeDistribution
from rewards.models import Distribution, Wallet
from tests.support.content import NOON, event, metric, publish, quest, requirement, reward, step

pytestmark = pytest.mark.django_db

DAY = 86_400
MINE: dict[str, Any] = {"player_id": "ann", "quest_id": "q"}
HELLO = step("hello", rewards=["coin"], completed_by="PLAYER")
LAST = step("last", order=2)


def wish(command: Command, at: float = 0) -> Any:
    return bus.handle(command, actor=SYSTEM, now=NOON + timedelta(seconds=at))


def say_hello(at: float = 0) -> None:
    wish(StartQuest(**MINE), at)
    wish(CompleteStep(**MINE, step_id="hello", by_player=True), at)


def abandon(at: float = 0) -> None:
    wish(AbandonQuest(**MINE), at)


def gold() -> int:
    return sum(Wallet.objects.values_list("balance", flat=True))


def test_a_quest_that_never_repeats_pays_its_steps_once_however_often_it_is_begun() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST))
    for _ in range(20):
        say_hello()
        abandon()
    assert gold() == 5
    given = Distribution.objects.get()
    assert (given.source, given.source_id, given.occurrence) == ("QUEST_STEP", "q/hello", "0")


@pytest.mark.parametrize("end", [{"time_limit": 60}, {"fail_conditions": [requirement("COUNT", "deaths", 1)]}])
def test_nor_does_failing_or_expiring_pay_them_again(end: dict[str, Any]) -> None:
    publish(reward("coin"), metric("deaths", "died"), quest("q", HELLO, LAST, **end))
    for at in (0, 100, 200):
        say_hello(at)
        now = NOON + timedelta(seconds=at + 70)
        pipeline.process([event(f"d{at}", type_="died", at=at + 70)], now=now)
    assert gold() == 5


def test_a_step_that_no_earlier_run_reached_pays_in_a_later_one() -> None:
    publish(reward("coin"), quest("q", HELLO, step("last", order=2, rewards=["coin", "coin"])))
    say_hello()
    abandon()
    wish(StartQuest(**MINE))
    abandon()
    say_hello()
    wish(CompleteStep(**MINE, step_id="last"))
    assert gold() == 15


def test_what_was_revoked_is_not_given_anew() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST))
    say_hello()
    wish(RevokeDistribution(distribution_id=Distribution.objects.get().pk, reason="cheated"))
    abandon()
    say_hello()
    assert gold() == 0
    assert Distribution.objects.get().status == "REVOKED"


def test_a_newer_version_pays_no_step_again_that_an_older_one_paid() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST))
    say_hello()
    publish(quest("q", step("hello", rewards=["coin", "coin"], completed_by="PLAYER"), LAST))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]))
    abandon()
    say_hello()
    assert gold() == 5


def test_nor_does_another_way_to_repeat_pay_it_again() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST))
    say_hello()
    abandon()
    publish(quest("q", HELLO, LAST, repeat="DAILY"))
    say_hello(DAY)
    assert gold() == 10
    abandon(DAY)
    publish(quest("q", HELLO, LAST))
    for day in (2, 3):
        say_hello(day * DAY)
        abandon(day * DAY)
    assert gold() == 10


def test_a_daily_quest_pays_its_steps_once_a_day() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST, repeat="DAILY"))
    for day in (0, 1):
        for second in range(3):
            say_hello(day * DAY + second)
            abandon(day * DAY + second)
        assert gold() == 5 * (day + 1)
    assert list(Distribution.objects.order_by("created_at").values_list("occurrence", flat=True)) == ["1", "4"]


def test_a_run_that_did_not_come_so_far_or_was_moved_forgets_nothing_of_that() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST, repeat="DAILY"))
    say_hello()
    abandon()
    wish(StartQuest(**MINE))
    abandon()
    wish(StartQuest(**MINE))
    publish(quest("q", HELLO, LAST, step("more", order=3), repeat="DAILY"))
    assert wish(MoveRuns(quest_id="q", player_ids=["ann"])) == 1
    wish(CompleteStep(**MINE, step_id="hello"))
    assert gold() == 5
    assert Run.objects.count() == 3


def test_a_quest_that_repeats_always_pays_each_run() -> None:
    publish(reward("coin"), quest("q", HELLO, LAST, repeat="ALWAYS"))
    for _ in range(3):
        say_hello()
        wish(CompleteStep(**MINE, step_id="last"))
    assert gold() == 15
