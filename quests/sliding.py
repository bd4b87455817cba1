"""A quest's sliding window, kept in the row of its run: exact for up to `EXACT` samples, bounded beyond.

The newest samples are kept one by one, as far back as a late one may share a window with them. Older ones are merged
with their neighbours, no entry with more samples than a 64th of those newer than it, and each entry counts for when its
oldest sample was. So a window of more than `EXACT` samples may lack, at its older edge, up to a 64th of the samples
within; it never holds any from outside. Of a DISTINCT window, beyond so many, only the newest sample of each member is
kept, and no more than `MAX_ENTRIES` in all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import Json, Sample
from progress.rules.requirements import Requirement
from progress.rules.vocabulary import RequirementType
from progress.rules.windows import WINDOW_MEMORY, best_window

EXACT = 1_000
SHARE = 64
MAX_ENTRIES = 2_000
"""Entries in all: enough for millions of samples, since those that are merged grow with their age."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_at = attrgetter("at")


class Entry(NamedTuple):
    """A sample, or several that were merged into one."""

    at: datetime
    value: float
    member: str | None
    samples: int = 1


@dataclass(slots=True)
class Sliding:
    best: float | None = None
    """The greatest window so far."""
    entries: list[Entry] = field(default_factory=list)
    """(time, "", value, member, samples), in the order of their time: one sample, or several that were merged, which
    stand at the time of their oldest with what they add up to.
    """

    def slide(self, requirement: Requirement, sample: Sample, at: datetime) -> bool:
        """Count a sample; says whether some window that holds it meets the requirement now."""
        assert requirement.window is not None
        entries = self.entries
        if entries and entries[-1].at - at > WINDOW_MEMORY:
            return False
        entries.insert(bisect_right(entries, at, key=_at), _entry(requirement, at, sample.value, sample.member))
        is_count = requirement.type == RequirementType.COUNT
        adding = replace(requirement, type=RequirementType.SUM) if is_count else requirement
        best, met_at = best_window(entries, adding, at)
        if best is not None and (self.best is None or best > self.best):
            self.best = best
        if met_at is None:
            self._forget(requirement)
        return met_at is not None

    def _forget(self, requirement: Requirement) -> None:
        """Drop what no late sample can share a window with any more, and merge what is more than needed."""
        assert requirement.window is not None
        entries = self.entries
        if requirement.type == RequirementType.MAX:
            del entries[:-1]  # the greatest sample is the greatest window: only the newest's time matters
            return
        oldest = entries[-1].at - WINDOW_MEMORY - requirement.window
        del entries[: bisect_left(entries, oldest, key=_at)]
        if len(entries) > MAX_ENTRIES:
            older, newer = entries[:-EXACT], entries[-EXACT:]
            merged = (
                _of_each_member(older, newer) if requirement.type == RequirementType.DISTINCT else _merged(older, newer)
            )
            self.entries = [*merged, *newer][-MAX_ENTRIES:]

    def dump(self) -> dict[str, Json]:
        return {"best": number(self.best), "entries": [_dumped(entry) for entry in self.entries]}


def _entry(requirement: Requirement, at: datetime, value: float, member: str | None) -> Entry:
    """An entry with what the requirement looks at: COUNT adds up ones."""
    if requirement.type == RequirementType.COUNT:
        value = 1.0
    return Entry(at, value, member if requirement.type == RequirementType.DISTINCT else None)


def _merged(older: list[Entry], newer: list[Entry]) -> list[Entry]:
    """Merge neighbours where they are no more than a 64th of the samples that are newer."""
    after = sum(entry.samples for entry in newer)
    kept: list[Entry] = []
    for entry in reversed(older):
        last = kept[-1] if kept else None
        if last is not None and last.samples + entry.samples <= (after - last.samples) / SHARE:
            kept[-1] = entry._replace(value=entry.value + last.value, samples=entry.samples + last.samples)
        else:
            kept.append(entry)
        after += entry.samples
    return kept[::-1]


def _of_each_member(older: list[Entry], newer: list[Entry]) -> list[Entry]:
    """The newest of each member that no newer entry has."""
    seen = {None, *(entry.member for entry in newer)}
    kept: list[Entry] = []
    for entry in reversed(older):
        if entry.member not in seen:
            seen.add(entry.member)
            kept.append(entry)
    return kept[::-1]


def _dumped(entry: Entry) -> list[Json]:
    """Microseconds since 1970, value, member and number of samples; the last two are left out where there is nothing to
    say.
    """
    at, value, member, samples = entry
    fields: list[Json] = [(at - _EPOCH) // _MICROSECOND, number(value), member, samples]
    return fields[:2] if samples == 1 and member is None else fields[:3] if samples == 1 else fields


def load(kept: dict[str, Any]) -> Sliding:
    """The inverse of `dump`."""
    return Sliding(kept["best"], [_loaded(*entry) for entry in kept["entries"]])


def _loaded(at: int, value: float, member: str | None = None, samples: int = 1) -> Entry:
    return Entry(_EPOCH + at * _MICROSECOND, value, member, samples)
