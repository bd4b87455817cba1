"""What an answer says that is no success, and when it is worth another try."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

PASSING = frozenset({0, 408, 429, 500, 502, 503, 504})
PAUSE = 0.5
"""Seconds, doubled for each try that has failed, before the next."""


class Problem(Exception):
    """RFC 9457's fields, with the service's stable `code`. `status` is 0 where no answer came."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail or code or f"HTTP {status}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after
        """Seconds that the service asked to wait."""

    @property
    def is_passing(self) -> bool:
        """The same request may succeed later."""
        return self.status in PASSING or self.code == "idempotency_in_progress"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.code, self.detail, self.errors, self.retry_after)


def back_off(failures: int, most: float = 30.0) -> float:
    """Seconds before the next try: longer each time, and at random, so that many do not come back at once."""
    return min(most, PAUSE * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.5)
