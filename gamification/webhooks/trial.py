"""Trying an endpoint: one message that tells of nothing, sent while somebody waits for what comes of it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import uuid4

from gamification.webhooks import messages, transport
from gamification.webhooks.models import Endpoint
from gamification.webhooks.retrying import Attempt

TIMEOUT = 5.0


def attempt(endpoint: Endpoint, now: datetime) -> tuple[str, Attempt]:
    """The id of the message, and what came of it. It is tried once, even where the endpoint is paused or disabled."""
    id_ = f"test-{uuid4()}"
    text = messages.body(id_, messages.TEST, "", now, '{"detail":"This message tells of nothing."}')
    headers = messages.headers(id_, now, text, messages.signing(endpoint.secrets, now))
    return id_, asyncio.run(_sent(endpoint.url, headers, text))


async def _sent(url: str, headers: dict[str, str], text: str) -> Attempt:
    connections = transport.pool()
    try:
        return await transport.send(connections, url, headers, text, TIMEOUT)
    finally:
        await connections.aclose()
