"""Sends what a queue keeps."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gamification_client.aio.waiting import Background, Lock
from gamification_client.problems import Problem, back_off
from gamification_client.queue import DiskQueue, Json

log = logging.getLogger("gamification_client")

ITEMS = 500
"""Of the 1,000 that a request may have."""
SIZE = 400_000
"""Characters, of the 1 MiB."""
GATHER = 0.1
"""Seconds in which what happens goes out together."""
LONGEST = 300.0
"""Seconds between two tries, however long the service asks to be left alone."""
BAD_REQUEST = frozenset({400, 413, 422, 431})

Rejected = Callable[[Json, str, str], None]
"""Called with an item that the service refused for good, the code, and why."""
Trouble = Callable[[Exception], None]
"""Called with what stood in the way of sending; what was to be sent stays kept. Most often a Problem."""


def is_bad_request(problem: Problem) -> bool:
    return problem.status in BAD_REQUEST


def warn(item: Json, code: str, detail: str) -> None:
    log.warning("refused: %s: %s: %r", code, detail, item)


def log_it(problem: Exception) -> None:
    log.warning("not sent yet: %s: %s", type(problem).__name__, problem)


class Sender:
    """In the background, and at `flush`. One request at a time, so that what happened first is sent first."""

    def __init__(
        self,
        queue: DiskQueue,
        send: Callable[[list[Json]], Awaitable[Mapping[str, Any]]],
        on_rejected: Rejected = warn,
        on_trouble: Trouble = log_it,
        *,
        most: int = ITEMS,
        is_its_fault: Callable[[Problem], bool] = is_bad_request,
    ) -> None:
        """`most`: how many are sent at a time. `is_its_fault`: these will never be taken."""
        self._queue = queue
        self._send = send
        self._on_rejected = on_rejected
        self._on_trouble = on_trouble
        self._most = most
        self._is_its_fault = is_its_fault
        self._failures = 0
        self._lock = Lock()
        self._background = Background(self._work, GATHER)

    def start(self) -> None:
        """For what an earlier process has left; else the first `add` does it."""
        self._background.wake()

    def add(self, item: Mapping[str, Any]) -> None:
        self._queue.add(item)
        self._background.wake()

    async def flush(self) -> None:
        """Sends what is kept, now. Raises Problem, and then it stays kept."""
        async with self._lock:
            while kept := self._queue.first(self._most, SIZE):
                await self._deliver(kept)
                self._failures = 0

    async def close(self) -> None:
        """The last try to send; what does not go out is left to the next process."""
        await self._background.stop()
        try:
            await self.flush()
        except Exception as problem:
            self._tell(problem)
        finally:
            self._queue.close()

    async def _work(self) -> float:
        """In the background: answers after how many seconds to try again. Nothing that fails may end it, be it the disk
        or a function of the caller's: what is kept would never be sent.
        """
        try:
            await self.flush()
        except Exception as problem:
            self._failures += 1
            self._tell(problem)
            told = problem.retry_after if isinstance(problem, Problem) else None
            return min(LONGEST, told or back_off(self._failures))
        return 0.0

    def _tell(self, problem: Exception) -> None:
        try:
            self._on_trouble(problem)
        except Exception:
            log.exception("on_trouble failed")

    def _refuse(self, item: Json, code: str, detail: str) -> None:
        # What the caller's function raises is said and goes no further: the items would be kept, and sent, for ever.
        try:
            self._on_rejected(item, code, detail)
        except Exception:
            log.exception("on_rejected failed")

    async def _deliver(self, kept: list[tuple[int, Json]]) -> None:
        items = [item for _, item in kept]
        try:
            rejected = (await self._send(items)).get("rejected", [])
        except Problem as problem:
            if problem.is_passing or not self._is_its_fault(problem):
                raise
            if len(kept) > 1:
                # One of them spoils the others' request: the halves tell which.
                half = len(kept) // 2
                await self._deliver(kept[:half])
                await self._deliver(kept[half:])
                return
            rejected = [{"index": 0, "code": problem.code, "detail": problem.detail}]
        for each in rejected:
            self._refuse(items[each["index"]], each["code"], each["detail"])
        self._queue.remove([number for number, _ in kept])
