"""Content as its designers send it, and the clients they send it with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from achievements.models import Standing
from gamification.kernel.content.publishing import Change
from gamification.kernel.web.access import create_key
from gamification.kernel.web.tokens import issue_token
from tests.support import content

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Json = dict[str, Any]


def designer() -> APIClient:
    """A game server that may read and write content."""
    _, key = create_key("the studio", ["content:read", "content:write"])
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def reader() -> APIClient:
    _, key = create_key("a reader", ["content:read"])
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def player(player_id: str = "ann") -> APIClient:
    token, _ = issue_token(player_id, timezone.now())
    return APIClient(headers={"Authorization": f"Bearer {token}"})


def metric(id_: str = "kills", **fields: Any) -> Json:
    return body(content.metric(id_, name=id_.title()), fields)


def count(metric: str = "kills", threshold: Any = 10, operator: str = "gte", **fields: Any) -> Json:
    return content.requirement("COUNT", metric, threshold, operator, **fields)


def achievement(id_: str = "hunter", *requirements: Json, **fields: Any) -> Json:
    return body(content.achievement(id_, *(requirements or [count()]), points=0), fields)


def step(id_: str = "hunt", *requirements: Json, **fields: Any) -> Json:
    return content.step(id_, *requirements, **fields)


def quest(id_: str = "trail", *steps: Json, **fields: Any) -> Json:
    return body(content.quest(id_, *(steps or [step("hunt", count())])), fields)


def needs(type_: str, target: str) -> Json:
    return {"type": type_, "target": target}


def coins(id_: str = "ten-coins", value: int = 10, **fields: Any) -> Json:
    return body(content.reward(id_, value=value, claim="MANUAL"), fields)


def body(change: Change, fields: Json) -> Json:
    """What is sent to have content be so."""
    assert change.definition is not None
    return {**change.definition, **fields}


def send(client: APIClient, plural: str, *bodies: Json) -> None:
    """Create each, published."""
    for body in bodies:
        response = client.post(f"/api/v1/{plural}", body)
        assert response.status_code == 201, response.content


def errors(response: Any) -> set[tuple[str, str]]:
    """(path, code) of everything a problem names."""
    return {(error["path"], error["code"]) for error in response.json()["errors"]}


def unlock(player_id: str, achievement_id: str) -> Standing:
    return Standing.objects.create(player_id=player_id, achievement_id=achievement_id, completed_at=NOON)
