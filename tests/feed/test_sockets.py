"""The feed over real sockets, served on the test's own loop as `manage.py serve` serves it."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.server import ServerProtocol

from gamification.asgi import application
from gamification.console.management.commands.serve import configured
from gamification.feed import connection, presence
from gamification.feed.consumer import FeedConsumer
from gamification.feed.hub import Hub
from gamification.feed.transport import FeedProtocol
from gamification.serving.protocol import HttpProtocol
from tests.support.content import achievement, publish, requirement
from tests.support.sockets import apart, kill, token
from tests.support.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("here")]


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[uvicorn.Server, str]]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configured(application))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield server, f"ws://127.0.0.1:{listener.getsockname()[1]}/game-events"
    finally:
        server.should_exit = True
        await running
        while _clients:  # or the collector finds their sockets open, in some later test
            client = _clients.pop()
            client.transport.abort()
            await client.wait_closed()


_clients: list[ClientConnection] = []


async def opened(url: str, player: str, **named: Any) -> ClientConnection:
    bearer = {"Authorization": f"Bearer {token(player)}"}
    client = await connect(url, additional_headers=bearer, compression=None, **named)
    _clients.append(client)
    return client


async def hear(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(5):
        found: dict[str, Any] = json.loads(await client.recv())
        return found


async def farewell(client: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(20):
            while True:
                await client.recv()
    assert client.close_code is not None
    return client.close_code, client.close_reason or ""


async def test_who_leaves_while_it_waits_for_its_turn_is_gone_at_once(here: Hub) -> None:
    async with serving() as (_, url):
        client = await opened(url, "ann")
        for _ in range(200):  # three minutes' worth
            await client.send(json.dumps({"type": "resume", "after": 0}))
        while (await hear(client))["type"] != "resumed":
            pass
        client.transport.abort()
        await eventually(lambda: here.presence.count == 0)


async def test_a_browser_comes_in_by_its_subprotocols() -> None:
    async with serving() as (_, url):
        offered: Any = ["gamification.v1", f"bearer.{token('ann')}"]
        own: Any = "http://localhost:3000"
        async with connect(url, subprotocols=offered, origin=own) as client:
            assert client.subprotocol == "gamification.v1"
            assert await hear(client) == {"type": "hello", "data": {"last_seq": 0}}
        other: Any = "https://evil.example"
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url, subprotocols=offered, origin=other)


async def test_going_away_it_tells_everybody_to_come_back_and_when() -> None:
    async with serving() as (server, url):
        clients = [await opened(url, f"p{n}") for n in range(20)]
        for client in clients:
            assert (await hear(client))["type"] == "hello"
        server.should_exit = True
        told = [await farewell(client) for client in clients]
    assert {code for code, _ in told} == {1012}
    moments = {float(reason.removeprefix("retry-after=")) for _, reason in told}
    assert all(0 <= moment <= 1 for moment in moments)
    assert len(moments) > 3


async def test_a_client_that_does_not_read_is_closed_and_costs_nobody_else_anything(
    monkeypatch: pytest.MonkeyPatch, here: Hub
) -> None:
    monkeypatch.setattr(connection, "STALLED_AFTER", 2)
    monkeypatch.setattr(connection, "BEHIND_AFTER", 2)
    await apart(publish, achievement("each", requirement("COUNT", "kills", 1), repeat="ALWAYS", title="x" * 4000))
    async with serving() as (_, url):
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", int(url.split(":")[2].split("/")[0])))
        narrow.setblocking(False)
        slow = await opened(url, "slow", sock=narrow, max_queue=1, ping_interval=None)
        quick, also = await opened(url, "quick"), await opened(url, "slow")
        for client in (quick, also):
            assert (await hear(client))["type"] == "hello"
        [slow_here, also_here] = here.presence.listeners["slow"].connections
        waited, most, most_bytes = 0.0, 0, 0
        loop = asyncio.get_running_loop()
        for number in range(1, 13):
            await kill("slow", 50)
            started = loop.time()
            await kill("quick")
            while (message := await hear(quick)).get("seq", 0) < number:
                pass
            waited = max(waited, loop.time() - started)
            most, most_bytes = max(most, slow_here.waiting), max(most_bytes, slow_here._size)
            while message.get("seq", 0) < number * 50:
                message = await hear(also)
        assert waited < 1
        assert 0 < most <= connection.MAX_WAITING
        assert 0 < most_bytes < connection.MAX_BYTES + 10_000
        await eventually(lambda: here.presence.listeners["slow"].connections == [also_here])
        assert await farewell(slow) == (4408, "slow_client")
        assert also_here.closed is None


async def test_a_client_that_is_gone_without_a_word_leaves_the_map(here: Hub) -> None:
    async with serving() as (_, url):
        client = await opened(url, "ann")
        assert (await hear(client))["type"] == "hello"
        assert here.presence.count == 1
        client.transport.abort()
        await eventually(lambda: not here.presence.count)


async def test_sockets_that_closed_leave_nothing_for_the_collector() -> None:
    """Frozen objects are freed by their last reference only: a cycle would stay for ever."""

    def alive() -> dict[type, int]:
        found = [type(each) for each in gc.get_objects()]
        kinds = (HttpProtocol, FeedProtocol, ServerProtocol, FeedConsumer, connection.Connection, presence.Listener)
        return {kind: found.count(kind) for kind in kinds}

    async with serving() as (_, url):
        gc.collect()
        before = alive()
        gc.disable()
        try:
            clients = [await opened(url, f"p{n}") for n in range(20)]
            for client in clients:
                assert (await hear(client))["type"] == "hello"
            assert alive()[ServerProtocol] == before[ServerProtocol] + 20
            assert alive()[HttpProtocol] == before[HttpProtocol]  # it has handed its connection over
            for client in clients[:10]:
                await client.close()
            for client in clients[10:]:
                client.transport.abort()
            await eventually(lambda: alive() == before, seconds=3)
        finally:
            gc.enable()
