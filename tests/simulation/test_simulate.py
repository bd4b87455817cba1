"""Trying events over HTTP: what comes of them is said, and nothing of it happens."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from anticheat.models import Rule
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import Event
from gamification.simulation import admission, deadline
from gamification.simulation.simulating import Simulation, simulate
from progress.models import Metric
from tests.support import game
from tests.support.callers import assert_problem, game_server, player

pytestmark = pytest.mark.django_db

KILL = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2}


@pytest.fixture
def server() -> APIClient:
    studio = game_server()
    make(studio, "metrics", id="kills", event_type="enemy.killed")
    make(
        studio,
        "metrics",
        id="bow_kills",
        event_type="enemy.killed",
        value_field="damage",
        conditions=[{"field": "weapon", "op": "eq", "value": "bow"}],
    )
    make(studio, "rewards", id="coins", type="CURRENCY", value=5, currency="gold", claim="AUTO")
    make(studio, "rewards", id="wisdom", type="XP", value=100, claim="AUTO")
    make(studio, "rewards", id="chest", type="ITEM", items=[{"id": "axe", "type": "tool", "quantity": 3}])
    make(studio, "levels", level=1, xp=0)
    make(studio, "levels", level=2, xp=100, rewards=["coins"])
    make(studio, "achievements", id="two", title="Two", requirements=[KILL], rewards=["coins", "wisdom", "chest"])
    return studio


def make(studio: APIClient, plural: str, **definition: Any) -> None:
    game.send(studio, plural, definition)


def kill(id_: str, ago: float = 60, **data: Any) -> dict[str, Any]:
    at = instant(timezone.now() - timedelta(seconds=ago))
    return {"id": id_, "type": "enemy.killed", "data": data, "timestamp": at}


def tried(studio: APIClient, *events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = studio.post("/api/v1/simulate", {"events": list(events), **fields})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def sent(studio: APIClient, player_id: str, *events: dict[str, Any]) -> None:
    body = {"events": [{**event, "player_id": player_id} for event in events]}
    assert studio.post("/api/v1/events", body).status_code == 200


def completed(facts: list[dict[str, Any]]) -> list[str]:
    return [fact["data"]["id"] for fact in facts if fact["type"] == "achievement.completed"]


def test_a_player_nobody_has_seen_goes_from_nothing_to_what_the_events_bring(server: APIClient) -> None:
    answer = tried(server, kill("a", 60), kill("b", 50))
    result = answer["results"]["~nobody"]
    assert completed(result["facts"]) == ["two"]
    assert result["metrics"]["kills"]["count"] == 2
    assert result["held"] == []
    before, after = answer["before"], answer["after"]
    assert (before["metrics"], before["wallet"], before["inventory"]) == ([], [], [])
    assert before["statistics"] == {
        "points": 0, "xp": 0, "level": 1, "achievements_completed": 0, "quests_completed": 0
    }  # fmt: skip
    assert [row["state"] for row in before["achievements"]] == ["LOCKED"]
    assert after["wallet"] == [{"currency": "gold", "balance": 10, "debt": 0}]
    assert after["inventory"] == []  # the chest waits to be claimed
    assert after["statistics"]["level"] == 2
    assert [row["state"] for row in after["achievements"]] == ["COMPLETED"]
    assert [row["metric"] for row in after["metrics"]] == ["kills"]


def test_each_step_says_what_its_event_counted_moved_and_brought(server: APIClient) -> None:
    answer = tried(server, kill("b", 50), kill("a", 60, weapon="axe"))
    first, second = answer["steps"]
    assert (first["event_id"], second["event_id"]) == ("a", "b")  # in the order in which they count
    assert first["samples"] == [{"metric": "kills", "value": 1, "member": None}]
    assert first["not_counted"] == {
        "bow_kills": {"failed": "condition", "field": "weapon", "op": "eq", "value": "bow", "found": "axe"}
    }
    moved = {
        "kind": "achievement", "id": "two", "step": None, "path": "requirements[0]", "index": 0,
        "before": 0, "after": 1, "met": False,
    }  # fmt: skip
    assert first["requirements"] == [moved]
    assert second["requirements"] == [{**moved, "before": 1, "after": 2, "met": True}]
    assert first["facts"] == []
    assert [fact["type"] for fact in second["facts"]] == [
        "achievement.completed", "reward.granted", "reward.claimed", "reward.granted", "reward.claimed",
        "level.reached", "reward.granted", "reward.claimed", "reward.granted",
    ]  # fmt: skip


def test_an_event_without_a_number_names_the_field(server: APIClient) -> None:
    [step] = tried(server, kill("a", weapon="bow", damage="much"))["steps"]
    assert step["not_counted"] == {"bow_kills": {"failed": "value_field", "field": "damage", "found": "much"}}


def test_a_player_goes_on_from_what_they_have(server: APIClient) -> None:
    sent(server, "ann", kill("a"))
    answer = tried(server, kill("b", 30), player_id="ann")
    assert answer["results"].keys() == {"ann"}
    assert completed(answer["results"]["ann"]["facts"]) == ["two"]
    assert [row["count"] for row in answer["before"]["metrics"]] == [1]
    assert [row["count"] for row in answer["after"]["metrics"]] == [2]


def test_nothing_is_written_and_nobody_is_told(server: APIClient) -> None:
    sent(server, "ann", kill("a"))
    before = game.contents()
    tried(server, kill("b", 30), kill("c", 20), player_id="ann", drafts="all")
    tried(server, kill("b", 30), kill("c", 20))
    tried(server, kill("b", 30), player_id="bob")
    assert game.contents() == before


def test_the_database_refuses_to_write_meanwhile(server: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(server, "ann", kill("a"))

    def write(*_: Any) -> Any:
        Event.objects.all().delete()

    monkeypatch.setattr("gamification.simulation.simulating.admit", write)
    with pytest.raises(DatabaseError, match="read"):
        simulate(Simulation(player_id="ann", events=[], now=timezone.now(), drafts="none"))
    assert Event.objects.exists()
    sent(server, "ann", kill("b"))  # afterwards it writes as ever


def test_what_the_player_has_sent_already_does_not_count_again(server: APIClient) -> None:
    event = kill("a")
    sent(server, "ann", event)
    again, reused = tried(server, event, kill("a", 10, weapon="bow"), player_id="ann")["steps"]
    assert again["duplicate"] is True
    assert reused["rejected"]["code"] == "id_reused"
    assert again["samples"] == reused["samples"] == []


def test_an_event_that_a_rule_would_hold_is_shown_as_held(server: APIClient) -> None:
    Metric.objects.get_or_create(pk="kills")
    Rule.objects.create(name="slowly", kind="MAX_PER_WINDOW", metric_id="kills", maximum=1, seconds=3600)
    answer = tried(server, kill("a", 60), kill("b", 50))
    assert answer["results"]["~nobody"]["held"] == ["b"]
    assert "held" not in answer["steps"][0]
    assert answer["steps"][1]["held"] == "slowly"
    assert answer["steps"][1]["requirements"] == []


def test_a_banned_player_is_shown_as_one_whose_events_are_held(server: APIClient) -> None:
    assert server.patch("/api/v1/players/ann", {"banned": True}).status_code == 200
    answer = tried(server, kill("a"), player_id="ann")
    assert answer["steps"][0]["held"] == "banned"


def test_an_erased_player_is_nobody_to_try_with(server: APIClient) -> None:
    sent(server, "ann", kill("a"))
    assert server.delete("/api/v1/players/ann").status_code == 204
    assert_problem(server.post("/api/v1/simulate", {"player_id": "ann", "events": []}), 409, "player_erased")


def test_a_quest_starts_by_itself_and_its_steps_move(server: APIClient) -> None:
    one = {"id": "one", "title": "One", "requirements": [{**KILL, "threshold": 1}], "rewards": ["coins"]}
    two = {"id": "two", "title": "Two", "order": 2, "requirements": [KILL]}
    make(server, "quests", id="tour", title="Tour", auto_start=True, steps=[one, two], fail_conditions=[
        {**KILL, "threshold": 9}
    ])  # fmt: skip
    make(server, "quests", id="short", title="Short", auto_start=True, steps=[one])
    answer = tried(server, kill("a", 60), kill("b", 50))
    first, second = ([move for move in step["requirements"] if move["kind"] == "quest"] for step in answer["steps"])
    assert [(m["id"], m["step"], m["path"], m["before"], m["after"], m["met"]) for m in first] == [
        ("short", "one", "steps[0].requirements[0]", 0, 1, True),
        ("tour", None, "fail_conditions[0]", 0, 1, False),
        ("tour", "one", "steps[0].requirements[0]", 0, 1, True),
    ]
    assert [(m["step"], m["before"], m["after"], m["met"]) for m in second] == [
        (None, 1, 2, False),
        ("two", 0, 1, False),
    ]
    states = {row["id"]: row["status"] for row in answer["after"]["quests"]}
    assert states == {"tour": "IN_PROGRESS", "short": "COMPLETED"}


def test_what_an_event_causes_in_later_rounds_is_in_its_step(server: APIClient) -> None:
    make(server, "metrics", id="honours", event_type="achievement.completed")
    honoured = [{"type": "COUNT", "metric": "honours", "operator": "gte", "threshold": 1}]
    make(server, "achievements", id="honoured", title="Honoured", requirements=honoured)
    make(server, "achievements", id="after", title="After", requirements=[{"type": "ACHIEVEMENT", "target": "two"}])
    answer = tried(server, kill("a", 60), kill("b", 50), kill("c", 40))
    _, second, third = answer["steps"]
    assert completed(second["facts"]) == ["two", "after", "honoured"]
    assert [(m["id"], m["before"], m["after"], m["met"]) for m in second["requirements"]] == [
        ("two", 1, 2, True),
        ("after", 0, 1, True),
        ("honoured", 0, 1, True),
    ]
    assert third["requirements"] == []  # all of it is complete
    assert "honours" in {sample["metric"] for sample in second["samples"]}


def test_one_that_repeats_always_shows_what_it_had_when_it_was_complete(server: APIClient) -> None:
    make(server, "achievements", id="again", title="Again", requirements=[KILL], repeat="ALWAYS")
    steps = tried(server, kill("a", 60), kill("b", 50), kill("c", 40))["steps"]
    moved = [[(m["before"], m["after"], m["met"]) for m in s["requirements"] if m["id"] == "again"] for s in steps]
    assert moved == [[(0, 1, False)], [(1, 2, True)], [(0, 1, False)]]


# -- drafts ------------------------------------------------------------------------------------------------------------


def test_a_draft_is_laid_over_what_is_live_only_if_it_is_asked_for(server: APIClient) -> None:
    make(server, "achievements", id="one", title="One", requirements=[{**KILL, "threshold": 1}], draft=True)
    server.patch("/api/v1/achievements/two", {"requirements": [{**KILL, "threshold": 3}], "draft": True})
    assert completed(tried(server, kill("a"), kill("b"))["results"]["~nobody"]["facts"]) == ["two"]
    named = [{"kind": "achievement", "id": "one"}]
    found = tried(server, kill("a"), kill("b"), drafts=named)["results"]["~nobody"]["facts"]
    assert completed(found) == ["one", "two"]
    assert completed(tried(server, kill("a"), kill("b"), drafts="all")["results"]["~nobody"]["facts"]) == ["one"]
    assert completed(tried(server, kill("a"), kill("b"), drafts="none")["results"]["~nobody"]["facts"]) == ["two"]


def test_a_draft_finds_what_a_player_has_done_as_its_backfill_would(server: APIClient) -> None:
    sent(server, "ann", kill("a", 90), kill("b", 80), kill("c", 70))
    three = {"id": "three", "title": "Three", "requirements": [{**KILL, "threshold": 3}], "rewards": ["coins"]}
    make(server, "achievements", **three, draft=True)
    make(server, "achievements", id="four", title="F", requirements=[{**KILL, "threshold": 4}], draft=True)
    answer = tried(server, kill("d", 60), player_id="ann", drafts="all")
    states = {row["id"]: row["state"] for row in answer["before"]["achievements"]}
    assert states == {"two": "COMPLETED", "three": "COMPLETED", "four": "IN_PROGRESS"}
    assert answer["before"]["wallet"] == [{"currency": "gold", "balance": 15, "debt": 0}]
    assert completed(answer["results"]["ann"]["facts"]) == ["four"]


def test_a_draft_that_is_not_there_is_named(server: APIClient) -> None:
    body = {"events": [], "drafts": [{"kind": "achievement", "id": "two"}, {"kind": "achievement", "id": "x"}]}
    assert_problem(server.post("/api/v1/simulate", body), 400, "unknown_draft", "drafts[1].id")
    assert_problem(
        server.post("/api/v1/simulate", {"events": [], "drafts": [{"kind": "thing", "id": "x"}]}),
        400, "unknown_draft", "drafts[0].kind",
    )  # fmt: skip


def test_a_draft_that_could_not_be_published_is_refused_with_what_stands_in_the_way(server: APIClient) -> None:
    asked = [{**KILL, "metric": "nothing"}]
    make(server, "achievements", id="odd", title="Odd", requirements=asked, draft=True)
    refused = server.post("/api/v1/simulate", {"events": [], "drafts": "all"})
    assert_problem(refused, 400, "unpublishable", "achievements[odd].requirements[0].metric")


# -- who may, and what is refused --------------------------------------------------------------------------------------


def test_it_takes_both_scopes(server: APIClient) -> None:
    for scope in ("content:read", "players:read"):
        assert_problem(game_server(scope).post("/api/v1/simulate", {"events": []}), 403, "missing_scope")
    assert game_server("content:read", "players:read").post("/api/v1/simulate", {"events": []}).status_code == 200
    assert_problem(player("ann").post("/api/v1/simulate", {"events": []}), 403, "not_for_players")


def test_each_thing_that_is_wrong_has_its_path(server: APIClient) -> None:
    events = [kill("a"), {**kill("b"), "type": "Enemy"}, {**kill("c"), "player_id": "bob"}, {"id": "d"}, 5]
    refused = server.post("/api/v1/simulate", {"player_id": "ann", "events": events})
    paths = ["events[1].type", "events[2].player_id", "events[3].type", "events[4]"]
    assert_problem(refused, 400, "invalid", *paths)
    many = [kill(str(n)) for n in range(201)]
    assert_problem(server.post("/api/v1/simulate", {"events": many}), 400, "invalid", "events")
    assert_problem(server.post("/api/v1/simulate?player_id=ann", {"events": []}), 400, "unknown_parameter")
    assert_problem(server.post("/api/v1/simulate", {"events": [], "player": "ann"}), 400, "invalid", "player")


def test_whose_events_are_is_ignored_for_a_blank_player(server: APIClient) -> None:
    assert tried(server, {**kill("a"), "player_id": "bob"}, {**kill("b"), "player_id": 5})["steps"]


def test_the_time_may_be_another(server: APIClient) -> None:
    later = timezone.now() + timedelta(days=5)
    event = {**kill("a"), "timestamp": instant(later)}
    assert_problem(server.post("/api/v1/simulate", {"events": [event]}), 400, "invalid", "events[0].timestamp")
    assert tried(server, event, now=instant(later))["steps"][0]["samples"]


def test_what_takes_too_long_is_given_up(server: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "SECONDS", 0.0)
    refused = server.post("/api/v1/simulate", {"events": [kill("a")]})
    assert_problem(refused, 503, "took_too_long")
    assert refused["Retry-After"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_batch_of_the_same_player_commits_meanwhile(server: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sent(server, "ann", kill("a"))
    codes: list[int] = []

    def post() -> None:
        try:
            body = {**kill("b", 30), "player_id": "ann"}
            codes.append(server.post("/api/v1/events", body).status_code)
        finally:
            connection.close()

    def admit(*arguments: Any) -> Any:
        other = threading.Thread(target=post)
        other.start()
        other.join(timeout=30)
        assert not other.is_alive()  # else it waits for a lock of ours
        return admission.admit(*arguments)

    monkeypatch.setattr("gamification.simulation.simulating.admit", admit)
    answer = tried(server, kill("c", 20), player_id="ann")
    assert codes == [200]
    assert answer["results"]["ann"]["metrics"]["kills"]["count"] == 2  # by what was there when it began
