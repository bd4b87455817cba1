"""How long a call to the database may take, and a circuit breaker for a database that does not answer.

A server that is stopped, or that a partition has cut off, says nothing, and neither its own time limits nor the
kernel's end a wait for it. So whoever answers a client sets a limit for each call, and a call that takes longer is
given up. If the server does not even take a cancellation, the breaker opens: from then on calls fail at once, until a
thread that keeps asking gets an answer. A server that is merely slow to answer one call opens nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

log = logging.getLogger(__name__)

RETRY_EVERY = 0.5
"""Seconds between two attempts to get an answer, while the breaker is open."""

_limit: ContextVar[float | None] = ContextVar("database_timeout", default=None)


def limit() -> float | None:
    """Seconds that a call to the database may take here; None: as long as it takes."""
    return _limit.get()


def limit_to(seconds: float | None) -> None:
    """Set the limit for the rest of this context, such as a request's task."""
    _limit.set(seconds)


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    token = _limit.set(seconds)
    try:
        yield
    finally:
        _limit.reset(token)


class Breaker:
    """Open while the database does not answer."""

    def __init__(self) -> None:
        self.why = ""
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return bool(self.why)

    def open(self, why: str, *, hang_up: Callable[[], None], ask: Callable[[], None]) -> None:
        """`hang_up` lets go of the connections there are; `ask` raises as long as the database does not answer."""
        with self._lock:
            if self.why:
                return
            self.why = why
        log.warning("the database does not answer: %s", why)
        threading.Thread(target=self._wait, args=(hang_up, ask), name="breaker", daemon=True).start()

    def _wait(self, hang_up: Callable[[], None], ask: Callable[[], None]) -> None:
        since = time.monotonic()
        with suppress(Exception):
            hang_up()
        while self.why:
            try:
                ask()
            except Exception:
                time.sleep(RETRY_EVERY)
            else:
                log.warning("the database answers again, after %.0f s", time.monotonic() - since)
                self.why = ""


breaker = Breaker()
