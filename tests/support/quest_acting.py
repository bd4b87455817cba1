"""What game servers and players do about quests over HTTP, and what they read of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rest_framework.test import APIClient

from gamification import pipeline
from tests.support.content import NOON, event, requirement

API = "/api/v1"
Json = dict[str, Any]
KILLS = requirement("COUNT", "kills", 2)


def kill(count: int, player_id: str = "ann", first: int = 1) -> None:
    events = [event(f"k{n}", player_id, at=n) for n in range(first, first + count)]
    pipeline.process(events, now=NOON + timedelta(seconds=first + count))


def act(client: APIClient, path: str, player_id: str | None = None, key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    said = {} if player_id is None else {"player_id": player_id}
    return client.post(f"{API}/quests/{path}", said, headers=headers)


def progress(client: APIClient, quest_id: str = "hunt", player_id: str = "ann") -> Json:
    response = client.get(f"{API}/quests/{quest_id}/progress?player_id={player_id}")
    assert response.status_code == 200, response.content
    found: Json = response.json()
    return found


def listed(client: APIClient, query: str) -> list[str]:
    response = client.get(f"{API}/{query}")
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]
