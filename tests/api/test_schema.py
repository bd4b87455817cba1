from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import transaction
from hypothesis import HealthCheck, settings
from rest_framework.test import APIClient

from tests.api import game
from tests.callers import player

KNOWN = {
    "player_id": ["ann", "bob", "eve", "me", "stranger"],
    "metric": ["kills", "damage", "steps", "spare"],
    "currency": ["gold"],
    "item_id": ["axe"],
    "reward": ["coins", "luck", "star", "kit"],
    "rewards": ["coins", "luck", "star"],
    "reward_id": ["coins", "luck", "star", "kit"],
    "achievement_id": ["hunter", "walker", "s-1", "plan"],
    "target": ["hunter", "walker"],
    "prerequisites": ["hunter", "s-1"],
    "id": ["hunter", "walker", "s-1", "plan", "kills", "spare", "coins", "gold", "luck", "kit", "1", "2"],
}


def helped(node: Any, ids: dict[str, list[str]]) -> Any:
    if isinstance(node, list):
        return [helped(x, ids) for x in node]
    if not isinstance(node, dict):
        return node
    node = {k: helped(v, ids) for k, v in node.items()}
    for name, s in list(node.get("properties", {}).items()):
        if name in ids and isinstance(s, dict):
            if s.get("type") == "array":
                s["items"] = {"anyOf": [{"enum": ids[name]}, s["items"]]}
            elif "string" in s.get("type", ""):
                node["properties"][name] = {"anyOf": [{"enum": ids[name]}, s]}
    if "schema" in node and "in" in node and node.get("name") in ids:
        node["schema"] = {"anyOf": [{"enum": ids[node["name"]]}, node["schema"]]}
    return node


@pytest.fixture
def server(db):
    return game.make()


@pytest.fixture
def api(server):
    from anticheat.models import Finding
    from rewards.models import Distribution

    raw = json.loads(APIClient().get("/api/schema/").content)
    for p in raw["paths"].values():
        for o in p.values():
            for name in o["responses"]:
                pass
    ids = {**KNOWN, "distribution_id": [str(i) for i in Distribution.objects.values_list("pk", flat=True)]}
    raw = helped(raw, ids)
    for path, p in raw["paths"].items():
        for o in p.values():
            for par in o.get("parameters", []):
                if par["name"] == "finding_id":
                    par["schema"] = {
                        "anyOf": [{"enum": list(Finding.objects.values_list("pk", flat=True))}, {"type": "integer"}]
                    }
    schema = schemathesis.openapi.from_dict(raw)
    schema.app = WSGIHandler()
    schema.location = "/api/schema/"
    from django.core import signals
    from django.db import close_old_connections

    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield schema
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


lazy = schemathesis.pytest.from_fixture("api")
N = int(os.environ.get("N", "10"))
stats = {}


def check(case, response):
    stats[response.status_code] = stats.get(response.status_code, 0) + 1
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"], response.headers
        problem = json.loads(response.content)
        assert {"type", "title", "status", "detail", "code"} <= set(problem)
        assert problem["status"] == response.status_code
        assert response.status_code in (400, 401, 403, 404, 405, 409, 413, 422)
        for e in problem.get("errors", []):
            assert {"path", "code", "detail"} <= set(e)
    else:
        assert response.status_code in (200, 201, 202, 204)
        if os.environ.get("STRICT"):
            from schemathesis.specs.openapi import checks as c

            case.validate_response(
                response, checks=[c.response_schema_conformance, c.status_code_conformance, c.content_type_conformance]
            )


def run(case, headers, caplog):
    caplog.clear()
    with transaction.atomic():
        response = case.call(headers=headers)
        transaction.set_rollback(True)
    errors = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert not errors, errors
    check(case, response)


S = settings(max_examples=N, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@lazy.parametrize()
@S
def test_server(case, server, caplog):
    run(
        case,
        {"Authorization": server._credentials.get("HTTP_AUTHORIZATION") or server.defaults["HTTP_AUTHORIZATION"]},
        caplog,
    )


@lazy.parametrize()
@S
def test_player(case, server, caplog):
    run(case, {"Authorization": player("ann").defaults["HTTP_AUTHORIZATION"]}, caplog)


def test_zz():
    print(stats)
