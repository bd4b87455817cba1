"""How one waits here: for a while, for each other, and in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

Lock = asyncio.Lock


class Pauses:
    """Waits that end at once when it is the end of them all."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Whether it was waited for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return True
        return False

    def end(self) -> None:
        self._ended.set()


async def given(made: Callable[[], T | Awaitable[T]]) -> T:
    """What a function of the caller's answers, who may have written it with async."""
    value = made()
    return await value if isinstance(value, Awaitable) else value


class Background:
    """Calls `work` soon after each `wake`, and again after the seconds that it answers; 0: when it is woken."""

    def __init__(self, work: Callable[[], Awaitable[float]], gather: float) -> None:
        self._work = work
        self._gather = gather
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Begins at the first time that a loop runs."""
        self._woken.set()
        if self._task is None:
            with suppress(RuntimeError):
                self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        wait = 0.0
        while True:
            if wait:
                await asyncio.sleep(wait)
            else:
                await self._woken.wait()
                await asyncio.sleep(self._gather)
            self._woken.clear()
            wait = await self._work()
