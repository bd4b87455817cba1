"""Reading all frames that a broker has sent, at once.

py-amqp asks the socket three times for each frame, a message has three frames, and Celery's loop takes one message a
turn. For a worker that is sent single events this costs more than decoding them. Here one call reads what has come, and
each frame of it is dispatched as py-amqp would, in order.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Any

from amqp.exceptions import UnexpectedFrame

CHUNK = 256 * 1024
"""Bytes that are read at once. What they hold is dispatched before the loop has its turn."""
FRAME_END = 0xCE

_head = struct.Struct(">BHI")
Frame = tuple[int, int, bytes]
"""Its type, its channel and what it says."""


def read_at_once(connection: Any) -> None:
    """Have a py-amqp connection read so from now on, whoever drains it."""
    if not isinstance(getattr(connection.drain_events, "__self__", None), _Frames):
        connection.drain_events = _Frames(connection).drain


class _Frames:
    """The frames of a connection that were read and not dispatched yet. There are any only while one is dispatched."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._waiting: deque[Frame] = deque()

    def drain(self, timeout: float | None = None) -> None:
        """Wait for something, `timeout` seconds at most, and dispatch all that has come. Raises TimeoutError.

        Without a timeout somebody waits for an answer, who has something to do before what follows it is dispatched:
        messages come right behind the answer that there is a subscription. So nothing is read beyond that.
        """
        if timeout is None:
            while not self._connection.on_inbound_frame(self._next()):
                pass
            return
        if not self._waiting:
            self._receive(self._connection.transport, timeout)
        while self._waiting:
            self._connection.on_inbound_frame(self._waiting.popleft())

    def _next(self) -> Frame:
        frame: Frame = self._waiting.popleft() if self._waiting else self._connection.transport.read_frame()
        return frame

    def _receive(self, transport: Any, timeout: float) -> None:
        try:
            with transport.having_timeout(timeout):
                came = transport.sock.recv(CHUNK)
        except TimeoutError:
            raise
        except OSError:
            transport.connected = False
            raise
        if not came:
            transport.connected = False
            raise ConnectionResetError("the broker has closed the connection")
        buffer, at = transport._read_buffer + came, 0
        while len(buffer) - at >= _head.size:
            type_, channel, size = _head.unpack_from(buffer, at)
            start = at + _head.size
            end = start + size
            if len(buffer) <= end:
                break
            if buffer[end] != FRAME_END:
                raise UnexpectedFrame(f"a frame ends with {buffer[end]:#04x}")
            self._waiting.append((type_, channel, buffer[start:end]))
            at = end + 1
        transport._read_buffer = buffer[at:]
