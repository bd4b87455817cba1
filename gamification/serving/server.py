"""uvicorn's server, as `manage.py serve` runs it: it ends in time when it is asked to, whatever hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
import time
from types import FrameType

import uvicorn

from gamification.kernel.core import collector
from gamification.serving.protocol import HttpProtocol

log = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT = 10.0
"""Seconds from being asked to end until the process is gone."""
ANSWER_TIMEOUT = 6.0
"""Seconds after which requests that still wait for an answer are answered 503."""
CANCEL_AFTER = 8
"""Seconds after which uvicorn cancels what still runs. A thread that waits for a server cannot be cancelled."""


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        collector.settle()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            threading.Thread(target=_leave, name="leave", daemon=True).start()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(ANSWER_TIMEOUT, self._give_up)
        await super().shutdown(sockets)

    def _give_up(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpProtocol):
                connection.give_up()


def _leave() -> None:
    time.sleep(SHUTDOWN_TIMEOUT)
    log.warning("leaving, although something still waits for a server that does not answer")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # being asked to end is no failure; what is not committed is lost, as in a crash
