"""How long a simulation may take: whoever asks waits for it, and so does a connection to the database."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from gamification.kernel.core.messages import Refused

T = TypeVar("T")

SECONDS = 5.0
"""What one simulation may take."""


class TookTooLong(Refused):
    code = "took_too_long"
    status = 503
    retry_after = 5

    def __init__(self) -> None:
        super().__init__(f"It was given up after {SECONDS:g} seconds; nothing has changed.")


class Deadline:
    """Asked again and again while something is worked out."""

    def __init__(self) -> None:
        self._at = time.monotonic() + SECONDS

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._at

    def check(self) -> None:
        """Raises TookTooLong once the time is over."""
        if self.is_over:
            raise TookTooLong

    def while_within(self, things: Iterable[T]) -> Iterator[T]:
        """These, as long as there is time."""
        for thing in things:
            self.check()
            yield thing
