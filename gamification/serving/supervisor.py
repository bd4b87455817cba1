"""Several web processes on one port, as `manage.py serve --processes N` runs them.

The parent opens the port and serves nobody: each process inherits the socket, and the kernel hands a new connection to
one that is free to take it. So a process that dies takes its own connections with it, and no others: the rest go on
taking new ones until it is started again. It is started as a program of its own rather than forked, since threads and
connections to the database do not survive a fork.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

from gamification.serving.server import SHUTDOWN_TIMEOUT

log = logging.getLogger(__name__)

LOOK_EVERY = 0.1
"""Seconds between two looks at whether a process has died, or the parent was asked to end."""
STEADY = 30.0
"""Seconds that a process has lasted when its next death counts as the first."""
FIRST_PAUSE, MAX_PAUSE = 0.5, 30.0
"""Seconds before a process that died is started again, doubled each time: one that cannot start costs little."""
KILL_AFTER = SHUTDOWN_TIMEOUT + 2
"""Seconds from being asked to end until a process that is still there is killed. Each leaves by itself before that,
unless it is stopped or in the kernel."""

Start = Callable[[int], "subprocess.Popen[bytes]"]
Ended = Callable[[int], object]
"""Is told the id of each process that ended before its time."""


@dataclass(slots=True)
class Seat:
    """One of the N processes, whichever it is at the time."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    """Since it last was steady."""
    due: float = 0.0
    """When it is to be started."""


class Supervisor:
    def __init__(self, start: Start, count: int, sockets: list[socket.socket], *, ended: Ended) -> None:
        self._start = start
        self._ended = ended
        self._sockets = sockets
        self._seats = [Seat(number) for number in range(count)]
        self._is_ending = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT, which ends all of them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while not self._is_ending:
            for seat in self._seats:
                self._look_after(seat, time.monotonic())
            time.sleep(LOOK_EVERY)
        self._end_all()

    def _look_after(self, seat: Seat, now: float) -> None:
        if seat.process is None:
            if now >= seat.due:
                seat.process, seat.started_at = self._start(seat.number), now
        elif (status := seat.process.poll()) is not None:
            seat.deaths = 1 if now - seat.started_at > STEADY else seat.deaths + 1
            pause = min(MAX_PAUSE, FIRST_PAUSE * 2 ** (seat.deaths - 1))
            log.error(
                "web process %d (number %d) has ended, %s: started again in %g s",
                seat.process.pid,
                seat.number + 1,
                _said(status),
                pause,
            )
            _let_go(seat.process)
            self._ended(seat.process.pid)
            seat.process, seat.due = None, now + pause

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._is_ending = True

    def _end_all(self) -> None:
        for each in self._sockets:  # once the others have closed theirs, a connection is refused and does not wait
            each.close()
        running = [seat.process for seat in self._seats if seat.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + KILL_AFTER
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("web process %d does not end and is killed", process.pid)
                process.kill()
                process.wait()
            _let_go(process)


def child(command: list[str], sockets: list[int], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process that inherits these sockets, these variables besides the environment, and at its standard input a pipe
    that ends with this process."""
    environment = {**os.environ, **variables}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, *command], env=environment, pass_fds=sockets, stdin=subprocess.PIPE
    )


def end_with_parent() -> None:
    """End as if asked to once the parent is gone, killed perhaps: else the port would stay taken, by nobody's child."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _said(status: int) -> str:
    return f"by signal {-status}" if status < 0 else f"with status {status}"


def _let_go(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
