"""A game server says when a quest was started, if it tells of it a little later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Refused
from quests.commands import StartQuest
from quests.models import Run
from quests.running import Status
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, event, metric, publish, quest, requirement, step

pytestmark = pytest.mark.django_db

KILL = step("kill", requirements=[requirement("COUNT", "kills", 1)])


def start(before: float, now: float = 0) -> Any:
    moment = NOON + timedelta(seconds=now)
    wish = StartQuest(player_id="ann", quest_id="q", at=moment - timedelta(seconds=before))
    return bus.handle(wish, actor=SYSTEM, now=moment)


def kill(name: str, at: float) -> None:
    pipeline.process([event(name, at=at)], now=NOON + timedelta(seconds=10))


@pytest.fixture(autouse=True)
def content(db: None) -> None:
    publish(metric("kills", "enemy.killed"), quest("q", KILL, repeat="ALWAYS", time_limit=600))


def test_what_arrives_later_counts_from_then_on_and_what_was_processed_does_not() -> None:
    kill("known", -30)
    start(60)
    run = Run.objects.get()
    assert (run.started_at, run.deadline) == (NOON - timedelta(seconds=60), NOON + timedelta(seconds=540))
    kill("too-early", -61)
    assert Run.objects.get().status == Status.IN_PROGRESS
    kill("late", -30.5)
    assert Run.objects.get().status == Status.COMPLETED


@pytest.mark.parametrize(
    ("before", "code"), [(300.000001, "too_old"), (-0.000001, "from_the_future")], ids=["too-old", "from-the-future"]
)
def test_it_was_at_most_five_minutes_ago_and_is_not_to_come(before: float, code: str) -> None:
    with pytest.raises(Refused) as refused:
        start(before)
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert not Run.objects.exists()
    start(300)


def test_no_run_begins_before_the_last_was_over() -> None:
    start(0)
    kill("first", 5)  # completes it, at that time
    with pytest.raises(Refused) as refused:
        start(6, now=10)
    assert refused.value.code == "already_in_progress"
    start(5, now=10)
    assert Run.objects.count() == 2


def test_over_http_it_is_a_game_servers_word_and_no_players() -> None:
    url = "/api/v1/quests/q/start"
    with time_machine.travel(NOON, tick=False):
        said = {"player_id": "ann", "timestamp": "2026-11-20T11:59:00Z"}
        assert_problem(player("ann").post(url, said, format="json"), 403, "not_for_players")
        old = said | {"timestamp": "2026-11-20T11:54:59Z"}
        assert_problem(game_server("players:write").post(url, old, format="json"), 400, "too_old", "timestamp")
        answer = game_server("players:write").post(url, said, format="json")
    assert (answer.status_code, answer.json()["started_at"]) == (200, said["timestamp"])
