"""Holds very many sockets for `benchmarks.sockets`, each as cheap as can be, in a process of its own.

It obeys the lines on its stdin (`connect`, `lost`, `report FILE`) and answers each by a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import uvloop

AT_ONCE = 200
"""Clients that connect at the same time."""


def raise_open_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Held(asyncio.Protocol):
    """One client: as little as a client can be, so that many fit into a process."""

    __slots__ = ("buffer", "holder", "index", "last", "resumed", "transport", "up")

    def __init__(self, holder: Holder, index: int) -> None:
        self.holder, self.index = holder, index
        self.last, self.buffer = 0, b""
        self.up: asyncio.Future[None] | None = None
        self.transport: Any = None
        self.resumed = False

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer, self.resumed = transport, b"", False
        transport.write(self.holder.handshake(self.index))

    def data_received(self, data: bytes) -> None:
        data = self.buffer + data if self.buffer else data
        if self.up is not None and data.startswith(b"HTTP/1.1"):
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.transport.abort()
                return
            data = data[end + 4 :]
            if self.last:
                self._write(1, json.dumps({"type": "resume", "after": self.last}).encode())
        while len(data) >= 2:
            length, start = data[1] & 127, 2
            if length == 126:
                if len(data) < 4:
                    break
                length, start = int.from_bytes(data[2:4], "big"), 4
            if len(data) < start + length:
                break
            self._frame(data[0] & 15, data[start : start + length])
            data = data[start + length :]
        self.buffer = data

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(10, payload)
        elif opcode == 1 and payload.startswith(b'{"seq":'):
            seq = int(payload[7 : payload.index(b",")])
            if seq == self.last + 1:
                self.last = seq
                self.holder.heard.append((self.index, seq, time.monotonic()))
            elif self.resumed or self.holder.bare:
                self.holder.wrong += 1
        elif opcode == 1 and ((b'"hello"' in payload and not self.last) or b'"resumed"' in payload):
            self.resumed = True
            if self.up is not None and not self.up.done():
                self.up.set_result(None)

    def _write(self, opcode: int, payload: bytes) -> None:  # masked with zeros
        self.transport.write(bytes((128 | opcode, 128 | len(payload))) + b"\0\0\0\0" + payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self.holder.lost(self)


class Holder:
    def __init__(self, port: int, players: list[str], *, bare: bool) -> None:
        from gamification.kernel.web.tokens import issue_token  # needs Django set up

        self.port, self.players, self.bare = port, players, bare
        now = datetime.now(UTC)
        self.tokens = [issue_token(player, now)[0] for player in players]
        self.heard: list[tuple[int, int, float]] = []
        self.wrong = 0
        self.open = 0
        self.clients = [Held(self, index) for index in range(len(players))]

    def handshake(self, index: int) -> bytes:
        return (
            f"GET /game-events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            f"x-player: {self.players[index]}\r\nAuthorization: Bearer {self.tokens[index]}\r\n\r\n"
        ).encode()

    def lost(self, client: Held) -> None:
        self.open -= 1

    async def connect(self) -> float:
        """Connect every client, AT_ONCE at a time. Returns the seconds until all have got `hello` or `resumed`."""
        started, gate = time.monotonic(), asyncio.Semaphore(AT_ONCE)
        loop = asyncio.get_running_loop()

        async def one(client: Held) -> None:
            async with gate:
                while True:
                    client.up = loop.create_future()
                    try:
                        await loop.create_connection(lambda: client, "127.0.0.1", self.port)
                        self.open += 1
                        await asyncio.wait_for(client.up, 30)
                        return
                    except (OSError, TimeoutError):
                        await asyncio.sleep(0.1)

        await asyncio.gather(*(one(client) for client in self.clients))
        return time.monotonic() - started

    async def serve(self) -> None:
        """Obey the lines on stdin."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            wish = line.split()
            if wish[0] == "connect":
                say({"seconds": await self.connect(), "open": self.open})
            elif wish[0] == "lost":
                while self.open:  # noqa: ASYNC110 - told by none
                    await asyncio.sleep(0.05)
                say({"open": self.open})
            elif wish[0] == "report":
                await loop.run_in_executor(None, Path(wish[1]).write_text, json.dumps(self.heard))
                last = [client.last for client in self.clients]
                say({"open": self.open, "wrong": self.wrong, "heard": len(self.heard), "last": sum(last)})
                self.heard.clear()


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


def hold(port: int, sockets: int, bare: bool) -> None:
    raise_open_files()
    django.setup()
    holder = Holder(port, [f"p{n}" for n in range(sockets)], bare=bare)
    gc.disable()
    uvloop.run(holder.serve())


if __name__ == "__main__":
    hold(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")
