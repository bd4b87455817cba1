"""What is not of the shape is refused with its path and code, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.kernel.models import Version
from progress.models import Metric
from tests.support.authoring import achievement, count, designer, errors, metric, send

pytestmark = pytest.mark.django_db

API = "/api/v1"
FRAME = {"duration": 1, "unit": "days"}
SPAN = "requirements[0].timeframe"
NEGATIVE = {"reward": "x", "weight": -1}
OTHER = {"type": "ACHIEVEMENT", "target": "x"}


def within(duration: int, unit: str) -> dict[str, Any]:
    return {"requirements": [count(timeframe={"duration": duration, "unit": unit})]}


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "created_at", "read_only"),
        ({"id": "no spaces"}, "id", "invalid"),
        ({"id": "-dash"}, "id", "invalid"),
        ({"id": "x" * 65}, "id", "invalid"),
        ({"id": "trailing\n"}, "id", "invalid"),
        ({"id": 7}, "id", "invalid"),
        ({"title": None}, "title", "null"),
        ({"title": "  "}, "title", "blank"),
        ({"title": 5}, "title", "invalid"),
        ({"title": "x" * 121}, "title", "max_length"),
        ({"description": "x" * 4001}, "description", "max_length"),
        ({"type": "EPIC"}, "type", "invalid_choice"),
        ({"type": ["SKILL"]}, "type", "invalid_choice"),
        ({"points": "5"}, "points", "invalid"),
        ({"points": True}, "points", "invalid"),
        ({"points": 5.5}, "points", "invalid"),
        ({"points": -1}, "points", "min_value"),
        ({"points": 2**31}, "points", "max_value"),
        ({"points": None}, "points", "null"),
        ({"is_enabled": 1}, "is_enabled", "invalid"),
        ({"is_enabled": "true"}, "is_enabled", "invalid"),
        ({"match": "SOME"}, "match", "invalid"),
        ({"match": {"at_least": 0}}, "match.at_least", "min_value"),
        ({"match": {"at_least": 1, "of": 2}}, "match.of", "unknown_field"),
        ({"match": {}}, "match.at_least", "required"),
        ({"starts_at": "2026-01-01"}, "starts_at", "invalid"),
        ({"starts_at": "2026-01-01T00:00:00"}, "starts_at", "invalid"),
        ({"starts_at": 1767225600}, "starts_at", "invalid"),
        ({"starts_at": "9999-12-31T23:59:59-05:00"}, "starts_at", "invalid"),
        ({"tier": 2**15}, "tier", "max_value"),
        ({"metadata": []}, "metadata", "not_a_dict"),
        ({"metadata": {"a": "x" * 17_000}}, "metadata", "too_large"),
        ({"metadata": {"a": [[[[[[[[1]]]]]]]]}}, "metadata", "too_deep"),
        ({"rewards": "coins"}, "rewards", "not_a_list"),
        ({"rewards": [5]}, "rewards[0]", "invalid"),
        ({"prerequisites": [None]}, "prerequisites[0]", "null"),
        ({"requirements": {}}, "requirements", "not_a_list"),
        ({"requirements": ["COUNT"]}, "requirements[0]", "invalid"),
        ({"requirements": [count(), {"type": "COUNT"}]}, "requirements[1].metric", "required"),
        ({"requirements": [count(threshold="5")]}, "requirements[0].threshold", "invalid"),
        ({"requirements": [count(threshold=True)]}, "requirements[0].threshold", "invalid"),
        ({"requirements": [count(threshold=1e300)]}, "requirements[0].threshold", "max_value"),
        ({"metadata": {"a": 1e300}}, "metadata", "bad_json"),
        ({"requirements": [count(operator="=")]}, "requirements[0].operator", "invalid_choice"),
        ({"requirements": [count(window=FRAME)]}, "requirements[0].window", "unknown_field"),
        ({"requirements": [count(target="x")]}, "requirements[0].target", "not_allowed"),
        (
            {"requirements": [count(timeframe={"duration": 0, "unit": "days"})]},
            "requirements[0].timeframe.duration",
            "min_value",
        ),
        (
            {"requirements": [count(timeframe={"duration": 1, "unit": "years"})]},
            "requirements[0].timeframe.unit",
            "invalid_choice",
        ),
        (
            {"requirements": [count(timeframe={"duration": 9999, "unit": "days"})]},
            "requirements[0].timeframe.duration",
            "max_value",
        ),
        ({"requirements": [{"type": "ACHIEVEMENT"}]}, "requirements[0].target", "required"),
        (
            {"requirements": [{"type": "ACHIEVEMENT", "target": "x", "metric": "kills"}]},
            "requirements[0].metric",
            "not_allowed",
        ),
        (
            {"requirements": [{"type": "ACHIEVEMENT", "target": "x", "timeframe": FRAME}]},
            "requirements[0].timeframe",
            "not_allowed",
        ),
    ],
)
def test_an_achievement_of_another_shape_is_refused(fields: dict[str, Any], path: str, code: str) -> None:
    client = designer()
    send(client, "metrics", metric())
    response = client.post(f"{API}/achievements", {**achievement(), **fields})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert (path, code) in errors(response)
    assert Version.objects.filter(kind="achievement").count() == 0


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"event_type": "Enemy.Killed"}, "event_type", "invalid"),
        ({"event_type": ""}, "event_type", "blank"),
        ({"value_field": "a..b"}, "value_field", "invalid"),
        ({"conditions": [{"op": "eq", "value": 1}]}, "conditions[0].field", "required"),
        ({"conditions": [{"field": "a", "op": "eq"}]}, "conditions[0].value", "required"),
        ({"conditions": [{"field": "a", "op": "gt", "value": "5"}]}, "conditions[0].value", "invalid"),
        ({"conditions": [{"field": "a", "op": "gt", "value": True}]}, "conditions[0].value", "invalid"),
        ({"conditions": [{"field": "a", "op": "in", "value": "x"}]}, "conditions[0].value", "invalid"),
        ({"conditions": [{"field": "a", "op": "in", "value": []}]}, "conditions[0].value", "invalid"),
        ({"conditions": [{"field": "a", "op": "exists", "value": "yes"}]}, "conditions[0].value", "invalid"),
        ({"conditions": [{"field": "a", "op": "like", "value": 1}]}, "conditions[0].op", "invalid_choice"),
        ({"reported_by": "player"}, "reported_by", "invalid_choice"),
    ],
)
def test_a_metric_of_another_shape_is_refused(fields: dict[str, Any], path: str, code: str) -> None:
    response = designer().post(f"{API}/metrics", {**metric(), **fields})
    assert response.status_code == 400
    assert (path, code) in errors(response)
    assert not Metric.objects.exists()


@pytest.mark.parametrize(
    ("plural", "body", "path", "code"),
    [
        ("rewards", {"id": "r"}, "type", "required"),
        ("rewards", {"id": "r", "type": "XP", "value": -1}, "value", "min_value"),
        ("rewards", {"id": "r", "type": "XP", "value": 2**63}, "value", "max_value"),
        ("rewards", {"id": "r", "type": "XP", "value": 1.5}, "value", "invalid"),
        ("rewards", {"id": "r", "type": "XP", "claim_within": 0}, "claim_within", "min_value"),
        (
            "rewards",
            {"id": "r", "type": "ITEM", "items": [{"id": "hat", "quantity": 0}]},
            "items[0].quantity",
            "min_value",
        ),
        (
            "rewards",
            {"id": "r", "type": "RANDOM", "table": [{"reward": "x", "weight": -1}]},
            "table[0].weight",
            "min_value",
        ),
        ("levels", {"level": 0, "xp": 0}, "level", "min_value"),
        ("levels", {"level": 1}, "xp", "required"),
        ("levels", {"level": "1", "xp": 0}, "level", "invalid"),
        ("currencies", {"id": "gold", "on_revoke": "debt"}, "on_revoke", "invalid_choice"),
    ],
)
def test_rewards_levels_and_currencies_of_another_shape_are_refused(
    plural: str, body: dict[str, Any], path: str, code: str
) -> None:
    response = designer().post(f"{API}/{plural}", body)
    assert response.status_code == 400
    assert (path, code) in errors(response)
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "kills", "event_type": "a", "name": "nul \\u0000"}',
        b'{"id": "kills", "event_type": "a", "name": "half \\ud800"}',
        b'{"id": "kills", "event_type": "a", "conditions": [{"field": "a", "op": "eq", "value": "\\u0000"}]}',
        b'{"id": "kills", "event_type": "a", "conditions": [{"field": "a", "op": "eq", "value": 1e999}]}',
        b'{"id": "kills", "id": "kills", "event_type": "a"}',
        b"[1]",
        b"5",
        b"{",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_kept_is_refused(raw: bytes) -> None:
    response = designer().post(f"{API}/metrics", raw, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert not Metric.objects.exists()


@pytest.mark.parametrize(
    ("body", "path"),
    [({"reason": 5}, "reason"), ({"why": "x"}, "why")],
)
def test_publishing_takes_a_reason_and_nothing_else(body: dict[str, Any], path: str) -> None:
    client = designer()
    send(client, "metrics", metric())
    response = client.post(f"{API}/metrics/kills/publish", body)
    assert response.status_code == 400
    assert [error["path"] for error in response.json()["errors"]] == [path]


def test_what_is_left_out_or_null_gets_its_default() -> None:
    client = designer()
    send(client, "metrics", metric(conditions=[{"field": "boss", "op": "exists"}], member_field="", value_field=None))
    body = client.get(f"{API}/metrics/kills").json()
    assert body["conditions"] == [{"field": "boss", "op": "exists", "value": True}]
    assert (body["member_field"], body["value_field"]) == (None, None)
    send(client, "rewards", {"id": "hat", "type": "ITEM", "items": [{"id": "hat"}], "table": None})
    body = client.get(f"{API}/rewards/hat").json()
    assert (body["items"], body["table"]) == ([{"id": "hat", "type": "", "quantity": 1, "metadata": {}}], [])


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_id_that_nobody_could_choose_is_unknown(method: str) -> None:
    client = designer()
    for id_ in ("nothing", "a%00b", "%F0%9F%90%84", "x" * 300):
        assert getattr(client, method)(f"{API}/achievements/{id_}").status_code == 404
    assert client.get(f"{API}/achievements/a%00b/versions").status_code == 404
