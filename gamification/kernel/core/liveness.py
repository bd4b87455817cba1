"""Whether a process without a port of its own, a worker or beat, goes on: what its health check asks.

It says how soon it will be heard of again, and is stuck once that has passed. A process that waits for a broker that is
away has promised nothing: to start it again would not help.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STUCK_AFTER = 300.0
"""Seconds that one batch, or one step of a chore, may take."""

_due: float | None = None


def expect_within(seconds: float) -> None:
    """Whoever calls this calls it again before so many seconds have passed."""
    global _due
    _due = time.monotonic() + seconds


@contextmanager
def busy() -> Iterator[None]:
    """What is done within this ends within STUCK_AFTER, or says `still_busy` before."""
    global _due
    expect_within(STUCK_AFTER)
    try:
        yield
    finally:
        _due = None


def still_busy() -> None:
    """What takes long in many small steps says so at each: within `busy`, that it has STUCK_AFTER again."""
    if _due is not None:
        expect_within(STUCK_AFTER)


def is_stuck() -> bool:
    return _due is not None and time.monotonic() > _due
