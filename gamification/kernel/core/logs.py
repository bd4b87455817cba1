"""Logs that can be read while something is wrong: one line for each kind of failure and interval.

A server that is away fails every request, batch and chore: thousands of tracebacks in seconds, all saying one thing.
What is of one kind (the same words with the same kind of exception, or the same words but for numbers) is written once,
and after `INTERVAL` once more, with how many there were between. That another server failed is said on that one line; a
failure of our own brings its traceback.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from typing import Any

from gamification.kernel.core import request_ids

INTERVAL = 30.0
"""Seconds from one line of a kind to the next."""
KINDS = 1_000
"""Kinds remembered at most."""

OTHERS = frozenset(
    ("OSError", "OperationalError", "InterfaceError", "AMQPError", "MessageNacked", "RedisError", "PoolTimeout")
)
"""Exceptions, by the names of their classes, that blame another server: known without importing every library."""

_DIGITS = str.maketrans("", "", "0123456789")


class OnceAnInterval(logging.Filter):
    """Lets the first of a kind pass, from WARNING on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[Hashable, tuple[float, int]] = {}
        """Of each kind: when it was written last, and how many have been left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind = _kind(record)
        now = self._clock()
        with self._lock:
            at, left_out = self._said.get(kind, (float("-inf"), 0))
            if now - at < INTERVAL:
                self._said[kind] = at, left_out + 1
                return False
            if len(self._said) >= KINDS:
                self._said.clear()
            self._said[kind] = now, 0
        record.left_out = left_out
        return True


class Line(logging.Formatter):
    """One line a record, but for the traceback of a failure of our own."""

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__)  # others write this record, too
        said = record.getMessage()
        problem = record.exc_info[1] if record.exc_info else None
        if problem is not None and _blames_another(problem):
            said += f": {type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}"
            shown.exc_info = shown.exc_text = None
        if left_out := getattr(record, "left_out", 0):
            said += f" (and {left_out} more like it since)"
        shown.msg, shown.args = said, ()
        request = request_ids.current.get()
        shown.request = f" request={request}" if request else ""
        return super().format(shown)


def _kind(record: logging.LogRecord) -> Hashable:
    problem = _problem(record)
    if problem is None:
        return record.name, record.levelno, record.getMessage().translate(_DIGITS)
    where: Any = None
    if not _blames_another(problem):
        frames = traceback.extract_tb(problem.__traceback__, limit=-1)
        where = (frames[-1].filename, frames[-1].lineno) if frames else str(problem)
    return record.name, record.levelno, record.msg, type(problem), where


def _problem(record: logging.LogRecord) -> BaseException | None:
    """The exception that a record is about: of its traceback, or among what its words are about."""
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    arguments = record.args if isinstance(record.args, tuple) else ()
    return next((each for each in arguments if isinstance(each, BaseException)), None)


def _blames_another(problem: BaseException) -> bool:
    return any(kind.__name__ in OTHERS for kind in type(problem).__mro__)
