"""A small game with something of everything in it, made over HTTP, for tests that look at all routes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models
from rest_framework.test import APIClient

from anticheat.models import Rule
from gamification.kernel.models import ApiKey, AuditEntry, Release
from gamification.review.models import Case
from gamification.urls import urlpatterns
from gamification.webhooks.models import Endpoint
from progress.models import Backfill
from tests.support.callers import game_server

API = "/api/v1"
Json = dict[str, Any]

CONTENT: dict[str, list[Json]] = {
    "metrics": [
        {"id": "kills", "event_type": "enemy.killed"},
        {"id": "damage", "event_type": "enemy.killed", "value_field": "damage"},
        {"id": "steps", "event_type": "walked", "value_field": "steps", "reported_by": "PLAYER"},
        {"id": "spare", "event_type": "nothing"},
    ],
    "currencies": [{"id": "gold"}],
    "rewards": [
        {"id": "coins", "type": "CURRENCY", "value": 50, "currency": "gold", "claim": "AUTO"},
        {"id": "chest", "type": "CURRENCY", "value": 7, "currency": "gold"},
        {"id": "kit", "type": "ITEM", "items": [{"id": "axe", "type": "tool", "quantity": 3}], "claim": "AUTO"},
        {"id": "star", "type": "BADGE", "claim": "AUTO"},
        {"id": "wisdom", "type": "XP", "value": 100, "claim": "AUTO"},
        {"id": "spare", "type": "TITLE"},
        {"id": "luck", "type": "RANDOM", "table": [{"reward": "star"}, {"reward": "coins", "weight": 2}]},
    ],
    "levels": [{"level": 1, "xp": 0}, {"level": 2, "xp": 100, "rewards": ["star"]}],
    "achievements": [
        {
            "id": "hunter",
            "title": "Hunter",
            "points": 10,
            "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 2}],
            "rewards": ["coins", "kit", "chest", "wisdom", "luck"],
        },
        {
            "id": "walker",
            "title": "Walker",
            "requirements": [{"type": "SUM", "metric": "steps", "operator": "gte", "threshold": 1000}],
            "prerequisites": ["hunter"],
            "repeat": "DAILY",
        },
        {
            "id": "s-1",
            "title": "Nobody knows",
            "type": "SECRET",
            "requirements": [{"type": "MAX", "metric": "damage", "operator": "gte", "threshold": 9000}],
        },
    ],
    "quests": [
        {
            "id": "trail",
            "title": "The trail",
            "steps": [
                {
                    "id": "hunt",
                    "title": "Hunt",
                    "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 5}],
                    "rewards": ["coins"],
                },
                {"id": "tell", "title": "Tell of it", "completed_by": "PLAYER"},
            ],
            "rewards": ["chest"],
        },
        {"id": "errand", "title": "An errand", "steps": [{"id": "go", "title": "Go"}]},
        {
            "id": "tour",
            "title": "The tour",
            "steps": [
                {
                    "id": "first",
                    "title": "First blood",
                    "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 1}],
                    "rewards": ["star"],
                }
            ],
            "rewards": ["star"],
            "repeat": "WEEKLY",
            "auto_start": True,
        },
    ],
    "pools": [{"id": "daily", "quests": ["trail"]}],
}


APPEALABLE = 9005
"""The number of a case about ann whose verdict she may appeal."""
OPEN_CASE = APPEALABLE - 1
"""The number of a case of ann that is to be decided."""
RELEASES = {"OPEN": 9001, "SCHEDULED": 9002, "PUBLISHED": 9003}
"""State → the number of a release in it."""

WEBHOOK = 9101
"""The number of a webhook, which leads nowhere."""


def make() -> APIClient:
    """Content of every kind; ann and bob, who have done and been given things; one event held, one refused; eve, who
    was erased. Answers a game server's client that may do everything.
    """
    server = game_server()
    for plural, bodies in CONTENT.items():
        for body in bodies:
            send(server, plural, body)
    send(server, "achievements", {"id": "plan", "title": "Only a draft", "draft": True})
    Rule.objects.create(name="no-giants", kind="VALUE_RANGE", metric_id="damage", maximum=10_000)
    for player in ("ann", "bob"):
        events = [event(f"k{n}", player, "enemy.killed", {"damage": n}) for n in range(3)]
        events += [event("w1", player, "walked", {"steps": 300}), event("h1", player, "enemy.killed", {"damage": 1e6})]
        answer = server.post(f"{API}/events", {"events": events}).json()
        assert answer["results"][player]["held"] == ["h1"], answer
        assert server.post(f"{API}/quests/trail/start", {"player_id": player}).status_code == 200
        again = event("k0", player, "enemy.killed", {"damage": 5})
        assert server.post(f"{API}/events", again).json()["code"] == "id_reused"
    server.post(f"{API}/events", event("k1", "eve", "enemy.killed", {}))
    assert server.delete(f"{API}/players/eve").status_code == 204
    gone = {"kind": "metric", "id": "spare", "version": 1, "before": 0}
    for state, pk in RELEASES.items():
        Release.objects.create(pk=pk, title=state, state=state, items=[gone] if state == "PUBLISHED" else [])
    Endpoint.objects.create(pk=WEBHOOK, url="https://127.0.0.1:1/hook", types=["*"], secrets=[])
    now = datetime.now(UTC)
    for pk, state in ((OPEN_CASE, "OPEN"), (APPEALABLE, "CONFIRMED")):
        Case.objects.create(
            pk=pk, player_id="ann", state=state, log10_tail=-9, stake=1, weight=9, opened_at=now, due_at=now
        )
    Backfill.objects.get_or_create(pk=1)  # the first one's number, which PostgreSQL does not give twice
    return server


def send(server: APIClient, plural: str, body: Json) -> None:
    response = server.post(f"{API}/{plural}", body)
    assert response.status_code == 201, response.content


def event(id_: str, player_id: str, type_: str, data: Json, ago: float = 3600) -> Json:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return {"id": id_, "player_id": player_id, "type": type_, "data": data, "timestamp": at.isoformat()}


# -- what there is -----------------------------------------------------------------------------------------------------


def routes() -> dict[str, Any]:
    """Every route under the API's prefix, `/api/v1/players/<str:player_id>` → its view, as the URL conf has them."""
    found: dict[str, Any] = {}

    def walk(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, path)
            else:
                found[path] = pattern.callback

    walk(urlpatterns, "/")
    return {path: view for path, view in found.items() if path.startswith(f"{API}/")}


def methods(view: Any) -> set[str]:
    """The methods that a route's view answers."""
    return {name.upper() for name in ("get", "post", "put", "patch", "delete") if hasattr(view.cls, name)}


def tables() -> list[type[models.Model]]:
    from django.apps import apps

    return [model for model in apps.get_models() if model._meta.managed]


def counts() -> Mapping[str, int]:
    """How many rows each table has."""
    names = sorted(model._meta.db_table for model in tables())
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names))
        return dict(cursor.fetchall())


def contents() -> dict[str, list[Any]]:
    """Everything in the database, but for when an API key was used last."""
    found = {}
    for model in tables():
        columns = [f.attname for f in model._meta.concrete_fields]
        if model is ApiKey:
            columns.remove("last_used_at")
        rows = model._default_manager.all()
        if model is AuditEntry:  # tests make keys of their own, and delete them
            rows = rows.exclude(action="create_api_key")
        found[model._meta.label] = sorted(rows.values_list(*columns), key=repr)
    return found
