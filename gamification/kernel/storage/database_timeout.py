"""How long a request waits for the database, and whether it answers at all.

A server that is stopped, or that a partition has cut off, says nothing, and neither its own time limits nor the
kernel's end a wait for it. So whoever answers a client says how long each call may take; one that takes longer is given
up. If the server does not even take a cancellation, the breaker opens: from then on nobody waits, until a thread that
keeps asking hears an answer. A server that is merely slow to answer one call opens nothing.
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
"""Seconds between two questions whether it answers again."""

_limit: ContextVar[float | None] = ContextVar("database_timeout", default=None)


def limit() -> float | None:
    """Seconds that a call to the database may take here; None: as long as it takes."""
    return _limit.get()


def limit_to(seconds: float) -> None:
    """For the rest of this context: a request's own task."""
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
