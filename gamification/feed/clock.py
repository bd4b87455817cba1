"""The time by which a hub and its sockets live. Whoever makes a hub may hand it another one, as tests do."""

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
