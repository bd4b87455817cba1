"""What is kept of one event type of a player: its gaps, how many of their windows are flat, how large its values are.

What is remembered fades: when a stream has seen 600 windows, both its counts are halved, so that somebody who has
played for years and then lets a program play is seen within some hundred events.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from zlib import crc32

import msgspec

NEWEST = 32
"""Events that are kept sorted: one that comes later than these makes no gap."""
MINUTE, HOUR = 60_000, 3_600_000
SESSION = 30 * 60_000
PAUSE = 20 * 60_000
"""A gap, in milliseconds, that ends a span of play."""
LATE = 5 * 60_000
SLOW, SLOW_ALIKE = 3_600_000, 5_000
"""Of a second device whose clock is slow all events are late by the same, to within so much: below an hour that is
taken for what it is. Nobody gains by backdating so little, and always by as much."""
LATE_MEMORY = 500
"""Events after which it is half forgotten how many came late: once a day is a network, one of thirty is not."""
LATE_TYPES = 4
"""Event types of which it is kept how many come late."""
ON_TIME = 60_000
FLUSH = 60_000
"""Late events that arrive within this of one another came from a device that was offline."""
BURST = 10_000
WINDOW = 15
"""Gaps of one window."""
UNIT = 30
"""Units of a gap in a second: 1,800 seconds fit into 16 bits."""
OFFSET = 3
"""0.1 s in units: what is added to a gap, so that the shortest do not weigh more than the rest."""
MEMORY = 600
"""Windows after which a stream's counts are halved."""
TYPES = 7
FIELDS = 2
"""Numeric fields of a type that are looked at."""
LAGS = range(2, 17)
HELD = 600
"""Gaps shorter than this, one like the other, may be a key that is held down: up to a window of them count once."""
HOURS = 72
GRID_LEAST, GRID_BIN, GRID_BINS, GRID_MEMORY = -4.6, 0.2, 61, 1_024
"""ln of a gap in seconds: from a hundredth of a second to half an hour."""
LOOP_MEMORY = 300
STEPS = (900_000, 300_000, 60_000, 10_000, 1_000)
"""In milliseconds: what clocks and servers that are not exact count in."""
EVERY = 25
"""Gaps, or events, after which a stream is judged anew."""
COMPLETIONS = ("achievement.completed", "quest.completed")
CLAIMED = "reward.claimed"
FAST = 0.1
"""How much of its size the 95th percentile moves at a value: up by 95 % of this, down by 5 %."""


@lru_cache(maxsize=4_096)
def hash_of(name: str) -> int:
    return crc32(name.encode()) or 1


class Values(msgspec.Struct, array_like=True):
    """One numeric field of the events of a type."""

    field: int
    high: float
    """About the 95th percentile of its values."""
    count: int = 0
    told: int | None = None
    """The bucket in which the cohort counts it."""


class Stream(msgspec.Struct, array_like=True):
    """The gaps between events of one type; of `type` 0: between all."""

    type: int
    count: int = 0
    last: int = 0
    session: int = 0
    gap_session: int = 0
    gaps: int = 0
    sessions: int = 0
    """Those with a gap."""
    windows: int = 0
    flat: int = 0
    """Of these windows, those whose gaps hardly vary."""
    told: int = 0
    """What the cohort was told of it: see `cohorts.Cohort.tell`."""
    rate_told: int | None = None
    ring: list[int] = msgspec.field(default_factory=list)
    total: int = 0
    squares: int = 0
    """The sums over the ring."""
    values: list[Values] = msgspec.field(default_factory=list)
    span_from: int = 0
    """Since when there was no gap of 20 minutes; in seconds."""
    hours: bytes = b""
    """A bit for each of the 72 hours up to that of `last`, in which an event counted."""

    def add(self, at: int, session: int) -> int:
        """The next event of this stream counts; returns its gap in milliseconds, 0 where it makes none."""
        if at - self.last >= PAUSE or not self.span_from:
            self.span_from = at // 1_000
        if at // HOUR != self.last // HOUR or not self.hours:
            self._note_hour(at // HOUR)
        gap = at - self.last if session == self.session else 0
        if 0 < gap < SESSION:
            if session != self.gap_session:
                self.gap_session = session
                self.sessions += 1
            ring, new = self.ring, gap * UNIT // 1_000
            ring.append(new)
            self.gaps += 1
            self.total += new
            self.squares += new * new
            if len(ring) >= WINDOW:
                if len(ring) > WINDOW:
                    old = ring.pop(0)
                    self.total -= old
                    self.squares -= old * old
                self.windows += 1
                # The coefficient of variation is below 0.25, in whole numbers.
                if 16 * (WINDOW * self.squares - self.total**2) < (self.total + WINDOW * OFFSET) ** 2:
                    self.flat += 1
                if self.windows >= MEMORY:
                    self.windows >>= 1
                    self.flat >>= 1
        self.session, self.last = session, at
        return gap

    def _note_hour(self, hour: int) -> None:
        bits = int.from_bytes(self.hours, "big")
        bits = bits << min(hour - self.last // HOUR, HOURS) & ((1 << HOURS) - 1)
        self.hours = (bits | 1).to_bytes(HOURS // 8, "big")

    @property
    def flatness(self) -> float:
        return self.flat / self.windows if self.windows else 0.0


class Late(msgspec.Struct, array_like=True):
    """Of one event type: how many came late while the player was online, and how many did not, since the first."""

    type: int
    late: int = 0
    others: int = 0
    told: int = 0
    """As in `Stream`."""


def note_late(types: list[Late], type_: int) -> None:
    """One more of this type came late. It was counted among the others when it came."""
    known = next((each for each in types if each.type == type_), None)
    if known is not None:
        known.late += 1
        known.others -= 1
    elif len(types) < LATE_TYPES:
        types.append(Late(type_, 1))


class AtOnce(msgspec.Struct, array_like=True):
    """How many events have one timestamp."""

    newest: int = 1
    """Of the newest timestamp."""
    more: int = 0
    more_squared: int = 0
    """Of all timestamps before that had several: the sums of their number beyond one, and of its square."""

    def end(self) -> None:
        self.more += self.newest - 1
        self.more_squared += self.newest**2 - 1
        self.newest = 1


class Income(msgspec.Struct, array_like=True):
    currency: int
    amount: int = 0
    source: int = 0
    """The reward that pays most often, by majority vote."""
    votes: int = 0
    claims: int = 0
    of_source: int = 0
    told: int | None = None


# -- events that wait to be sorted -------------------------------------------------------------------------------------


def packed(waiting: list[tuple[int, int]]) -> bytes:
    """All instants, then all types: 12 bytes an event."""
    return array("q", [at for at, _ in waiting]).tobytes() + array("I", [type_ for _, type_ in waiting]).tobytes()


def unpacked(kept: bytes) -> list[tuple[int, int]]:
    many = len(kept) // 12
    instants, types = array("q"), array("I")
    instants.frombytes(kept[: 8 * many])
    types.frombytes(kept[8 * many :])
    return list(zip(instants, types, strict=True))
