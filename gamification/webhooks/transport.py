"""Sending messages over HTTP: at a checked address, without redirects, within a deadline.

What a receiver may do to this service is bounded: it has TIMEOUT seconds from the look-up of its name to the end of its
answer, of which no more than MAX_ANSWER bytes are read.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpcore
from django.conf import settings
from django.utils import timezone

from gamification.webhooks import messages
from gamification.webhooks.addresses import Forbidden, PinnedBackend
from gamification.webhooks.models import Delivery
from gamification.webhooks.retrying import Attempt, Health, retry_after

TIMEOUT = 10.0
PAGE_TIMEOUT = 5.0
"""Seconds after which no further message of a page is begun."""
AT_A_TIME = 10
"""Messages of one endpoint that are under way at once, each of another player."""
MAX_ANSWER = 16 * 1024
MAX_SAID = 200
USER_AGENT = "gamification-webhooks/1"


def pool() -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=httpcore.default_ssl_context(),
        max_connections=AT_A_TIME,
        keepalive_expiry=10.0,
        network_backend=PinnedBackend(settings.WEBHOOK_ALLOW_SUBNETS),
    )


async def send(
    connections: httpcore.AsyncConnectionPool, url: str, headers: Mapping[str, str], text: str, within: float = TIMEOUT
) -> Attempt:
    """Send one message, and say what came of it; it raises nothing."""
    at, began = timezone.now(), time.monotonic()
    status, error, wait = None, "", None
    try:
        async with asyncio.timeout(within):
            sent = [*headers.items(), ("user-agent", USER_AGENT)]
            async with connections.stream("POST", url, headers=sent, content=text.encode()) as answer:
                said = await _beginning(answer)
            status = answer.status
            named = {name.lower(): value for name, value in answer.headers}
            wait = retry_after(named[b"retry-after"].decode("latin-1"), at) if b"retry-after" in named else None
            if not 200 <= status < 300:
                error = said or (f"It leads to {named[b'location'][:150]!r}." if b"location" in named else "")
    except TimeoutError:
        error = f"There was no whole answer within {within:g} seconds."
    except Forbidden as refused:
        error = str(refused)
    except Exception as failure:  # whatever a receiver comes up with is its failure, and never this service's
        error = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
    return Attempt(at, round(time.monotonic() - began, 3), status, error[:MAX_SAID], wait)


async def _beginning(answer: httpcore.Response) -> str:
    """The first characters of an answer. A long one is not read to its end: its connection is closed instead."""
    found = b""
    async for chunk in answer.aiter_stream():
        found += chunk
        if len(found) > MAX_ANSWER:
            break
    text = found[: 4 * MAX_SAID].decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else " " for letter in text)[:MAX_SAID]


@dataclass
class Page:
    """Messages to one endpoint, and what came of those that were sent."""

    rows: Sequence[Delivery]
    health: Health
    attempts: dict[int, Attempt] = field(default_factory=dict)

    async def deliver(self, connections: httpcore.AsyncConnectionPool, url: str, keys: Sequence[str]) -> None:
        """Send them: those of one player one after the other, in order, those of several at once."""
        until = time.monotonic() + PAGE_TIMEOUT
        slots = asyncio.Semaphore(AT_A_TIME)

        async def one_after_the_other(rows: Sequence[Delivery]) -> None:
            for row in rows:
                async with slots:
                    if self._is_enough() or time.monotonic() > until:
                        return
                    headers = messages.headers(row.fact_id, timezone.now(), row.body, keys)
                    attempt = await send(connections, url, headers, row.body)
                    self.attempts[row.pk] = attempt
                    self.health = self.health.after(attempt)

        by_player: defaultdict[str, list[Delivery]] = defaultdict(list)
        for row in self.rows:
            by_player[row.player_id].append(row)
        await asyncio.gather(*map(one_after_the_other, by_player.values()))

    def _is_enough(self) -> bool:
        """Whether the endpoint is to be left alone: what was not begun stays as it is."""
        return self.health.is_given_up or self.health.is_paused(timezone.now())
