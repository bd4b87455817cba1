"""When a player was active: two maps of 64 days, sessions, time played. Plain Python: no database, no clock.

Days are those of the deployment's time zone, by the events' own time. One map holds the 64 days from the player's first
on, the other the 64 up to the last. What fits in neither is `late`: it is counted as an event and not as a day. So the
days in the maps do not depend on the order of events; sessions and time played follow the order of arrival.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

Key = tuple[str, str, date, str]
"""(kind, subject, day, measure): a figure of a roll-up."""
Changes = Counter[Key]

DAYS = 64
FULL = (1 << DAYS) - 1
GAP = timedelta(minutes=30)
"""A session ends when nothing comes for longer than this."""
SESSIONS_KEPT = 8
EARLY = 7
"""Days from a player's first on within which something was completed early, and as many in which they came back."""
_WEEK_TWO = (1 << EARLY) - 1 << EARLY
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """Since 1970: an exact number, where a float of seconds would not be."""
    return (at - _EPOCH) // _MICROSECOND


def week_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def month_of(day: date) -> date:
    return day.replace(day=1)


def _bits(map_: int, place: int, length: int) -> int:
    """Bits of a map from a place on, which may be before its first."""
    if place < 0:
        place, length = 0, length + place
    return map_ >> place & (1 << length) - 1 if length > 0 else 0


@dataclass(slots=True)
class Played:
    """One player's activity. `note` takes the next event."""

    is_counted: bool = True
    first_day: date | None = None
    last_day: date | None = None
    first_map: int = 0
    last_map: int = 0
    late: int = 0
    microseconds_played: int = 0
    sessions: int = 0
    began_at: datetime | None = None
    newest_at: datetime | None = None
    latest_sessions: list[list[int]] = field(default_factory=list)
    begun: int = 0
    completed: dict[str, int] = field(default_factory=dict)
    """Kind and id of content → the number of the first day on which it was completed, or claimed."""
    sessions_kept: int = SESSIONS_KEPT

    def note(self, at: datetime, day: date, changes: Changes) -> bool:
        """Take an event in; notes what it changes. Returns whether its day fits in the maps."""
        self.play(at)
        if day == self.last_day:  # most events are
            return True
        if self._mark(day, changes):
            return True
        self.late += 1
        return False

    # -- days ----------------------------------------------------------------------------------------------------------

    def was_active(self, day: date) -> bool:
        return self.was_active_within(day, 1)

    def was_active_within(self, day: date, length: int) -> bool:
        """On any of so many days from this one on."""
        if self.first_day is None or self.last_day is None:
            return False
        after = (day - self.first_day).days
        before = (self.last_day - day).days - (length - 1)
        return bool(_bits(self.first_map, after, length) or _bits(self.last_map, before, length))

    def _mark(self, day: date, changes: Changes) -> bool:
        if self.was_active(day):
            return True
        first_day, has_returned = self.first_day, self.has_returned
        is_marked = self._place(day, changes)
        if (first_day, has_returned) != (self.first_day, self.has_returned):
            for key in self._early(first_day, has_returned):
                changes[key] -= 1
            for key in self._early(self.first_day, self.has_returned):
                changes[key] += 1
        return is_marked

    def _place(self, day: date, changes: Changes) -> bool:
        if self.first_day is None or self.last_day is None:
            self._count(day, changes)
            self.first_day = self.last_day = day
            self.first_map = self.last_map = 1
            changes["game", "", day, "new"] += 1
            self._cohort(changes, 1)
            return True
        if day < self.first_day:
            self._count(day, changes)
            self._cohort(changes, -1)
            changes["game", "", self.first_day, "new"] -= 1
            self.first_map = (self.first_map << (self.first_day - day).days | 1) & FULL
            self.first_day = day
            before = (self.last_day - day).days
            if before < DAYS:
                self.last_map |= 1 << before
            changes["game", "", day, "new"] += 1
            self._cohort(changes, 1)
            return True
        after, before = (day - self.first_day).days, (self.last_day - day).days
        if after >= DAYS and before >= DAYS:
            return False
        self._count(day, changes)
        if before < 0:
            self.last_map = (self.last_map << -before | 1) & FULL
            self.last_day = day
        elif before < DAYS:
            self.last_map |= 1 << before
        if after < DAYS:
            self.first_map |= 1 << after
            changes["retention", f"{after:02}", self.first_day, "players"] += 1
        return True

    def _count(self, day: date, changes: Changes) -> None:
        """Count the player as active on a new day, and in its week and month where that is the first day of it."""
        changes["game", "", day, "active"] += 1
        monday, first = week_of(day), month_of(day)
        if not self.was_active_within(monday, 7):
            changes["game", "", monday, "active in week"] += 1
        length = (month_of(first + timedelta(days=31)) - first).days
        if not self.was_active_within(first, length):
            changes["game", "", first, "active in month"] += 1

    def _cohort(self, changes: Changes, sign: int) -> None:
        assert self.first_day is not None
        bits, after = self.first_map, 0
        while bits:
            if bits & 1:
                changes["retention", f"{after:02}", self.first_day, "players"] += sign
            bits, after = bits >> 1, after + 1

    # -- what was completed --------------------------------------------------------------------------------------------

    @property
    def has_returned(self) -> bool:
        """Whether the player was active in their second week."""
        return bool(self.first_map & _WEEK_TWO)

    def complete(self, kind: str, id_: str, day: date, changes: Changes) -> None:
        """Note that content was completed on a day. Only the first one is of interest."""
        number, before = day.toordinal(), self.completed.get(f"{kind} {id_}")
        if before is None or number < before:
            self.complete_first(kind, id_, day, changes)

    def complete_first(self, kind: str, id_: str, day: date | None, changes: Changes) -> None:
        """Have it that content was first completed on this day, or never."""
        name = f"{kind} {id_}"
        if name in self.completed:
            for key in self._first(name, self.first_day, self.has_returned):
                changes[key] -= 1
            del self.completed[name]
        if day is not None:
            self.completed[name] = day.toordinal()
            for key in self._first(name, self.first_day, self.has_returned):
                changes[key] += 1

    def _first(self, name: str, first_day: date | None, has_returned: bool) -> list[Key]:
        kind, _, id_ = name.partition(" ")
        number = self.completed[name]
        players: Key = (kind, id_, date.fromordinal(number), "players")
        if first_day is None or number - first_day.toordinal() >= EARLY:
            return [players]
        early: Key = (kind, id_, first_day, "early")
        return [players, early, (kind, id_, first_day, "early returned")] if has_returned else [players, early]

    def _early(self, first_day: date | None, has_returned: bool) -> list[Key]:
        """The figures by which those who completed something early are held against the others."""
        if first_day is None:
            return []
        keys: list[Key] = [("game", "", first_day, "new returned")] if has_returned else []
        for name in self.completed:
            keys += self._first(name, first_day, has_returned)[1:]
        return keys

    # -- time ----------------------------------------------------------------------------------------------------------

    def play(self, at: datetime) -> None:
        """Add what was played since the player's newest event, where this one is later and not by more than GAP."""
        if self.newest_at is None:
            self.began_at = self.newest_at = at
            self.sessions = 1
            now = microseconds(at)
            self.latest_sessions = [[now, now, 0]]
            return
        if at <= self.newest_at:
            return
        gap, now = at - self.newest_at, microseconds(at)
        if gap <= GAP:
            self.microseconds_played += gap // _MICROSECOND
            self.latest_sessions[-1][1] = now
        else:
            self.sessions += 1
            kept = self.latest_sessions[1 - self.sessions_kept :]
            self.latest_sessions = [*kept, [now, now, self.microseconds_played]]
        self.newest_at = at

    def played_until(self, at: datetime) -> int | None:
        """Microseconds played up to an instant. None: that was in a session that is no longer kept."""
        until = microseconds(at)
        for begins, ends, before in reversed(self.latest_sessions):
            if until >= begins:
                return before + min(until, ends) - begins
        return 0 if len(self.latest_sessions) == self.sessions else None
