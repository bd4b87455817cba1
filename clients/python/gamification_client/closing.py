"""What a feed does when its connection is lost."""

from __future__ import annotations

import random
import re

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

LOST = (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, httpx.TransportError)
"""What ends a connection, or does not let one come to be. A proxy that answers 502 is among them, and whoever fetches
tokens by httpx and gets no answer."""
STAY_AWAY = frozenset({4403, 4410})
"""Banned, or too many devices at once: coming back would close the next one's."""
TOKEN = 4401
LONGEST = 300.0
"""Seconds that it stays away, however long it is asked to."""


class Closed(Exception):
    """The service wants this device to stay away: `banned`, `player_erased`, `too_many_connections`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def close_of(lost: Exception) -> tuple[int, str]:
    """The code and the reason that the service gave; 1006 where it gave none."""
    if isinstance(lost, ConnectionClosed) and lost.rcvd is not None:
        return lost.rcvd.code, lost.rcvd.reason
    return 1006, str(lost)


def wait_after(reason: str, failures: int) -> float:
    """Seconds before the next try: what the service asked for, or at random and longer each time."""
    told = re.fullmatch(r"retry-after=(\d+(?:\.\d+)?)", reason)
    return min(LONGEST, float(told[1])) if told else 0.1 + random.random() * min(30.0, 0.5 * 2.0 ** min(failures, 10))
