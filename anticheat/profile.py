"""How a player plays, in no more than 2 KB: what each event changes in it, at a cost that does not grow.

Events come in the order of their arrival. The newest 32 are kept sorted by timestamp; the oldest of them then *counts*:
it makes a gap with the one before. An event from before those that have counted makes none. A *session* ends with a gap
of 30 minutes.

A *stream* is what is kept of the gaps of one event type, or of all events together. Seven types have one each; where
there are more, the one seen least makes room. Event types and fields stand here as a hash of 32 bits.
"""

from __future__ import annotations

import msgspec

from anticheat.streams import GRID_BINS, LAGS, UNIT, WINDOW, AtOnce, Income, Late, Stream

_ZEROS = [0] * GRID_BINS


class Profile(msgspec.Struct, array_like=True):
    first: int = 0
    newest: int = 0
    """The timestamp, in milliseconds since 1970, of the newest event that has counted."""
    events: int = 0
    played: int = 0
    session: int = 1
    span_from: int = 0
    hour: int = 0
    hours: bytes = b""
    """These three are each stream's now. Profiles of before have them here, and are read as they are."""
    waiting: bytes = b""
    everything: Stream = msgspec.field(default_factory=lambda: Stream(0))
    grid: list[int] = msgspec.field(default_factory=_ZEROS.copy)
    recent: bytes = b""
    loop: list[int] = msgspec.field(default_factory=lambda: [0] * len(LAGS))
    near: bytes = b""
    """What has not been summed up yet, in bytes."""
    looked: int = 0
    types: list[Stream] = msgspec.field(default_factory=list)
    seen: bytes = bytes(64)
    new_types: list[int] = msgspec.field(default_factory=list)
    completed: list[int] = msgspec.field(default_factory=list)
    on_time_at: int = 0
    late_at: int = 0
    is_late_alone: bool = False
    late: int = 0
    late_most: int = 0
    reused: int = 0
    device: int = 0
    incomes: list[Income] = msgspec.field(default_factory=list)
    sessions: list[int] = msgspec.field(default_factory=list)
    """When the newest sessions began and ended, in seconds, in turn."""
    judged: int = 0
    """A bit for each rule that has judged this player."""
    held: int = 0
    held_place: int = -1
    """How many short gaps in a row were like the one before, and where in the grid they are."""
    at_once: AtOnce = msgspec.field(default_factory=AtOnce)
    late_type: int = 0
    late_types: list[Late] = msgspec.field(default_factory=list)
    late_by: int = 0
    """How much later than its timestamp the newest late event came that none came just before."""
    same_at: int = 0
    same: int = 0
    """A timestamp, and how many events in a row have arrived with it."""


class Due(msgspec.Struct):
    """What there is to be judged after an event."""

    streams: list[Stream] = msgspec.field(default_factory=list)
    kinds: set[str] = msgspec.field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.kinds)


COLLECTED_EVERY = 15.0
"""Seconds: a server that collects what happens, and gives all of it one time, mostly does so at such intervals or
longer. At shorter ones it has to be plainer: something that drops two things at once has several at one time, too."""


def median_gap(ring: list[int]) -> float:
    return sorted(ring)[len(ring) // 2] / UNIT if ring else 0.0


def is_collected(profile: Profile) -> bool:
    """Whether timestamps are a server's, which looks now and then at what has happened: as many events have one time as
    happened meanwhile, now more and now fewer. Their gaps are the server's, too."""
    ring, times = profile.everything.ring, profile.everything.count - profile.at_once.more
    if times < WINDOW:
        return False
    mean = profile.everything.count / times
    variance = (times + profile.at_once.more_squared) / times - mean * mean
    if all(gap % UNIT == 0 for gap in ring):  # whole seconds, or minutes: the clock alone makes them few
        return mean >= 1.2 and variance >= 0.1
    least = 0.6 if median_gap(ring) >= COLLECTED_EVERY else max(0.6, 0.4 * mean)
    return mean >= 1.5 and variance >= least
