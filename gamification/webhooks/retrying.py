"""When a message is tried again, and when an endpoint is left alone: decisions over plain values.

A message is tried at once and then nine more times, over three days, as Standard Webhooks 1.0 proposes. Beside that an
endpoint that fails again and again is paused (a circuit breaker), so that a receiver that is down is not asked with
each of a thousand messages; it is given up when nothing but failures have come of it for five days, or when it says so
itself (410 Gone).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
WAITS = (
    5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
"""How long after the first, second … failed attempt the next one is due."""
JITTER = 0.1
"""By what share of a wait it is longer at most: what failed together is not to come again together."""
FAILURES_IN_A_ROW = 5
"""After so many, an endpoint is paused."""
FIRST_PAUSE, MAX_PAUSE = 10 * SECOND, 5 * MINUTE
"""How long it is paused; doubled with each attempt that fails after a pause."""
MAX_RETRY_AFTER = 24 * HOUR
GIVEN_UP_AFTER = 120 * HOUR
"""How long there must have been failures only, until an endpoint is disabled."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of sending one message once."""

    at: datetime
    took: float
    """Seconds."""
    status: int | None = None
    """None: there was no answer."""
    error: str = ""
    """Why there was none, or what the answer said, at most 200 characters."""
    retry_after: timedelta | None = None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_over(self) -> bool:
        """Whether the receiver says that it wants nothing more, ever."""
        return self.status == GONE


def next_due(attempts: int, attempt: Attempt, dice: float) -> datetime | None:
    """When a message is due again of which `attempts` have failed; None: it is given up. `dice`: 0 to 1."""
    if attempts > len(WAITS):
        return None
    wait = WAITS[attempts - 1] * (1 + JITTER * dice)
    return attempt.at + max(wait, attempt.retry_after or timedelta())


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """What a `Retry-After` header asks for, at most MAX_RETRY_AFTER: seconds, or a date as HTTP writes it."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), MAX_RETRY_AFTER)


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has been doing."""

    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    is_given_up: bool = False
    why: str = ""
    """Why it is given up."""

    def after(self, attempt: Attempt) -> Health:
        if attempt.succeeded:
            return Health()
        failures = self.failures + 1
        since = self.failing_since or attempt.at
        found = replace(self, failures=failures, failing_since=since)
        if attempt.is_over:
            return replace(found, is_given_up=True, why="It answered 410 Gone.")
        if attempt.at - since >= GIVEN_UP_AFTER:
            return replace(found, is_given_up=True, why="Nothing but failures came of it for 120 hours.")
        pause = attempt.retry_after or timedelta()
        if failures >= FAILURES_IN_A_ROW:
            doubled = FIRST_PAUSE * 2 ** min(failures - FAILURES_IN_A_ROW, 10)
            pause = max(pause, min(doubled, MAX_PAUSE))
        return replace(found, paused_until=attempt.at + pause) if pause else found

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > now
