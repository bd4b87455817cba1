"""What players say of themselves: recent, under ids of their own, and only what they may report."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from gamification.kernel.models import Event, IdempotencyKey
from progress.models import Tally
from rewards.models import Wallet
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db
REPORT = "/api/v1/achievements/walker/progress"


@pytest.fixture(autouse=True)
def noon() -> Any:
    publish(
        metric("steps", "walked", reported_by="PLAYER"),
        reward("gem"),
        achievement("walker", requirement("COUNT", "steps", 1), repeat="DAILY", rewards=["gem"]),
    )
    with time_machine.travel(NOON, tick=False):
        yield


def report(client: Any, at: datetime | None = None, key: str | None = None, **body: Any) -> Any:
    said = {"metrics": {"steps": 1}, **body} | ({"timestamp": at.isoformat()} if at else {})
    return client.post(REPORT, said, format="json", headers={"Idempotency-Key": key} if key else {})


def test_a_player_fills_no_past_days() -> None:
    ann = player("ann")
    for days in range(1, 41):
        assert_problem(report(ann, NOON - timedelta(days=days)), 400, "too_old", "timestamp")
    assert not Wallet.objects.exists()
    assert not Event.objects.exists()
    assert report(game_server(), NOON - timedelta(days=1), player_id="ann").status_code == 200
    assert Wallet.objects.get().balance == 5


def test_a_players_report_may_be_as_old_as_the_setting_says(settings: Any) -> None:
    ann = player("ann")
    assert report(ann, NOON - timedelta(seconds=300)).status_code == 200
    assert_problem(report(ann, NOON - timedelta(seconds=300, microseconds=1)), 400, "too_old", "timestamp")
    settings.PLAYER_REPORT_WINDOW = 10
    assert_problem(report(ann, NOON - timedelta(seconds=11)), 400, "too_old", "timestamp")
    assert report(ann).status_code == 200
    assert_problem(report(ann, NOON + timedelta(minutes=6)), 400, "from_the_future", "timestamp")


def test_a_players_key_takes_no_id_from_the_game() -> None:
    report(player("ann"), key="match-77-penalty")
    sent = {"id": "match-77-penalty", "player_id": "ann", "type": "goal.scored", "data": {}}
    sent["timestamp"] = NOON.isoformat()
    answer = game_server().post("/api/v1/events", sent, format="json", headers={"Prefer": "wait"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    ids = Event.objects.filter(type="metrics.reported").values_list("event_id", flat=True)
    assert [(id_[:2], len(id_)) for id_ in ids] == [("~p", 42)]


def test_a_players_key_counts_once_even_when_the_first_answer_is_forgotten() -> None:
    ann, at = player("ann"), datetime(2026, 11, 20, 12, tzinfo=UTC)
    first = report(ann, at, key="walk-1")
    assert report(ann, at, key="walk-1").json() == first.json()
    IdempotencyKey.objects.all().delete()
    assert report(ann, at, key="walk-1").status_code == 200
    assert Tally.objects.get(scope="").count == 1
    IdempotencyKey.objects.all().delete()
    assert_problem(report(ann, at, key="walk-1", metrics={"steps": 2}), 409, "id_reused")
    report(player("bob"), at, key="walk-1")
    assert Tally.objects.get(player_id="bob", scope="").count == 1


def test_a_players_key_is_no_event_id_and_may_be_as_long_as_any_key() -> None:
    assert report(player("ann"), key="~" * 255).status_code == 200
    assert_problem(report(game_server(), key="~x", player_id="ann"), 400, "invalid", "Idempotency-Key")


def test_a_game_servers_key_is_the_events_id() -> None:
    report(game_server(), key="round-1", player_id="ann")
    assert Event.objects.filter(player_id="ann", event_id="round-1").exists()


def test_reports_without_a_key_each_count() -> None:
    ann = player("ann")
    report(ann)
    report(ann)
    assert Tally.objects.get(scope="").count == 2
