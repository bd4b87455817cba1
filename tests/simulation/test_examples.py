"""Examples: what designers say that events come to is run whenever something is published that it depends on."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from gamification.kernel.models import Version
from gamification.simulation import examples
from tests.support import game
from tests.support.callers import assert_problem, game_server, player

pytestmark = pytest.mark.django_db

API = "/api/v1"
TWO = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2}


def kills(*at: float, **data: Any) -> list[dict[str, Any]]:
    return [{"type": "enemy.killed", "at": each, "data": data} for each in at]


def example(events: list[dict[str, Any]], *expect: tuple[str, str], name: str = "it does") -> dict[str, Any]:
    return {"name": name, "events": events, "expect": [{"type": type_, "id": id_} for type_, id_ in expect]}


DONE = ("achievement.completed", "two")


@pytest.fixture
def studio() -> APIClient:
    server = game_server()
    game.send(server, "metrics", {"id": "kills", "event_type": "enemy.killed"})
    game.send(server, "rewards", {"id": "coins", "type": "CURRENCY", "value": 5, "currency": "gold", "claim": "AUTO"})
    return server


def two(studio: APIClient, *said: dict[str, Any], **fields: Any) -> Any:
    body = {"id": "two", "title": "Two", "requirements": [TWO], "rewards": ["coins"], "examples": list(said), **fields}
    return studio.post(f"{API}/achievements", body)


def test_what_does_what_its_examples_say_is_published(studio: APIClient) -> None:
    answer = two(
        studio,
        example(kills(0, 60), DONE, ("reward.claimed", "coins"), name="two are enough"),
        example(kills(0), name="one is not"),
    )
    assert answer.status_code == 201, answer.content
    [said, _] = answer.json()["examples"]
    assert said["events"][0] == {"id": None, "type": "enemy.killed", "data": {}, "at": 0}


@pytest.mark.parametrize(
    ("said", "difference"),
    [
        (example(kills(0), DONE), "achievement.completed two was expected once and came not at all"),
        (example(kills(0, 60)), "achievement.completed two was expected not at all and came once"),
        (
            example(kills(0, 60), DONE, ("reward.claimed", "x")),
            "reward.claimed x was expected once and came not at all",
        ),
    ],
)
def test_what_does_not_is_refused_with_the_difference(studio: APIClient, said: Any, difference: str) -> None:
    refused = two(studio, example(kills(0, 60), DONE), said)
    assert_problem(refused, 400, "example_failed", "examples[1]")
    [error] = refused.json()["errors"]
    assert (error["code"], error["detail"]) == ("example_failed", f"it does: {difference}")
    assert not Version.objects.filter(kind="achievement").exists()


def test_a_draft_may_say_what_it_does_not_do_yet(studio: APIClient) -> None:
    assert two(studio, example(kills(0), DONE), draft=True).status_code == 201
    assert_problem(studio.post(f"{API}/achievements/two/publish", {}), 400, "example_failed", "examples[0]")
    assert studio.patch(f"{API}/achievements/two", {"examples": []}).status_code == 200


def test_the_examples_of_what_depends_on_a_change_are_run_too(studio: APIClient) -> None:
    two(studio)
    after = {"id": "after", "title": "After", "requirements": [{"type": "ACHIEVEMENT", "target": "two"}]}
    done = example(kills(0, 60), ("achievement.completed", "after"))
    assert studio.post(f"{API}/achievements", {**after, "examples": [done]}).status_code == 201
    game.send(studio, "metrics", {"id": "honours", "event_type": "achievement.completed"})
    honoured = {"id": "honoured", "title": "H", "requirements": [{**TWO, "metric": "honours"}]}
    done = example(kills(0, 60), ("achievement.completed", "honoured"))
    assert studio.post(f"{API}/achievements", {**honoured, "examples": [done]}).status_code == 201
    refused = studio.patch(f"{API}/achievements/two", {"requirements": [{**TWO, "threshold": 3}]})
    assert_problem(
        refused, 400, "example_failed", "achievements[after].examples[0]", "achievements[honoured].examples[0]"
    )
    assert studio.patch(f"{API}/achievements/two", {"title": "The two"}).status_code == 200


def test_each_event_of_an_example_comes_at_its_time(studio: APIClient) -> None:
    day = 86_400
    daily = {"id": "daily", "title": "Daily", "requirements": [{**TWO, "threshold": 1}], "repeat": "DAILY"}
    thrice = [("achievement.completed", "daily")] * 3
    body = {**daily, "examples": [example(kills(0, day - 1, day, 2 * day), *thrice)]}
    assert studio.post(f"{API}/achievements", body).status_code == 201
    windows = {
        "id": "summer", "title": "S", "requirements": [TWO],
        "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2026-07-01T00:00:00Z",
        "examples": [example(kills(0, 60), ("achievement.completed", "summer"))],
    }  # fmt: skip
    assert studio.post(f"{API}/achievements", windows).status_code == 201


def test_a_quest_is_started_and_runs_out_of_time(studio: APIClient) -> None:
    step = {"id": "one", "title": "One", "requirements": [TWO]}
    quest = {"id": "hunt", "title": "Hunt", "steps": [step], "time_limit": 100}
    said = [
        example(kills(0, 60), ("quest.completed", "hunt"), name="in time"),
        example(kills(0, 160), ("quest.expired", "hunt"), name="too late"),
        example(kills(0), ("quest.started", "hunt"), name="it starts"),
    ]
    assert studio.post(f"{API}/quests", {**quest, "examples": said}).status_code == 201
    again = {
        **quest,
        "id": "again",
        "auto_start": True,
        "examples": [example(kills(0, 60), ("quest.completed", "again"))],
    }
    assert studio.post(f"{API}/quests", again).status_code == 201
    refused = studio.patch(f"{API}/quests/hunt", {"time_limit": 30})
    assert_problem(refused, 400, "example_failed", "examples[0]")


def test_an_example_leaves_nothing_behind(studio: APIClient) -> None:
    before = game.counts()
    two(studio, example(kills(0, 60), DONE), draft=True)
    studio.post(f"{API}/achievements/two/publish", {})
    changed = {name for name, n in game.counts().items() if n != before[name]}
    assert not {name for name in changed if "player" in name or "standing" in name or "transfer" in name}


def test_players_see_no_examples(studio: APIClient) -> None:
    two(studio, example(kills(0, 60), DONE))
    assert player("ann").get(f"{API}/achievements/two").json()["examples"] == []
    assert studio.get(f"{API}/achievements/two").json()["examples"]


def test_all_of_them_have_their_time(studio: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "SECONDS", -1.0)
    refused = two(studio, example(kills(0, 60), DONE))
    assert_problem(refused, 400, "example_failed", "examples[0]")
    assert refused.json()["errors"][0]["code"] == "took_too_long"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"name": "n", "events": [{"type": "Enemy", "at": 0}]}, "examples[0].events[0].type"),
        ({"name": "n", "events": [{"type": "a"}]}, "examples[0].events[0].at"),
        ({"name": "n", "events": [{"type": "a", "at": -1}]}, "examples[0].events[0].at"),
        ({"name": "n", "events": [{"type": "quest.completed", "at": 0}]}, "examples[0].events[0].type"),
        ({"name": "n", "events": [{"type": "a", "at": 0, "timestamp": "x"}]}, "examples[0].events[0].timestamp"),
        ({"name": "n", "expect": [{"type": "enemy.killed", "id": "x"}]}, "examples[0].expect[0].type"),
        ({"events": []}, "examples[0].name"),
    ],
)
def test_an_example_is_read_strictly(studio: APIClient, said: Any, path: str) -> None:
    assert_problem(two(studio, said), 400, "invalid", path)


def test_there_are_twenty_at_most(studio: APIClient) -> None:
    assert_problem(two(studio, *[example([])] * 21), 400, "invalid", "examples")
