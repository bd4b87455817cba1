"""One player's socket, as the hub knows it: its last message, and the bounded queue of what waits to be sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from gamification.feed.clock import Clock
from gamification.feed.texts import Numbered
from gamification.kernel.core.encoding import dumps
from gamification.kernel.core.messages import Json
from gamification.kernel.web.tokens import Token

MAX_WAITING = 256
"""Messages that may wait for a client."""
MAX_BYTES = 256 * 1024
"""Bytes of text that may wait for it. Numbered messages beyond either limit are read from the database once there is
room; a client for which other messages exceed it is closed."""
MAX_WAITING_FOR_PROGRESS = 32
"""With so many messages waiting, progress is left out: it is out of date in a second."""
STALLED_AFTER = 10
"""A client that takes nothing for so many seconds, though something waits for it, does not keep up."""
BEHIND_AFTER = 5
"""A client that for so many seconds never caught up with what came for it does not keep up either."""
CLOSE_TIMEOUT = 10
"""Seconds in which a client may take the close frame."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Push = Callable[[str], bool]
"""Sends a text at once, or says that the client has to be waited for."""
PUSH = "gamification.push"
"""The ASGI extension under which a server that has one offers a Push."""


class Farewell(NamedTuple):
    """Why a socket is closed: RFC 6455's code, and a word of ours as its reason."""

    code: int
    reason: str


SLOW_CLIENT = Farewell(4408, "slow_client")


class Backlog:
    """The sockets of one node for which something waits to be sent, and which of them do not keep up."""

    def __init__(self, clock: Clock, on_room: Callable[[Connection], None]) -> None:
        """`on_room` is called with each socket for which nothing waits any more."""
        self.clock = clock
        self.on_room = on_room
        self.connections: set[Connection] = set()

    def close_the_slow(self) -> None:
        now = self.clock.monotonic()
        for connection in list(self.connections):
            stalled = now - connection.moved_at > STALLED_AFTER
            behind = connection.behind_since
            if stalled or (behind is not None and not connection.resuming and now - behind > BEHIND_AFTER):
                connection.close(SLOW_CLIENT)


class Connection:
    __slots__ = (
        "_backlog",
        "_closing",
        "_drain",
        "_expiry",
        "_push",
        "_queue",
        "_send",
        "_size",
        "_task",
        "behind_since",
        "closed",
        "cursor",
        "generation",
        "in_doubt",
        "let_in_at",
        "moved_at",
        "player_id",
        "ready",
        "resuming",
    )

    def __init__(self, token: Token, send: Send, push: Push | None, backlog: Backlog) -> None:
        self.player_id, self.generation = token.player_id, token.generation
        self.cursor: int | None = None
        """The number of the last message that was queued; None until the player was let in."""
        self.resuming = False
        self.in_doubt = False
        """More messages were expected than there were. The player's row, read next, says which number is right."""
        self.ready: asyncio.Future[None] | None = None
        """Done when the client was let in, or brought up to date, or is closed: then its next message is read."""
        self.closed: Farewell | None = None
        self.let_in_at = 0.0
        """When it was told hello."""
        self.behind_since: float | None = None
        """Since when messages are left in the database because there was no room."""
        self.moved_at = 0.0
        """When the client last took a message, while any waits for it."""
        self._send = send
        self._push = push
        self._backlog = backlog
        self._queue: deque[str] | None = None  # most sockets have nothing waiting at most times
        self._size = 0
        self._drain: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._task = asyncio.current_task()

    # -- out -----------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        return len(self._queue) if self._queue else 0

    @property
    def has_room(self) -> bool:
        return self.waiting < MAX_WAITING and self._size < MAX_BYTES

    @property
    def is_draining(self) -> bool:
        return self._drain is not None

    def tell(self, type_: str, data: dict[str, Json] | None = None) -> None:
        """Queue a message without a number. A client without room for it is closed: it asks for more than it reads."""
        if not self.has_room:
            self.close(SLOW_CLIENT)
        self._put(dumps({"type": type_} if data is None else {"type": type_, "data": data}))

    def tell_page(self, page: list[Numbered]) -> bool:
        """Queue these messages, the ones that come after the cursor; says whether there was room for all."""
        for message in page:
            if not self.has_room:
                return False
            self._put(message.text)
            self.cursor = message.seq
        return True

    def tell_if_free(self, text: str) -> None:
        """Queue a message that may be left out, since a newer one follows."""
        if self.cursor is not None and self.waiting < MAX_WAITING_FOR_PROGRESS:
            self._put(text)

    def _put(self, text: str) -> None:
        if self.closed or (self._drain is None and self._push is not None and self._push(text)):
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(text)
        self._size += len(text)
        if self._drain is None:
            self.moved_at = self._backlog.clock.monotonic()
            self._drain = asyncio.get_running_loop().create_task(self._send_all())
            self._backlog.connections.add(self)

    async def _send_all(self) -> None:
        queue = self._queue
        assert queue is not None
        try:
            while queue:
                text = queue.popleft()
                self._size -= len(text)
                await self._send({"type": "websocket.send", "text": text})
                self.moved_at = self._backlog.clock.monotonic()
        except (OSError, RuntimeError):  # the client is gone, or the socket was closed; its consumer hears of it
            queue.clear()
            self._size = 0
        self._queue = self._drain = None
        self._backlog.connections.discard(self)
        self._backlog.on_room(self)

    # -- the end -------------------------------------------------------------------------------------------------------

    def close_in(self, seconds: float, farewell: Farewell) -> None:
        self._expiry = asyncio.get_running_loop().call_later(seconds, self.close, farewell)

    def close(self, farewell: Farewell) -> None:
        """Close, and drop what waits: the client comes back and says how far it got."""
        if self.closed:
            return
        self.closed = farewell
        self.stop()
        self._closing = asyncio.get_running_loop().create_task(self._send_close(farewell))

    async def close_after_all(self, farewell: Farewell) -> None:
        """Close once the client has what waits for it."""
        if self._drain is not None:
            await asyncio.wait({self._drain}, timeout=CLOSE_TIMEOUT)
        self.close(farewell)

    def stop(self) -> None:
        """Send nothing more."""
        self.closed = self.closed or Farewell(1000, "")
        if self._drain is not None:
            self._drain.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        self._backlog.connections.discard(self)
        self._queue = self._drain = self._expiry = None
        self._size = 0
        self.read_on()

    def read_on(self) -> None:
        ready, self.ready = self.ready, None
        if ready is not None and not ready.done():
            ready.set_result(None)

    async def _send_close(self, farewell: Farewell) -> None:
        closing = {"type": "websocket.close", "code": farewell.code, "reason": farewell.reason}
        with suppress(OSError, RuntimeError):
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._send(closing)
            except TimeoutError:  # the server waits until the client has read all before, and it does not read
                if self._task is not None:
                    self._task.cancel()
        self._task = None
