"""What the OpenAPI schema allows, and what it forbids, sent to every operation: none of it ends in a failure of ours.

Schemathesis makes the requests. Half of the ids in them name something that is there, or it would hardly ever get past
a 404. The suite sends the same few each time; `SCHEMA_EXAMPLES=300 pytest tests/api/test_schema.py` sends many more, at
the edges of every value too.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from rest_framework.test import APIClient

from anticheat.models import Finding
from rewards.models import Distribution
from tests.support import game
from tests.support.callers import player

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "0"))
STATUSES = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 413, 422}
ACHIEVEMENTS, METRICS = ["hunter", "walker", "s-1", "plan"], ["kills", "damage", "steps", "spare"]
QUESTS, STEPS = ["tour", "trail", "errand"], ["first", "hunt", "tell", "go"]
REWARDS = ["coins", "luck", "star", "kit", "wisdom"]
KNOWN: dict[str, list[Any]] = {
    "player_id": ["ann", "bob", "eve", "me", "stranger"],
    "metric": METRICS,
    "currency": ["gold"],
    "item_id": ["axe"],
    "reward": REWARDS,
    "reward_id": REWARDS,
    "rewards": REWARDS,
    "achievement_id": ACHIEVEMENTS,
    "quest_id": QUESTS,
    "step_id": STEPS,
    "quests": QUESTS,
    "available_to": ["ann", "stranger", "me"],
    "target": [*ACHIEVEMENTS, *QUESTS],
    "prerequisites": ACHIEVEMENTS,
    "id": [*ACHIEVEMENTS, *METRICS, *REWARDS, *QUESTS, "gold", "daily", "1", "2"],
}


def hinted(node: Any, known: dict[str, list[Any]]) -> Any:
    """The schema, with known ids beside any text where an id is asked for."""
    if isinstance(node, list):
        return [hinted(inner, known) for inner in node]
    if not isinstance(node, dict):
        return node
    node = {name: hinted(inner, known) for name, inner in node.items()}
    if "in" in node and "schema" in node and node["name"] in known:
        node["schema"] = _either(known[node["name"]], node["schema"])
    properties = node.get("properties", {})
    for name in properties.keys() & known.keys():
        said = properties[name].get("type", "")
        if said == "array":
            properties[name]["items"] = _either(known[name], properties[name]["items"])
        elif "string" in said:
            properties[name] = _either(known[name], properties[name])
    return node


def _either(ids: list[Any], schema: Any) -> Any:
    return {"anyOf": [{"enum": ids}, schema]}


@pytest.fixture
def requests_of_the_schema(server: APIClient) -> Iterator[Any]:
    known = {
        **KNOWN,
        "distribution_id": [str(id_) for id_ in Distribution.objects.values_list("pk", flat=True)],
        "finding_id": list(Finding.objects.values_list("pk", flat=True)),
    }
    schema = schemathesis.openapi.from_dict(hinted(APIClient().get("/api/schema/").json(), known))
    schema.app, schema.location = WSGIHandler(), "/api/schema/"
    schema.config.phases.coverage.enabled = EXAMPLES > 0
    schema.config.phases.examples.enabled = EXAMPLES > 0  # what the examples come to is known
    # Each request would close the connection, and with it the transaction that the test is.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield schema
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def assert_answered(case: Any, authorization: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    with transaction.atomic():
        response = case.call(headers={"Authorization": authorization})
        transaction.set_rollback(True)
    assert response.status_code in STATUSES, response.content
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        problem = json.loads(response.content)
        assert {"type", "title", "status", "detail", "code"} <= problem.keys()
        assert problem["status"] == response.status_code
        assert all({"path", "code", "detail"} <= error.keys() for error in problem.get("errors", []))


operations = schemathesis.pytest.from_fixture("requests_of_the_schema")
few = settings(
    max_examples=EXAMPLES or 8, derandomize=not EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
)


@operations.parametrize()
@few
def test_no_operation_fails_a_game_server(case: Any, server: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    assert_answered(case, server.defaults["HTTP_AUTHORIZATION"], caplog)


@operations.parametrize()
@few
def test_no_operation_fails_a_player(case: Any, server: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    assert_answered(case, player("ann").defaults["HTTP_AUTHORIZATION"], caplog)


def test_the_game_has_what_the_hints_name(server: APIClient) -> None:
    for plural, ids in (
        ("achievements", ACHIEVEMENTS), ("metrics", METRICS), ("rewards", REWARDS), ("quests", QUESTS),
    ):  # fmt: skip
        there = {row["id"] for row in server.get(f"{game.API}/{plural}").json()["results"]}
        assert set(ids) <= there
