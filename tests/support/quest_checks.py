"""A game to author quests for, and what is refused of them."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from gamification.kernel.models import Version
from tests.support.authoring import Json, coins, designer, errors, metric, send, step

API = "/api/v1"
DAY = {"duration": 1, "unit": "days"}


def of(type_: str, threshold: float, operator: str = "gte", metric: str = "damage", **fields: Any) -> Json:
    return {"type": type_, "metric": metric, "operator": operator, "threshold": threshold, **fields}


def level(threshold: float, operator: str = "gte") -> Json:
    return {"type": "LEVEL", "operator": operator, "threshold": threshold}


def optional(id_: str, order: int, **fields: Any) -> Json:
    return step(id_, order=order, is_optional=True, **fields)


def studio_of_quests() -> APIClient:
    """A game where `kills` are worth 1 each and `damage` has values and members, with levels 1 to 3."""
    client = designer()
    send(client, "metrics", metric(), metric("damage", value_field="damage", member_field="weapon"))
    send(client, "levels", {"level": 1, "xp": 0}, {"level": 2, "xp": 100}, {"level": 3, "xp": 300})
    send(client, "rewards", coins())
    return client


def refused(client: APIClient, body: Json, plural: str = "quests") -> set[tuple[str, str]]:
    """What is wrong with it; nothing, when it was published."""
    response = client.post(f"{API}/{plural}", body)
    if response.status_code == 201:
        return set()
    assert (response.status_code, response.json()["code"]) == (400, "unpublishable")
    assert not Version.objects.filter(content_id=body["id"]).exists()
    return errors(response)
