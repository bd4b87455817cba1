"""How one waits here: for a while, for each other, and in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

Lock = threading.Lock


class Pauses:
    """Waits that end at once when it is the end of them all."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Whether it was waited for so long."""
        return not self._ended.wait(seconds)

    def end(self) -> None:
        self._ended.set()


def given(made: Callable[[], T]) -> T:
    return made()


class Background:
    """Calls `work` soon after each `wake`, and again after the seconds that it answers; 0: when it is woken."""

    def __init__(self, work: Callable[[], float], gather: float) -> None:
        self._work = work
        self._gather = gather
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Begins at the first."""
        self._woken.set()
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                # A daemon: a program may end without waiting for the service. What is kept is kept.
                self._thread = threading.Thread(target=self._run, name="gamification-client", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        wait = 0.0
        while not self._stopped.is_set():
            if wait:
                self._stopped.wait(wait)
            else:
                self._woken.wait()
                self._stopped.wait(self._gather)
            if self._stopped.is_set():
                return
            self._woken.clear()
            wait = self._work()
