"""uvicorn's WebSocket protocol, for many players: it holds little for each, waits for nobody who does not read, and
leaves nothing behind. Under another server the feed works as well; a client that reads nothing then takes up to ten
seconds longer to be rid of.
"""

from __future__ import annotations

import logging
import random
import socket
from asyncio.transports import BaseTransport, Transport
from contextlib import suppress
from typing import Any, cast

from uvicorn.protocols.utils import is_ssl
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.protocol import OPEN, Protocol

from gamification.feed.connection import PUSH

log = logging.getLogger(__name__)

KERNEL_BUFFER = 64 * 1024
"""Bytes that the kernel may buffer for one client; by default, megabytes for one that does not read."""
WRITE_BUFFER = 32 * 1024
"""Bytes that may wait here beyond that, before the consumer has to wait."""
TEXT_FRAME = 0x81  # a frame that is whole
RECONNECTS_A_SECOND = 1_000
"""Clients that come back in each second after a restart: each is told to do so at a random moment."""


class FeedProtocol(WebSocketsSansIOProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = self.conn.logger = log  # settings.LOGGING leaves out its lines about each connection

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._bound_buffers()

    def take_over(
        self,
        transport: Transport,
        server: tuple[str, int | None] | None,
        client: tuple[str, int] | None,
        path: str,
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        """Begin with a connection and a request that were read already, by a protocol for HTTP."""
        self.connections.add(self)
        self.transport, self.server, self.client = transport, server, client
        self.scheme = "wss" if is_ssl(transport) else "ws"
        self._bound_buffers()
        self.conn.parser.close()
        self.conn.parser = Protocol.parse(self.conn)  # of frames: there is no head to come
        next(self.conn.parser)
        shown = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        self.handle_connect(Request(path, Headers(shown)))

    def _bound_buffers(self) -> None:
        transport = self.transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)

    async def run_asgi(self) -> None:
        cast(dict[str, Any], self.scope["extensions"])[PUSH] = self.push
        await super().run_asgi()

    def push(self, text: str) -> bool:
        """Send a text now, if the client need not be waited for; else nothing is done. A frame without extensions is
        its length and the text: made here, it costs a third of the way through `send`."""
        conn = self.conn
        if not self.writable.is_set() or conn.state is not OPEN or self.close_sent or conn.extensions:
            return False
        payload = text.encode()
        length = len(payload)
        if length < 126:
            head = bytes((TEXT_FRAME, length))
        elif length < 65_536:
            head = bytes((TEXT_FRAME, 126, length >> 8, length & 255))
        else:
            head = bytes((TEXT_FRAME, 127)) + length.to_bytes(8, "big")
        with suppress(RuntimeError):  # uvloop raises it where the client is gone; the consumer hears of it
            self.transport.write(head + payload)
        return True

    async def send(self, message: Any) -> None:
        if message["type"] != "websocket.close" or not self.handshake_complete:
            await super().send(message)
            return
        # The close frame does not wait until the client has read the rest; a client that does not read it is cut off.
        self.writable.set()
        await super().send(message)
        if self.close_timer is not None:
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.loop.call_later(1, self.transport.abort)

    def shutdown(self) -> None:
        """Close every socket, and tell each client a random moment to come back at."""
        if self.handshake_complete and not self.close_sent:
            moment = random.uniform(0, max(1.0, len(self.connections) / RECONNECTS_A_SECOND))  # noqa: S311 - not a secret
            self.stop_keepalive()
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1012})
            self.conn.send_close(1012, f"retry-after={moment:.1f}")
            self.transport.write(b"".join(self.conn.data_to_send()))
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()  # the client is gone and hears no answer
        super().connection_lost(exc)
        # Its parser is a generator that refers back to it: closed, the two need no collector to be freed.
        self.conn.parser.close()
