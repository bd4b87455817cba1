"""A game and its players for tests of the live feed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ParamSpec, TypeVar

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.conf import settings

from gamification import pipeline
from gamification.asgi import application
from gamification.feed import hub
from gamification.feed.clock import Clock
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.web.tokens import issue_token
from tests.support.content import NOON, achievement, event, metric, publish, requirement

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]

_numbers = count(1)


async def apart(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do it on a thread, as a view would."""
    return await database_sync_to_async(work)(*arguments, **named)


def a_game() -> None:
    """Each kill is one message; ten and a hundred are achievements to work for."""
    publish(
        metric("kills"),
        achievement("each", requirement("COUNT", "kills", 1), repeat="ALWAYS"),
        achievement("ten", requirement("COUNT", "kills", 10)),
        achievement("hundred", requirement("COUNT", "kills", 100)),
        achievement("dull-7", requirement("COUNT", "kills", 50), type="SECRET"),
    )


def kills(player: str, number: int = 1) -> list[GameEvent]:
    return [event(f"k{next(_numbers)}", player) for _ in range(number)]


async def kill(player: str, number: int = 1) -> None:
    await apart(pipeline.process, kills(player, number), now=NOON)


def token(player: str, at: datetime | None = None) -> str:
    return issue_token(player, at or datetime.now(UTC))[0]


class Client(ApplicationCommunicator):
    """A socket without a network."""

    def __init__(
        self,
        bearer: str | None,
        *,
        path: str = "",
        headers: Sequence[tuple[bytes, bytes]] = (),
        subprotocols: Sequence[str] = (),
    ) -> None:
        shown = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []
        path, _, query = (path or settings.WS_PATH).partition("?")
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": query.encode(),
            "headers": [*shown, *headers],
            "subprotocols": list(subprotocols),
        }
        super().__init__(application, scope)

    async def connect(self) -> Json:
        """What the handshake came to."""
        await self.send_input({"type": "websocket.connect"})
        answer: Json = await self.receive_output(5)
        return answer

    async def hear(self, within: float = 5) -> Json:
        output = await self.receive_output(within)
        assert output["type"] == "websocket.send", output
        found: Json = json.loads(output["text"])
        return found

    async def hear_kept(self, within: float = 5) -> Json:
        """The next that is not ephemeral."""
        while (found := await self.hear(within))["type"] == "achievement.progressed":
            pass
        return found

    async def numbers(self, upto: int) -> list[int]:
        """Of all that is kept, until the one with that number."""
        found: list[int] = []
        while not found or found[-1] != upto:
            found.append((await self.hear_kept())["seq"])
        return found

    async def say(self, type_: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": type_, **fields}))

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def farewell(self, within: float = 5) -> tuple[int, str]:
        """The code and reason it is closed with; what comes before is passed over."""
        while True:
            output = await self.receive_output(within)
            if output["type"] == "websocket.close":
                return output.get("code", 1000), output.get("reason", "")

    async def go(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1005})
        await self.wait(5)


@asynccontextmanager
async def listening(player: str, **named: Any) -> AsyncIterator[tuple[Client, int]]:
    """A player's socket that was told hello, and the number it was told."""
    client = Client(token(player), **named)
    try:
        assert (await client.connect())["type"] == "websocket.accept"
        hello = await client.hear()
        assert hello["type"] == "hello"
        yield client, hello["data"]["last_seq"]
    finally:
        with suppress(Exception):
            await client.go()


@asynccontextmanager
async def a_hub(clock: Clock | None = None) -> AsyncIterator[hub.Hub]:
    """The loop's own hub, until the end; with `clock` one that lives by it, in place of any that there is."""
    if clock is not None:
        hub._hub = hub.Hub(asyncio.get_running_loop(), clock)
        hub._hub.start()
    here = hub.here()
    try:
        yield here
    finally:
        await here.stop()


class HandClock(Clock):
    """Stands still until it is moved on by hand."""

    def __init__(self) -> None:
        self._began = super().now()
        self._passed = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        until_then = self._passed + seconds
        while self._passed < until_then:
            await self._moved.wait()

    def move_on(self, seconds: float) -> None:
        self._passed += seconds
        self._moved.set()
        self._moved = asyncio.Event()


async def assert_silence(client: Client, seconds: float = 0.4) -> None:
    """Nothing that is kept comes."""
    while not await client.receive_nothing(seconds):
        assert (await client.hear())["type"] == "achievement.progressed"
