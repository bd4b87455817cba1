"""How every route answers, whatever it is about: statuses, lists, times, answers given again, the root's own pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient
from rest_framework.throttling import BaseThrottle

from gamification.kernel.models import IdempotencyKey
from gamification.players.views import PlayerProfile
from tests.support import game
from tests.support.callers import assert_problem, player
from tests.support.routes import Call, calls
from tests.support.watching import of

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "the-first"}


@pytest.fixture
def granted(server: APIClient) -> list[tuple[Call, Any]]:
    """Every call with its answer, each made as if it were the only one."""
    answers = []
    for call in calls():
        with transaction.atomic():
            answers.append((call, call.send(server)))
            transaction.set_rollback(True)
    return answers


def test_creating_is_a_201_deleting_a_204_and_all_else_a_200(granted: list[tuple[Call, Any]]) -> None:
    for call, response in granted:
        last = call.route.rsplit("/", 1)[-1]
        at_a_list = "/" not in call.route and call.route != "events" and not call.only_reads
        creates = call.method == "POST" and (at_a_list or last in ("distribute", "votes", "findings"))
        is_begun = last == "preview" and not call.only_reads
        expected = 201 if creates else 204 if call.method == "DELETE" else 202 if is_begun else 200
        assert response.status_code == expected, str(call)
        assert (response.content == b"") is (expected == 204), str(call)
        if expected != 204:
            assert response["Content-Type"] == "application/json", str(call)


def test_every_list_is_next_previous_and_results(granted: list[tuple[Call, Any]]) -> None:
    for call, response in granted:
        if call.is_list:
            found = response.json()
            assert found.keys() == {"next", "previous", "results"}, str(call)
            assert (found["next"], found["previous"]) == (None, None), str(call)


def test_pages_of_one_row_hold_all_rows_once_forth_and_back(server: APIClient) -> None:
    walked = 0
    for client in (server, player("ann")):
        for call in of(lambda call: call.is_list):
            if client is not server and not call.open_to_players:
                continue
            whole = client.get(call.path()).json()["results"]
            forth: list[Any] = []
            back: list[Any] = []
            address, last = f"{call.path()}?page_size=1", ""
            while address:
                found = client.get(address).json()
                forth, last, address = forth + found["results"], address, found["next"]
            assert forth == whole, str(call)
            address = last
            while address:
                found = client.get(address).json()
                back, address = found["results"] + back, found["previous"]
            assert back == whole, str(call)
            walked += len(whole) > 1
    assert walked > 15


def test_times_are_utc_with_a_z(granted: list[tuple[Call, Any]]) -> None:
    seen = 0
    for call, response in granted:
        for text in re.findall(r'"(\d{4}-\d\d-\d\d[T ][^"]*)"', response.content.decode()):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text), (str(call), text)
            seen += 1
    assert seen > 100


def test_names_are_snake_case(granted: list[tuple[Call, Any]]) -> None:
    def names(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name
                yield from names(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from names(inner)

    for call, response in granted:
        if response.content and not call.route.endswith("export"):  # whose tables have names of their own
            for name in names(response.json()):
                assert re.fullmatch(r"[a-z0-9_]+|[a-z-]+|item:[a-z]+", name), (str(call), name)


# -- answers given again -----------------------------------------------------------------------------------------------


def changing() -> list[Call]:
    """Every POST that changes something: making a token does not, and a token is nothing to keep."""
    return of(lambda call: call.method == "POST" and not call.route.endswith("/token") and not call.only_reads)


def test_a_post_with_a_key_takes_effect_once_and_is_answered_twice(server: APIClient) -> None:
    for call in changing():
        with transaction.atomic():
            first = call.send(server, **KEY)
            assert first.status_code == call.status, (str(call), first.content)
            after = game.contents()
            again = call.send(server, **KEY)
            assert (again.status_code, again.content) == (first.status_code, first.content), str(call)
            assert again["Idempotent-Replayed"] == "true"
            spaced = json.dumps(call.body, indent=2, sort_keys=True).encode()
            assert call.send(server, body=spaced, **KEY).content == first.content, str(call)
            assert game.contents() == after, str(call)
            transaction.set_rollback(True)


def test_a_key_that_came_with_another_request_is_a_422(server: APIClient) -> None:
    for index, call in enumerate(changing()):
        with transaction.atomic():
            call.send(server, **KEY)
            after = game.contents()
            other = call.send(server, body={**(call.body or {}), "reason": "another"}, **KEY)
            assert_problem(other, 422, "idempotency_key_reused")
            elsewhere = changing()[index - 1].send(server, **KEY)
            assert_problem(elsewhere, 422, "idempotency_key_reused")
            assert game.contents() == after, str(call)
            transaction.set_rollback(True)


def test_a_refusal_is_not_kept_and_the_key_is_free_again(server: APIClient) -> None:
    for call in changing():
        with transaction.atomic():
            assert call.send(server, body={"nonsense": 1}, **KEY).status_code == 400, str(call)
            assert not IdempotencyKey.objects.filter(key="the-first").exists()
            assert call.send(server, **KEY).status_code == call.status, str(call)
            transaction.set_rollback(True)


def test_two_callers_may_choose_the_same_key(server: APIClient) -> None:
    path = f"{game.API}/achievements/hunter/claim"
    with transaction.atomic():
        of_ann = player("ann").post(path, {}, headers=KEY)
        of_bob = player("bob").post(path, {}, headers=KEY)
        transaction.set_rollback(True)
    assert (of_ann.status_code, of_bob.status_code) == (200, 200)
    assert {row["player_id"] for row in of_bob.json()["distributions"]} == {"bob"}


def test_spending_needs_a_key(server: APIClient) -> None:
    response = server.post(f"{game.API}/players/ann/wallet/gold/spend", {"amount": 1})
    assert_problem(response, 400, "idempotency_key_required", "Idempotency-Key")


# -- refusals that need no route of their own --------------------------------------------------------------------------


class Never(BaseThrottle):
    def allow_request(self, request: Any, view: Any) -> bool:
        return False

    def wait(self) -> float:
        return 3.0


def test_too_many_requests_are_told_when_to_come_back(server: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlayerProfile, "throttle_classes", [Never])
    response = server.get(f"{game.API}/players/ann")
    assert_problem(response, 429, "throttled")
    assert response["Retry-After"] == "3"


def test_more_mistakes_than_anybody_reads_are_not_all_named(server: APIClient) -> None:
    response = server.patch(f"{game.API}/players/ann", {f"f{n}": 1 for n in range(5000)})
    assert_problem(response, 400, "invalid")
    assert len(response.json()["errors"]) == 100


def test_what_asks_about_a_route_is_told_and_changes_nothing(server: APIClient) -> None:
    for call in calls():
        options = server.options(call.path())
        assert options.status_code == 200, str(call)
        assert call.method in options["Allow"], str(call)
        if call.method == "GET":
            head = server.head(call.path())
            assert (head.status_code, head.content) == (200, b""), str(call)


# -- at the root -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_looks_after_the_service_stands_at_the_root_and_needs_no_key(path: str) -> None:
    client = APIClient()
    assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200
    assert_problem(client.post(path, {}), 405, "method_not_allowed")
    for elsewhere in (f"/api{path}", f"{path}/"):
        assert_problem(client.get(elsewhere), 404, "not_found")


def test_metrics_at_the_root_are_not_the_games_metrics() -> None:
    response = APIClient().get("/metrics")
    assert response["Content-Type"].startswith("text/plain")
    assert b"# TYPE " in response.content
    assert_problem(APIClient().get(f"{game.API}/metrics"), 401, "not_authenticated")


def test_the_schema_is_openapi_3_1_and_can_be_had_by_anybody() -> None:
    schema = APIClient().get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    there = {re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in game.routes()}
    assert schema["paths"].keys() == there
    docs = APIClient().get("/api/docs/").content.decode()
    assert not re.search(r'(src|href)="https?://', docs), "readable without a network"
