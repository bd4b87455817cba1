"""Plays a small game again and again, each time killed some lines later, and says what it was told is kept.

The last game is played to its end. Each is a process of its own; what they share is the file of the queue.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import gamification_client
from gamification_client import GameServer

OURS = os.path.dirname(gamification_client.__file__)
STEP = 17
"""Lines of the client. Each game is killed after so many more than the one before."""


class Killer:
    """Counts the lines of the client that this process comes to, on all threads."""

    def __init__(self, after: int) -> None:
        self.left = after

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        if event == "line":
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def play(service: str, key: str, file: str, number: int) -> None:
    with GameServer(service, key, queue=file) as game:
        for n in range(3):
            game.track("killed", "enemy.killed", {"game": number, "n": n})
            os.write(1, f"{number} {n}\n".encode())
            if n == 1:
                game.flush()


def main(service: str, key: str, file: str) -> None:
    for number in range(1, 500):
        child = os.fork()
        if not child:
            killer = Killer(number * STEP)
            threading.settrace(killer.trace)
            sys.settrace(killer.trace)
            play(service, key, file, number)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not status:
            os.write(2, f"{number - 1} killed\n".encode())
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, status
    raise AssertionError("it never came to its end")


if __name__ == "__main__":
    main(*sys.argv[1:])
