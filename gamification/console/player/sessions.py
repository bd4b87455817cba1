"""When a player played: events without a gap of 30 minutes are a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import Event

GAP = timedelta(minutes=30)
NEWEST = 5_000
"""Of so many events sessions are made: the oldest of them may have begun earlier than it says."""
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Session:
    begins: datetime
    ends: datetime
    events: int

    @property
    def lasts(self) -> str:
        minutes = round((self.ends - self.begins).total_seconds() / 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def sessions(player_id: PlayerId) -> list[Session]:
    """The newest, newest first."""
    theirs = Event.objects.filter(player_id=player_id).exclude(type__in=OWN_TYPES)
    newest = theirs.order_by("-timestamp", "-pk").values_list("timestamp", flat=True)[:NEWEST]
    return [each for each, _ in zip(cut(newest), range(SHOWN), strict=False)]


def cut(newest_first: Iterable[datetime]) -> Iterator[Session]:
    """Sessions of instants, newest first. A gap of exactly 30 minutes is within one, as analytics counts it."""
    ends = begins = None
    events = 0
    for at in newest_first:
        if begins is not None and ends is not None and begins - at > GAP:
            yield Session(begins, ends, events)
            ends, events = at, 0
        ends, begins, events = ends or at, at, events + 1
    if begins is not None and ends is not None:
        yield Session(begins, ends, events)
