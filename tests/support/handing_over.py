"""Events sent to `POST /events` that are handed over to the workers, and what a worker comes to with them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from gamification import pipeline
from gamification.intake.decoding import decode
from gamification.kernel.core.encoding import instant
from gamification.kernel.messaging import topology
from tests.support.callers import game_server
from tests.support.rabbit import Listener, channel

NOW = timezone.now().replace(microsecond=0)


def event(id_: str = "a", player_id: str = "ann", ago: float = 60, **fields: Any) -> dict[str, Any]:
    timestamp = instant(NOW - timedelta(seconds=ago))
    return {
        "id": id_, "player_id": player_id, "type": "enemy.killed", "data": {"damage": 5}, "timestamp": timestamp,
    } | fields  # fmt: skip


def send(body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return game_server("events:write").post(
        "/api/v1/events", raw, content_type="application/json", headers=headers or None
    )


def waiting(count: int) -> list[Any]:
    """The messages that wait for the workers."""
    with Listener() as listener:
        taken = listener.take(count, topology.events().name)
        assert listener.is_empty(topology.events().name)
        return taken


def work_off(count: int) -> list[Any]:
    """What a worker comes to with the messages that wait."""
    now = timezone.now()
    bodies = [message.body.encode() if isinstance(message.body, str) else message.body for message in waiting(count)]
    batches = [[good for _, good in decode(body, now=now, lists=True).good] for body in bodies]
    return [pipeline.process(batch, now=now) for batch in batches]


def declared() -> list[str]:
    """Which of the queues there are; asking for one that is not there closes the channel."""
    with channel() as rabbit:
        try:
            rabbit.queue_declare(topology.events().name, passive=True)
        except rabbit.connection.channel_errors:
            return []
        return [topology.events().name]
