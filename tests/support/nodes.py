"""Nodes of the service as it is deployed, on the test's own database, and the game server that talks to them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from django.db import connection

from gamification.kernel.core.encoding import instant
from gamification.kernel.web.access import SCOPES, create_key
from tests.support.service import free_port, serving
from tests.support.sockets import apart, kills

SERVERS = ("REDIS_HOST", "RABBITMQ_URL", "WS_PORT", "PORT")


def environment(**named: str) -> dict[str, str]:
    """The test's database; memory in place of Redis unless it is named."""
    kept = {name: value for name, value in os.environ.items() if name not in SERVERS}
    return {**kept, "DB_NAME": str(connection.settings_dict["NAME"]), **named}


@contextmanager
def node(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    with serving(env, port) as process:
        yield process, f"127.0.0.1:{port}"


@asynccontextmanager
async def game_server(at: str) -> AsyncIterator[httpx.AsyncClient]:
    _, key = await apart(create_key, "game", SCOPES)
    headers = {"Authorization": f"Api-Key {key}"}
    async with httpx.AsyncClient(base_url=f"http://{at}/api/v1", headers=headers, timeout=30) as client:
        yield client


def batch(*players: str) -> dict[str, Any]:
    """A kill by each."""
    return {
        "events": [
            {
                "id": event.id,
                "player_id": event.player_id,
                "type": event.type,
                "data": event.data,
                "timestamp": instant(event.timestamp),
            }
            for player in players
            for event in kills(player)
        ]
    }
