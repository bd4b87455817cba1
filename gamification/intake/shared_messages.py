"""Requests that wait at once share a message: what arrives while the broker confirms one forms the next.

A confirm costs the broker's disk, and a message costs this process and a worker the same whether it holds one event or
a hundred. Whoever comes alone is published at once. Each share has a message of its own under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from gamification.intake.decoding import MAX_BODY, MAX_EVENTS
from gamification.kernel.core.origins import Origin, Runs

Publish = Callable[[int, bytes, Runs], Awaitable[str]]
"""Publishes a message of one share, of these requests; says why the broker did not take it (empty: it did)."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One request's events, a JSON list."""

    events: int
    body: bytes
    answer: asyncio.Future[str]
    origin: Origin | None


@dataclass(slots=True)
class Lane:
    """What waits for the message of one share that is under way."""

    waiting: deque[Waiting] = field(default_factory=deque)
    running: asyncio.Task[None] | None = None


class SharedMessages:
    """`put` may be called from any event loop; each loop has messages of its own."""

    def __init__(self, publish: Publish, within: float) -> None:
        """Nobody waits for longer than `within` seconds, of which waiting for the messages before is a part."""
        self._publish = publish
        self._within = within
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Lane]] = WeakKeyDictionary()

    async def put(self, share: int, events: int, body: bytes, origin: Origin | None = None) -> str:
        """Why the broker did not take these events; empty: it has them. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        lane = self._lanes.setdefault(loop, {}).setdefault(share, Lane())
        waiting = Waiting(events, body, loop.create_future(), origin)
        lane.waiting.append(waiting)
        if lane.running is None:
            lane.running = loop.create_task(self._run(share, lane))
        # A timer of one's own: asyncio.timeout() takes as long as all the rest of this.
        timer = loop.call_later(self._within, _give_up, waiting.answer)
        try:
            return await waiting.answer
        finally:
            timer.cancel()

    async def _run(self, share: int, lane: Lane) -> None:
        try:
            while lane.waiting:
                group = _next(lane.waiting)
                try:
                    why = await self._publish(share, _joined(group), [(each.events, each.origin) for each in group])
                except Exception as failure:
                    _answer(group, failure)
                else:
                    _answer(group, why)
        finally:
            lane.running = None


def _give_up(answer: asyncio.Future[str]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _next(waiting: deque[Waiting]) -> list[Waiting]:
    """Those that have waited longest, as many as one message may hold. One that is too large for the rest of it is not
    overtaken: it begins the next."""
    group = [waiting.popleft()]
    events, size = group[0].events, len(group[0].body)
    while waiting and events + waiting[0].events <= MAX_EVENTS and size + len(waiting[0].body) <= MAX_BODY:
        events, size = events + waiting[0].events, size + len(waiting[0].body)
        group.append(waiting.popleft())
    return group


def _joined(group: list[Waiting]) -> bytes:
    """One list of all their events."""
    return group[0].body if len(group) == 1 else b"[" + b",".join(each.body[1:-1] for each in group) + b"]"


def _answer(group: list[Waiting], came_to: str | Exception) -> None:
    for each in group:
        if each.answer.done():  # nobody waits any more
            continue
        if isinstance(came_to, Exception):
            each.answer.set_exception(came_to)
        else:
            each.answer.set_result(came_to)
