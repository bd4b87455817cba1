"""What a process has one of: a relay's thread, a publisher's connection, a limiter's memory."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class OneAProcess(Generic[T]):
    """Made when it is first asked for, by whichever thread that is.

    A forked child has its parent's memory and sockets but none of its threads, and a lock may be held by one of those:
    it starts with nothing and makes its own.
    """

    def __init__(self, make: Callable[[], T], end: Callable[..., object] | None = None) -> None:
        """`end` is called with what was made when the process ends, or when it is stopped before."""
        self._make = make
        self._end = end
        self._made: T | None = None
        self._making = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)
        if end is not None:
            atexit.register(self.stop)

    def __call__(self) -> T:
        made = self._made
        if made is None:
            with self._making:
                made = self._made
                if made is None:
                    made = self._made = self._make()
        return made

    @property
    def made(self) -> T | None:
        """What there is by now, if anybody has asked for it."""
        return self._made

    def stop(self, **how: Any) -> None:
        """End what there is, `how` being handed on; whoever asks next gets another one. Tests begin anew by it."""
        with self._making:
            made, self._made = self._made, None
        if made is not None and self._end is not None:
            self._end(made, **how)

    def _forget(self) -> None:
        self._made, self._making = None, threading.Lock()
