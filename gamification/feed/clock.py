"""The clock of a hub and its sockets. Tests hand a hub another one."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from django.utils import timezone


class Clock:
    def now(self) -> datetime:
        """The time of day, by which tokens expire."""
        return timezone.now()

    def monotonic(self) -> float:
        """Seconds since some moment, which never go back: pauses and delays are measured by them."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
