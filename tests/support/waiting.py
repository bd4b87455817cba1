"""Waiting for a state, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


def until(
    holds: Callable[[], object],
    seconds: float = 60,
    *,
    despite: type[Exception] | tuple[()] = (),
    says: Callable[[], str] = lambda: "it did not come to pass",
) -> None:
    """Look again and again until it holds. `despite`: what looking may raise while it does not; `says`: what to read
    where it never held."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except despite:
            pass
        assert time.monotonic() < deadline, says()
        time.sleep(0.01)


def holds_within(seconds: float, holds: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := bool(holds())) and time.monotonic() < deadline:
        time.sleep(0.01)
    return held


async def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    """The same on an event loop that has to go on."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.01)
