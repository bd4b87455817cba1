from typing import Any

import pytest
from django.db import DataError, OperationalError
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError
from rest_framework.test import APIClient

from gamification.kernel.web.parsing import BadJson, strict_json
from gamification.kernel.web.problems import problem
from progress.models import Player
from tests.support.callers import assert_problem, game_server

pytestmark = pytest.mark.django_db

PATCH = "/api/v1/players/ada"
JSON = "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a': 1}",
        b"\xff\xfe",
        b'{"display_name": "a", "display_name": "b"}',
        b'{"attributes": {"a": NaN}}',
        b'{"attributes": {"a": -Infinity}}',
        b'{"attributes": {"a": 1e999}}',
        b'{"attributes": {"a": 1' + b"0" * 400 + b"}}",
        b'{"attributes": {"a": 1' + b"0" * 5000 + b"}}",
        rb'{"display_name": "a\u0000b"}',
        rb'{"display_name": "\ud800"}',
        rb'{"attributes": {"\udc00": 1}}',
        b'{"attributes": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
        b'{"attributes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_what_is_not_strict_json_is_refused_and_changes_nothing(body: bytes) -> None:
    assert_problem(game_server().patch(PATCH, body, content_type=JSON), 400, "bad_json")
    assert not Player.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b'[{"display_name": "a"}]'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    response = game_server().patch(PATCH, body, content_type=JSON)
    assert_problem(response, 400, "invalid", "")
    assert response.json()["errors"][0]["code"] == "not_an_object"


def test_strict_json_reads_what_json_says() -> None:
    assert strict_json(b'{"a": [1, 1.5, true, null, "\xc3\xa9", "\\ud83d\\ude00"]}') == {
        "a": [1, 1.5, True, None, "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{GRINNING FACE}"]
    }
    with pytest.raises(BadJson):
        strict_json(b"")


def test_other_content_types_are_a_400() -> None:
    for type_ in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        assert_problem(game_server().patch(PATCH, b"a=1", content_type=type_), 400, "unsupported_media_type")
    assert not Player.objects.exists()


def test_what_a_client_would_rather_read_is_a_400_too() -> None:
    assert_problem(game_server().get(PATCH, headers={"Accept": "text/html"}), 400, "not_acceptable")


def test_a_body_that_is_too_large_is_a_413() -> None:
    body = b'{"attributes": {"a": "' + b"x" * 1_400_000 + b'"}}'
    assert_problem(game_server().patch(PATCH, body, content_type=JSON), 413, "too_large")
    assert not Player.objects.exists()


def test_every_wrong_field_is_named_with_its_path() -> None:
    response = game_server().patch(PATCH, {"display_name": 5, "nonsense": 1, "statistics": {"xp": 9}})
    assert_problem(response, 400, "invalid")
    errors = {error["path"]: error["code"] for error in response.json()["errors"]}
    assert errors == {"display_name": "invalid", "nonsense": "unknown_field", "statistics": "read_only"}
    assert not Player.objects.exists()


def test_nested_errors_are_named_by_json_paths() -> None:
    wrong = ErrorDetail("Unknown.", code="unknown_metric")
    errors: Any = {"requirements": [{}, {"metric": [wrong]}], "tags": {0: [wrong]}, "non_field_errors": [wrong]}
    response = problem(ValidationError(errors))
    assert_problem(response, 400, "invalid", "requirements[1].metric", "tags[0]", "")


def test_a_throttled_caller_is_told_when_to_come_back() -> None:
    response = problem(Throttled(wait=7.2))
    assert_problem(response, 429, "throttled")
    assert response is not None
    assert response["Retry-After"] == "8"


def test_what_the_database_cannot_take_is_the_callers_mistake_and_its_absence_is_ours() -> None:
    assert_problem(problem(DataError("integer out of range")), 400, "invalid")
    assert_problem(problem(OverflowError()), 400, "invalid")
    unavailable = problem(OperationalError("connection refused"))
    assert_problem(unavailable, 503, "unavailable")
    assert b"connection refused" not in unavailable.content  # type: ignore[union-attr]
    assert problem(RuntimeError()) is None


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v1/players/ada/", "/api/v1/players/a/b/c/d"])
def test_an_address_nobody_serves_is_a_problem_too(path: str) -> None:
    for response in (APIClient().get(path), APIClient().post(path, {})):
        assert_problem(response, 404, "not_found")


def test_a_mistake_of_ours_is_a_problem_that_tells_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    from gamification.players import profile

    def fail(*args: object) -> None:
        raise RuntimeError("the password is tulip")

    server = game_server()
    monkeypatch.setattr(profile, "show", fail)
    server.raise_request_exception = False
    response = server.get(PATCH)
    assert_problem(response, 500, "internal_error")
    assert b"tulip" not in response.content


@pytest.mark.parametrize("player_id", ["%00", "a%00b", "x" * 65, "a%20b", "%ff", "%F0%9F%98%80", "a%2Fb"])
def test_a_player_id_that_cannot_be_is_not_found(player_id: str) -> None:
    server = game_server()
    for response in (
        server.get(f"/api/v1/players/{player_id}"),
        server.patch(f"/api/v1/players/{player_id}", {}),
        server.delete(f"/api/v1/players/{player_id}"),
        server.get(f"/api/v1/players/{player_id}/metrics"),
        server.get(f"/api/v1/players/{player_id}/messages"),
        server.post(f"/api/v1/players/{player_id}/token"),
    ):
        assert_problem(response, 404, "not_found")
    assert not Player.objects.exists()
