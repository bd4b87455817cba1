"""`POST /events` from outside."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.db import connections
from pytest_django import Settings
from rest_framework.test import APIClient

from anticheat.models import Finding, Rule
from gamification.kernel.models import Event, RejectedEvent
from gamification.kernel.web.access import create_key
from progress.models import Player, Tally
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.handing_over import event, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def content() -> None:
    publish(
        metric("kills"),
        metric("damage", value_field="damage"),
        reward("coin"),
        achievement("hunter", requirement("COUNT", "kills", 2), rewards=["coin"]),
    )


def test_a_single_event_is_answered_with_what_came_of_it() -> None:
    response = send(event())
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    five = {"count": 1, "sum": 5, "max": 5, "min": 5, "latest": 5}
    one = {"count": 1, "sum": 1, "max": 1, "min": 1, "latest": 1}
    assert response.json() == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": [],
        "results": {"ann": {"facts": [], "metrics": {"damage": five, "kills": one}, "held": []}},
    }


def test_a_batch_names_facts_and_metrics_of_every_player() -> None:
    response = send({"events": [event("a", ago=9), event("b", ago=8), event("c", "bob", ago=7)]})
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["duplicates"], answer["rejected"]) == (200, 3, 0, [])
    assert set(answer["results"]) == {"ann", "bob"}
    assert answer["results"]["bob"]["facts"] == []
    assert answer["results"]["ann"]["metrics"]["kills"]["count"] == 2
    [completed] = [fact for fact in answer["results"]["ann"]["facts"] if fact["type"] == "achievement.completed"]
    assert set(completed) == {"id", "type", "data", "timestamp"}
    assert completed["data"]["id"] == "hunter"
    assert completed["timestamp"] == event("b", ago=8)["timestamp"]
    assert "reward.granted" in [fact["type"] for fact in answer["results"]["ann"]["facts"]]


def test_sending_a_batch_again_changes_nothing_and_says_so() -> None:
    batch = {"events": [event("a"), event("b")]}
    send(batch)
    answer = send(batch).json()
    assert (answer["accepted"], answer["duplicates"], answer["rejected"]) == (0, 2, [])
    assert answer["results"]["ann"]["facts"] == []
    assert Tally.objects.get(metric_id="kills", scope="").count == 2
    assert Player.objects.get(pk="ann").achievements_completed == 1


def test_bad_events_are_named_by_index_and_the_others_count() -> None:
    batch = [event("a"), event("b", type="X"), 7, event("a", data={}), event("c"), event("a"), event("d", x=1)]
    answer = send({"events": batch}).json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 1)
    assert [(bad["index"], bad["code"], bad.get("path")) for bad in answer["rejected"]] == [
        (1, "bad_type", "type"),
        (2, "invalid", None),
        (3, "id_reused", None),
        (6, "unknown_field", "x"),
    ]
    assert all(bad["detail"] for bad in answer["rejected"])
    assert sorted(Event.objects.exclude(event_id__startswith="~").values_list("event_id", flat=True)) == ["a", "c"]


def test_an_empty_batch_is_nothing() -> None:
    response = send({"events": []})
    assert (response.status_code, response.json()) == (
        200,
        {"accepted": 0, "duplicates": 0, "rejected": [], "results": {}},
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "~x"}, "bad_id"),
        ({"player_id": "me"}, "bad_player_id"),
        ({"type": ""}, "bad_type"),
        ({"type": "level.reached"}, "reserved_type"),
        ({"timestamp": "yesterday"}, "bad_timestamp"),
        ({"timestamp": "2999-01-01T00:00:00Z"}, "from_the_future"),
        ({"data": []}, "bad_data"),
        ({"data": {"a": "x" * 20_000}}, "data_too_large"),
        ({"data": {"a": [[[[[[[[1]]]]]]]]}}, "data_too_deep"),
        ({"colour": 1}, "unknown_field"),
    ],
)
def test_a_bad_single_event_is_a_400_with_its_code(change: dict[str, Any], code: str) -> None:
    response = send(event(**change))
    assert_problem(response, 400, code, next(iter(change)))
    assert not Event.objects.exists()
    assert not Player.objects.exists()


def test_a_single_event_that_only_the_store_can_refuse_is_a_400_too() -> None:
    send(event("a"))
    assert_problem(send(event("a", data={"damage": 6})), 400, "id_reused")
    assert Tally.objects.get(metric_id="damage", scope="").sum == 5


def test_an_event_from_before_the_retention_is_too_old(settings: Settings) -> None:
    settings.EVENT_RETENTION_DAYS = 1
    assert_problem(send(event(ago=86_500)), 400, "too_old")
    assert not Event.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"null", b"[]", b'{"events": 1}', b'{"events": [], "x": 1}'])
def test_a_body_that_makes_no_sense_is_a_400(body: bytes) -> None:
    response = send(body)
    assert response.status_code == 400
    assert_problem(response, 400, response.json()["code"])


def test_more_than_a_thousand_events_are_a_413() -> None:
    assert_problem(send({"events": [event(f"e{n}") for n in range(1_001)]}), 413, "too_many_events")
    assert not Event.objects.exists()


def test_more_than_a_mebibyte_is_a_413() -> None:
    body = json.dumps(event()).encode()
    assert_problem(send(body + b" " * (1_048_577 - len(body))), 413, "too_large")
    assert not Event.objects.exists()
    assert send(body + b" " * (1_048_576 - len(body))).status_code == 200


def test_a_body_far_beyond_any_limit_is_a_413() -> None:
    assert_problem(send(b"[" * 3_000_000), 413, "too_large")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("size", "status"), [(1_048_577, 413), (1_048_576, 200)])
async def test_a_body_sent_in_chunks_is_held_to_the_limit_too(size: int, status: int) -> None:
    """Over ASGI, without a Content-Length."""
    _, key = await sync_to_async(create_key)("game", ["events:write"])
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/events",
        "query_string": b"",
        "headers": [
            (b"host", b"testserver"),
            (b"authorization", f"Api-Key {key}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    client: Any = ApplicationCommunicator(get_asgi_application(), scope)
    body = json.dumps(event()).encode()
    body += b" " * (size - len(body))
    for start in range(0, size, 65_536):
        chunk = body[start : start + 65_536]
        await client.send_input({"type": "http.request", "body": chunk, "more_body": start + 65_536 < size})
    answer = await client.receive_output(timeout=60)
    await client.wait(timeout=60)
    kept = await sync_to_async(Event.objects.count)()
    await sync_to_async(connections.close_all)()  # that thread's, which nobody else closes
    assert (answer["status"], kept) == (status, 1 if status == 200 else 0)


def test_a_held_event_is_named() -> None:
    Rule.objects.create(name="r", kind="COOLDOWN", event_type="enemy.killed", seconds=10)
    answer = send({"events": [event("a", ago=9), event("b", ago=8)]}).json()
    assert (answer["accepted"], answer["results"]["ann"]["held"]) == (2, ["b"])
    assert answer["results"]["ann"]["metrics"]["kills"]["count"] == 1


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_a_body_that_is_not_called_json_is_refused_as_on_every_route(content_type: str) -> None:
    client = game_server("events:write")
    response = client.post("/api/v1/events", json.dumps(event()), content_type=content_type)
    assert_problem(response, 400, "unsupported_media_type")
    assert not Event.objects.exists()


@pytest.mark.parametrize("prefer", ["wait", "wait=10", "respond-async, Wait", 'handling=lenient; x="wait", wait'])
def test_waiting_may_be_asked_for(prefer: str) -> None:
    response = send(event(), Prefer=prefer)
    assert (response.status_code, response["Preference-Applied"]) == (200, "wait")
    assert "results" in response.json()


@pytest.mark.parametrize("prefer", ["", "waiting", 'handling="wait"', "respond-async"])
def test_what_is_no_wish_to_wait_is_not_answered_as_one(prefer: str) -> None:
    assert "Preference-Applied" not in send(event(), Prefer=prefer)


def test_only_a_game_server_with_the_scope_may_report_events() -> None:
    client = game_server("players:write")
    assert_problem(client.post("/api/v1/events", event(), format="json"), 403, "missing_scope")
    assert player("ann").post("/api/v1/events", event(), format="json").status_code == 403
    assert_problem(game_server().get("/api/v1/events"), 405, "method_not_allowed")
    assert not Event.objects.exists()


def test_without_credentials_not_even_the_body_is_judged() -> None:
    assert APIClient().post("/api/v1/events", b"{" * 2_000_000, content_type="application/json").status_code == 401


def test_an_idempotency_key_gives_the_first_answer_again() -> None:
    client = game_server("events:write")

    def post(body: Any) -> Any:
        return client.post("/api/v1/events", body, format="json", headers={"Idempotency-Key": "k1"})

    first = post(event("a"))
    again = post(event("a"))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.json()["accepted"] == 1
    assert_problem(post(event("b")), 422, "idempotency_key_reused")
    assert Event.objects.count() == 1


# -- what was refused --------------------------------------------------------------------------------------------------


def test_what_the_store_refused_is_listed_newest_first() -> None:
    send(event("a"))
    send({"events": [event("a", ago=61), event("b", type="X"), event("a", ago=62)]})
    response = game_server("players:read").get("/api/v1/events/rejected")
    listed = response.json()
    assert (listed["next"], listed["previous"]) == (None, None)
    assert [(row["event_id"], row["code"], row["timestamp"]) for row in listed["results"]] == [
        ("a", "id_reused", event(ago=62)["timestamp"]),
        ("a", "id_reused", event(ago=61)["timestamp"]),
    ]
    assert set(listed["results"][0]) == {
        "id", "player_id", "event_id", "type", "code", "detail", "timestamp", "rejected_at",
    }  # fmt: skip
    assert RejectedEvent.objects.count() == 2


def test_refused_events_are_read_with_their_scope_and_by_page() -> None:
    assert_problem(game_server("events:write").get("/api/v1/events/rejected"), 403, "missing_scope")
    assert player("ann").get("/api/v1/events/rejected").status_code == 403
    send(event("a"))
    send({"events": [event("a", ago=100 + n) for n in range(3)]})
    client = game_server("players:read")
    first = client.get("/api/v1/events/rejected?page_size=2").json()
    rest = client.get(first["next"]).json()
    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)


# -- what is held ------------------------------------------------------------------------------------------------------


def held(*ids: str) -> list[int]:
    Rule.objects.create(name="cap", kind="CLOCK_SKEW", event_type="enemy.killed", seconds=1_000)
    send({"events": [event(id_, ago=5_000 + n) for n, id_ in enumerate(ids)]})
    return list(Finding.objects.order_by("id").values_list("id", flat=True))


def test_held_events_are_listed_oldest_first() -> None:
    ids = held("a", "b", "c")
    client = game_server("players:read")
    page = client.get("/api/v1/held?page_size=2").json()
    rest = client.get(page["next"]).json()
    rows = page["results"] + rest["results"]
    assert [row["id"] for row in rows] == ids
    row = next(row for row in rows if row["event_id"] == "a")
    assert row["values"].keys() == {"skew", "seconds"}
    assert row["found_at"].endswith("Z")
    assert {key: row[key] for key in ("player_id", "event_id", "type", "rule", "status", "timestamp")} == {
        "player_id": "ann",
        "event_id": "a",
        "type": "enemy.killed",
        "rule": "cap",
        "status": "HELD",
        "timestamp": event(ago=5_000)["timestamp"],
    }


def test_a_held_event_is_released_once() -> None:
    [finding] = held("a")
    client = game_server("players:write")
    response = client.post(f"/api/v1/held/{finding}/release")
    assert (response.status_code, response.json()["status"]) == (200, "RELEASED")
    assert Tally.objects.get(metric_id="kills", scope="").count == 1
    for action in ("release", "dismiss"):
        assert_problem(client.post(f"/api/v1/held/{finding}/{action}"), 409, "already_decided")
    assert Tally.objects.get(metric_id="kills", scope="").count == 1
    assert game_server().get("/api/v1/held").json()["results"] == []


def test_a_held_event_is_dismissed_for_good() -> None:
    [finding] = held("a")
    response = game_server("players:write").post(f"/api/v1/held/{finding}/dismiss")
    assert (response.status_code, response.json()["status"]) == (200, "DISMISSED")
    assert_problem(game_server().post(f"/api/v1/held/{finding}/release"), 409, "already_decided")
    assert not Tally.objects.exists()


@pytest.mark.parametrize("action", ["release", "dismiss"])
def test_deciding_is_refused_to_whom_it_is_not_for(action: str) -> None:
    [finding] = held("a")
    url = f"/api/v1/held/{finding}/{action}"
    assert_problem(game_server("players:read").post(url), 403, "missing_scope")
    assert player("ann").post(url).status_code == 403
    assert_problem(game_server().post(url, {"force": True}, format="json"), 400, "invalid", "force")
    assert_problem(game_server().post(f"/api/v1/held/{finding + 1}/{action}"), 404, "not_found")
    assert_problem(game_server().post(f"/api/v1/held/{10**30}/{action}"), 404, "not_found")
    assert_problem(game_server().post(f"/api/v1/held/x/{action}"), 404, "not_found")
    assert Finding.objects.get().status == "HELD"


def test_held_events_are_listed_for_game_servers_only() -> None:
    assert player("ann").get("/api/v1/held").status_code == 403
    assert_problem(game_server("events:write").get("/api/v1/held"), 403, "missing_scope")
