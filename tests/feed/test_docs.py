"""What docs/live-feed.md shows is run as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import AsyncExitStack, suppress

import pytest
from django.conf import settings

from tests.support.nodes import batch, environment, game_server
from tests.support.service import free_port, serving
from tests.support.sockets import a_game, apart, token

pytestmark = [pytest.mark.django_db(transaction=True)]


async def test_the_python_client_hears_everything_once_and_survives_a_restart() -> None:
    await apart(a_game)
    text = (settings.BASE_DIR / "docs/live-feed.md").read_text()
    [client] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    env, port = environment(), free_port()
    at = f"127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serving(env, port))
        game = await stack.enter_async_context(game_server(at))
        await game.post("/events", json=batch("ann", "ann"))
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", client),
            env={**env, "SERVER": f"http://{at}", "TOKEN": token("ann")},
            stdout=asyncio.subprocess.PIPE,
        )
        assert running.stdout is not None
        out = running.stdout

        async def until_number(seq: int) -> list[int]:
            heard: list[int] = []
            async with asyncio.timeout(20):
                while seq not in heard:
                    number = (await out.readline()).split()[0]
                    if number.isdigit():
                        heard.append(int(number))
            return heard

        try:
            assert await until_number(2) == [1, 2]
            await game.post("/events", json=batch("ann"))
            assert await until_number(3) == [3]
            server.terminate()
            await apart(server.wait)
            with serving(env, port):
                await game.post("/events", json=batch("ann"))
                assert await until_number(4) == [4]
                await game.patch("/players/ann", json={"banned": True})
                async with asyncio.timeout(10):
                    assert (await out.read()).decode().splitlines()[-1] == "banned"
        finally:
            with suppress(ProcessLookupError):
                running.kill()
            await running.wait()
