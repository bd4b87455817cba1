"""HTTP clients that send requests as fast as they are answered, on some connections, one request at a time on each."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count, islice
from typing import Any

from benchmarks import workload
from benchmarks.workload import Workload

PEERS_METRICS = 20
MADE_A_SECOND = 3_000
WARM_UP = 0.5
"""Seconds that are not counted."""
FEW = 100
"""Players of whom a process has answered everything after a moment."""


@dataclass(frozen=True, slots=True)
class Load:
    """Which requests are sent to which port. They are named only: the client's process makes them."""

    port: int
    what: str
    """`wait`, `hand over`, `express`, or the path of something to read with `{player}` in it, or one of 100 as `{few}`.
    `304` before it: by somebody who has the answer."""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    rate: float
    """Answers a second."""
    p50: float
    """Seconds."""
    p99: float
    statuses: dict[int, int]


_streams: dict[Load, Iterator[bytes]] = {}


def run(asked: Load, played: Workload, connections: int, seconds: float) -> Heard:
    """Send requests for so many seconds, after WARM_UP."""
    stream = _streams.setdefault(asked, _requests(asked, played))
    made = list(islice(stream, int(seconds * MADE_A_SECOND)))  # before the clock runs
    return asyncio.run(_send(asked.port, chain(made, stream), connections, seconds))


def _requests(asked: Load, played: Workload) -> Iterator[bytes]:
    if asked.what in ("wait", "hand over"):
        more = (("prefer", "wait"),) if asked.what == "wait" else ()
        run = f"{time.time_ns():x}"  # ids that no earlier run has used
        for number, [event] in enumerate(workload.events(played, 1)):
            body = {
                "id": f"{run}-{number}",
                "player_id": event.player_id,
                "type": event.type,
                "data": event.data,
                "timestamp": datetime.now(UTC).isoformat(),
            }
            yield _request("POST", "/api/v1/events", (*asked.headers, *more), body)
    elif asked.what == "express":
        for [event] in workload.events(played, 1):
            body = {"type": f"metric_{random.randrange(PEERS_METRICS)}", "data": {"value": 2}}
            yield _request("POST", "/game-events", (("x-user-id", event.player_id),), body)
    else:
        has_it, _, what = asked.what.rpartition(" ")
        more = (("if-none-match", "*"),) if has_it else ()
        for number in count():
            path = what.replace("{player}", workload.player_id(1 + number * 7919 % played.players))
            path = path.replace("{few}", workload.player_id(1 + number % FEW))
            yield _request("GET", path, (*asked.headers, *more), None)


def _request(method: str, path: str, headers: tuple[tuple[str, str], ...], body: Any) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, requests: Iterator[bytes], heard: Callable[[int, float, float], None]) -> None:
        self._requests, self._heard = requests, heard
        self._buffer = b""
        self._sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        request = next(self._requests)
        self._sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        now = time.perf_counter()
        self._heard(int(head[9:12]), now, now - self._sent)
        self._buffer = b""
        self._ask()


async def _send(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Heard:
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + WARM_UP
    took: list[float] = []
    statuses: dict[int, int] = {}

    def heard(status: int, at: float, seconds: float) -> None:
        if at >= begin:
            took.append(seconds)
            statuses[status] = statuses.get(status, 0) + 1

    clients = [
        (await loop.create_connection(lambda: _Client(requests, heard), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(begin - time.perf_counter() + seconds)
    for client in clients:
        client.transport.abort()
    took.sort()
    at = [took[int(len(took) * share)] if took else float("nan") for share in (0.5, 0.99)]
    return Heard(len(took) / seconds, *at, statuses)
