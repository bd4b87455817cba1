"""`GET /facts`: the log of facts, for games without a broker."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, GameEvent
from gamification.kernel.messaging import followers, outbox
from gamification.kernel.models import OutboxFact
from gamification.players.erasing import ErasePlayer
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import achievement, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def state(*names: str, player_id: str = "ann", type_: FactType = FactType.REWARD_GRANTED) -> None:
    outbox.put([Fact(name, player_id, type_, {"name": name}, NOW) for name in names], NOW)


def get(url: str = "/api/v1/facts", **query: Any) -> Any:
    response = game_server("facts:read").get(url, query)
    assert response.status_code == 200, response.content
    return response.json()


def read_on(url: str = "/api/v1/facts", **query: Any) -> tuple[list[str], int]:
    """The ids from there to the end, and the `after` to ask with later."""
    found: list[str] = []
    while True:
        page = get(url, **query)
        found += [row["id"] for row in page["results"]]
        if page["next"] is None:
            return found, page["after"]
        url, query = page["next"], {}


def test_what_a_batch_came_to_can_be_read_in_order() -> None:
    publish(metric("kills"), reward("coin"), achievement("hunter", requirement("COUNT", "kills", 1), rewards=["coin"]))
    outcome = pipeline.process([GameEvent("a", "ann", "enemy.killed", {}, NOW)], now=NOW)
    page = get()
    assert [row["id"] for row in page["results"]] == [fact.id for fact in outcome.facts]
    [completed] = [row for row in page["results"] if row["type"] == "achievement.completed"]
    assert completed["player_id"] == "ann"
    assert completed["timestamp"] == "2026-05-01T12:00:00Z"
    assert completed["data"]["id"] == "hunter"
    assert page["previous"] is None


def test_next_ends_where_the_log_does_and_after_goes_on_from_there() -> None:
    first = get()
    assert (first["results"], first["next"]) == ([], None)
    state("a", "b", "c")
    ids, after = read_on(after=first["after"], page_size=2)
    assert ids == ["a", "b", "c"]
    assert read_on(after=after) == ([], after)
    state("d")
    assert read_on(after=after)[0] == ["d"]


def test_types_and_players_can_be_chosen_and_next_goes_on_behind_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamification.kernel.web.facts_view.SEARCH_CHUNK", 3)
    state("a", "b", type_=FactType.LEVEL_REACHED)
    state(*"cdefghijk", player_id="bob")
    state("l", player_id="bob", type_=FactType.LEVEL_REACHED)
    state("m", type_=FactType.QUEST_STARTED)
    begin = OutboxFact.objects.earliest("pk").pk - 1  # PostgreSQL counts on from what other tests have stated
    assert read_on(after=begin, types="level.reached")[0] == ["a", "b", "l"]
    assert read_on(after=begin, types="level.reached,quest.started", player_id="ann")[0] == ["a", "b", "m"]
    assert read_on(after=begin, types="never.stated") == ([], OutboxFact.objects.latest("pk").pk)
    assert "types=level.reached" in get(after=begin, types="level.reached", page_size=1)["next"]


@pytest.mark.postgres
def test_a_fact_that_commits_after_a_later_one_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamification.kernel.web.facts_view.HORIZON_TIMEOUT", 20)
    state("first")
    _, after = read_on()
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO kernel_outboxfact (fact_id, player_id, type, data, timestamp, stated_at)"
                " VALUES ('slow', 'bob', 'heard', '{}', now(), now())"
            )
        state("quick")
        committing = threading.Timer(0.3, other.connection.commit)
        committing.start()
        assert read_on(after=after)[0] == ["slow", "quick"]
        committing.join()
    finally:
        other.close()


def test_what_is_no_longer_kept_is_said(settings: LazySettings) -> None:
    state("a", "b", "c", "d")
    first = OutboxFact.objects.earliest("pk").pk
    settings.FACTS_KEPT = 2
    followers.forget_facts(NOW)
    response = game_server("facts:read").get("/api/v1/facts", {"after": first})
    assert_problem(response, 410, "no_longer_kept", "after")
    assert read_on("/api/v1/facts")[0] == ["c", "d"]


def test_an_erased_player_is_in_no_fact() -> None:
    publish(metric("kills"), achievement("hunter", requirement("COUNT", "kills", 1)))
    pipeline.process([GameEvent("a", id_, "enemy.killed", {}, NOW) for id_ in ("ann", "bob")], now=NOW)
    bus.handle(ErasePlayer(player_id="ann"), now=NOW, actor=SYSTEM)
    page = get()
    assert {row["player_id"] for row in page["results"]} == {"bob"}


@pytest.mark.parametrize(
    ("query", "path"),
    [({"after": "x"}, "after"), ({"after": "-1"}, "after"), ({"types": "A"}, "types"), ({"types": ""}, "types"),
     ({"player_id": "a b"}, "player_id"), ({"page_size": "0"}, "page_size")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(query: dict[str, str], path: str) -> None:
    assert_problem(game_server("facts:read").get("/api/v1/facts", query), 400, "invalid", path)


def test_only_a_key_with_the_scope_may_read_them() -> None:
    assert_problem(game_server("players:read").get("/api/v1/facts"), 403, "missing_scope")
    assert_problem(player("ann").get("/api/v1/facts"), 403, "not_for_players")
