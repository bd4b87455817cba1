"""Ids that are made where something happens, before the first attempt to send it."""

from __future__ import annotations

import os
import time
from uuid import UUID


def uuid7() -> str:
    """A UUID of version 7: begins with the time, so that later ones sort behind earlier ones."""
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | (7 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    return str(UUID(int=value))
