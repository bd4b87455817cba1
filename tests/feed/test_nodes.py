"""The service as it is deployed: processes of `manage.py serve`, sockets here, commits there."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from django.conf import settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gamification.feed.hub import CHECK_ALL_EVERY
from gamification.feed.models import Message
from progress.models import Player
from tests.support.nodes import batch, environment, game_server, node
from tests.support.service import free_port, serving
from tests.support.sockets import a_game, apart, token
from tests.support.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True)]


PAUSE_OF_A_CLIENT = (0.05, 0.3)
"""Seconds that a client waits before it comes again; each time another number in between."""
BETWEEN_TURNS = 0.1
"""Seconds of play between two batches, so that what breaks does so in the middle of it."""


class Listener:
    """A player's device: keeps what it hears, and when it was cut off comes back and says how far it got."""

    def __init__(self, player: str, nodes: list[str]) -> None:
        self.player = player
        self.nodes = nodes
        self.heard: list[dict[str, Any]] = []
        self.connects = 0
        self.is_up = asyncio.Event()
        self.socket: Any = None
        self._token = token(player)

    @property
    def last(self) -> int:
        return int(self.heard[-1]["seq"]) if self.heard else 0

    async def run(self) -> None:
        while True:
            with suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._listen(random.choice(self.nodes))
            self.is_up.clear()
            await asyncio.sleep(random.uniform(*PAUSE_OF_A_CLIENT))

    async def _listen(self, at: str) -> None:
        bearer = {"Authorization": f"Bearer {self._token}"}
        async with connect(f"ws://{at}/game-events", additional_headers=bearer, compression=None) as self.socket:
            self.connects += 1
            await self.socket.send(json.dumps({"type": "resume", "after": self.last}))
            resumed = False
            async for text in self.socket:
                message = json.loads(text)
                if message["type"] == "resumed":
                    resumed = True
                    self.is_up.set()
                elif "seq" in message and (resumed or message["seq"] == self.last + 1):
                    self.heard.append(message)  # what came before the answer to resume comes again with it


@asynccontextmanager
async def devices(players: list[str], nodes: list[str]) -> AsyncIterator[list[Listener]]:
    listeners = [Listener(player, nodes) for player in players]
    running = [asyncio.ensure_future(listener.run()) for listener in listeners]
    try:
        for listener in listeners:
            async with asyncio.timeout(20):
                await listener.is_up.wait()
        yield listeners
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def assert_all_was_heard(listeners: list[Listener], seconds: float = 60) -> None:
    """Every number from 1 to the player's last, once, in order; and the same as is kept. A machine with much else to do
    takes long to bring cut-off clients back; what is lost does not come however long one waits."""
    last = dict(await apart(lambda: list(Player.objects.values_list("player_id", "last_seq"))))
    with suppress(TimeoutError):
        await eventually(lambda: all(each.last >= last[each.player] for each in listeners), seconds)
    rows = await apart(lambda: list(Message.objects.order_by("seq").values_list("player_id", "seq", "type", "data")))
    for each in listeners:
        assert [message["seq"] for message in each.heard] == list(range(1, last[each.player] + 1)), each.player
        kept = [row[1:] for row in rows if row[0] == each.player]
        assert [(m["seq"], m["type"], m["data"]) for m in each.heard] == kept
        assert {message["player_id"] for message in each.heard} == {each.player}


async def test_one_process_without_any_server_tells_what_a_request_and_what_the_clock_did() -> None:
    await apart(a_game)
    with node(environment()) as (_, at):
        async with game_server(at) as game, devices(["ann"], [at]) as [ann]:
            assert (await game.post("/events", json=batch("ann"))).status_code == 200
            await eventually(lambda: ann.last == 1, CHECK_ALL_EVERY / 2)
            reward = {"id": "gone", "type": "BADGE", "value": 0, "claim": "MANUAL", "claim_within": 1}
            assert (await game.post("/rewards", json=reward)).status_code == 201
            given = {"player_id": "ann", "reason": "once"}
            assert (await game.post("/rewards/gone/distribute", json=given)).status_code == 201
            await eventually(lambda: [m["type"] for m in ann.heard[1:]] == ["reward.granted", "reward.expired"])
            banned = await game.patch("/players/ann", json={"banned": True})
            assert banned.status_code == 200
            await eventually(lambda: ann.socket.close_code == 4403, 3)


@pytest.mark.redis
@pytest.mark.postgres
async def test_two_nodes_that_both_commit_tell_every_player_everything_once_and_in_order() -> None:
    await apart(a_game)
    env = environment(REDIS_HOST=settings.REDIS_HOST)
    players = [f"n{n}" for n in range(12)]
    with node(env) as (_, one), node(env) as (_, other):
        async with (
            game_server(one) as first,
            game_server(other) as second,
            devices(players * 2, [one, other]) as listeners,
        ):
            servers = [first, second]

            async def play(server: httpx.AsyncClient) -> None:
                for _ in range(25):
                    answer = await server.post("/events", json=batch(*random.sample(players, 6), "n0"))
                    assert answer.status_code == 200

            await asyncio.gather(*(play(server) for server in servers for _ in range(2)))
            await assert_all_was_heard(listeners)
            assert {each.connects for each in listeners} == {1}
            assert sum(each.last for each in listeners) > 12 * 50
            banned = await servers[0].patch("/players/n1", json={"banned": True})
            assert banned.status_code == 200
            theirs = [each for each in listeners if each.player == "n1"]
            await eventually(lambda: all(each.socket.close_code == 4403 for each in theirs), 3)


@pytest.mark.redis
async def test_a_command_apart_reaches_the_sockets_through_redis_at_once(tmp_path: Any) -> None:
    """Well before a node would have looked by itself."""
    await apart(a_game)
    env = environment(REDIS_HOST=settings.REDIS_HOST)
    lines = tmp_path / "events.jsonl"
    lines.write_text("\n".join(json.dumps(event) for event in batch("ann", "ann", "bob")["events"]))
    with node(env) as (_, at):
        async with devices(["ann", "bob"], [at]) as [ann, bob]:
            importing = await asyncio.create_subprocess_exec(
                *(".venv/bin/python", "manage.py", "import_events", str(lines)),
                cwd=settings.BASE_DIR,
                env=env,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert await importing.wait() == 0
            await eventually(lambda: ann.last == 2 and bob.last == 1, 1)


class Wire:
    """What leads to Redis, and can be cut."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._server = None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(settings.REDIS_HOST, settings.REDIS_PORT)
        self._open |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        self._open -= {writer, back}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.mark.redis
async def test_without_redis_everything_still_arrives_and_with_it_again_at_once() -> None:
    await apart(a_game)
    wire = Wire()
    await wire.join()
    env = environment(REDIS_HOST="127.0.0.1", REDIS_PORT=str(wire.port))
    with node(env) as (_, at):
        async with game_server(at) as game, devices(["ann", "bob"], [at]) as [ann, bob]:
            await game.post("/events", json=batch("ann"))
            await eventually(lambda: ann.last == 1, CHECK_ALL_EVERY / 2)
            await wire.cut()
            for _ in range(3):
                assert (await game.post("/events", json=batch("ann", "bob"))).status_code == 200
            await assert_all_was_heard([ann, bob], CHECK_ALL_EVERY * 3)
            await wire.join()

            async def is_quick() -> bool:
                before = ann.last
                await game.post("/events", json=batch("ann"))
                with suppress(TimeoutError):
                    await eventually(lambda: ann.last > before, 0.5)
                    return True
                return False

            async with asyncio.timeout(20):
                in_a_row = 0
                while in_a_row < 5:
                    in_a_row = in_a_row + 1 if await is_quick() else 0
            await assert_all_was_heard([ann, bob])
            assert (ann.connects, bob.connects) == (1, 1)
    await wire.cut()


@pytest.mark.redis
@pytest.mark.postgres
async def test_whatever_is_killed_each_player_has_every_number_in_the_end() -> None:
    """FEED_PLAYERS and FEED_TURNS make it larger and longer (ten turns a second at most)."""
    await apart(a_game)
    dice = random.Random(7)
    wire = Wire()
    await wire.join()
    # Quiet, as nobody reads what is logged: a full pipe would hold up the server.
    env = environment(REDIS_HOST="127.0.0.1", REDIS_PORT=str(wire.port), LOG_LEVEL="CRITICAL")
    players = [f"k{n}" for n in range(int(os.environ.get("FEED_PLAYERS", "20")))]
    turns = int(os.environ.get("FEED_TURNS", "24"))
    async with AsyncExitStack() as stack:
        steady = stack.enter_context(node(env))[1]
        port = free_port()
        shaky = stack.enter_context(serving(env, port))
        game = await stack.enter_async_context(game_server(steady))
        listeners = await stack.enter_async_context(devices(players, [steady, f"127.0.0.1:{port}"]))
        for turn in (n % 24 for n in range(turns)):
            answer = await game.post("/events", json=batch(*dice.sample(players, len(players) * 2 // 5)))
            assert answer.status_code == 200
            for listener in dice.sample(listeners, 3):
                listener.socket.transport.abort()
            if turn == 8:
                shaky.send_signal(signal.SIGKILL)
                shaky.wait()
            if turn in (4, 16):
                await wire.cut()
            if turn in (6, 18):
                await wire.join()
            if turn == 12:
                shaky = await asyncio.to_thread(stack.enter_context, serving(env, port))
            await asyncio.sleep(BETWEEN_TURNS)
        await assert_all_was_heard(listeners)
        assert sum(each.connects for each in listeners) > 60
    await wire.cut()
