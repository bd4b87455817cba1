"""Days, weeks and months in a player's time zone, as a pure function of a history of zones: the player's own or, for
players who never chose one, the deployment's (progress.zones).

A new zone applies from the end of the period that is open when it is set; the first period under it ends at the new
zone's first boundary that is at least a whole period later. So nobody gains a period by moving, and nobody is cut
short. DST changes are the calendar's: a local day may have 23 or 25 hours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, assert_never
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.vocabulary import Vocabulary


class PeriodKind(Vocabulary):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


Zones = tuple[tuple[str, str], ...]
"""`(from, zone name)`, oldest first; `from` is "" for the first, else the instant it was set."""

_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)


class Period(NamedTuple):
    opens: datetime
    closes: datetime


PeriodsAt = Callable[[PeriodKind], Period]
"""A player's periods at some instant, by their kind."""


class _Regime(NamedTuple):
    """The time from `start` on, in which `zone` applies. Its first period ends at `first_end`."""

    start: datetime
    zone: str
    first_end: datetime


def freeze(zones: list[list[str]]) -> Zones:
    """Zone history as it is stored → as it is computed with."""
    return tuple((since, name) for since, name in zones)


def zone_name(zones: Zones) -> str:
    """The zone that was chosen last (it may apply only from the end of the open period)."""
    return zones[-1][1]


def change_zone(zones: Zones, name: str, now: datetime) -> Zones:
    """The history with a new zone set at `now`. Zones that were set before and have not begun are left out."""
    if zone_name(zones) == name:
        return zones
    while len(zones) > 1 and all(_regimes(kind, zones)[-1].start > now for kind in PeriodKind):
        zones = zones[:-1]
    return zones if zone_name(zones) == name else (*zones, (instant(now), name))


def period(kind: PeriodKind, zones: Zones, at: datetime) -> Period:
    """The period of `kind` that holds the instant `at`."""
    regimes = _regimes(kind, zones)
    regime = regimes[bisect_right(regimes, at, key=lambda r: r.start) - 1]
    if at < regime.first_end:
        return Period(regime.start, regime.first_end)
    return _calendar_at(kind, regime.zone, at)


@lru_cache(maxsize=4096)
def _regimes(kind: PeriodKind, zones: Zones) -> tuple[_Regime, ...]:
    regimes = [_Regime(_BEGINNING, zones[0][1], _BEGINNING)]
    for since, name in zones[1:]:
        at = parse_instant(since)
        while len(regimes) > 1 and regimes[-1].start > at:  # not begun yet: the newer wish replaces it
            regimes.pop()
        current = regimes[-1]
        if current.zone == name:
            continue
        end = current.first_end if at < current.first_end else _calendar_at(kind, current.zone, at).closes
        regimes.append(_Regime(end, name, _first_boundary(kind, name, end)))
    return tuple(regimes)


def _first_boundary(kind: PeriodKind, name: str, start: datetime) -> datetime:
    """The zone's first boundary at least a whole period after `start`."""
    match kind:
        case PeriodKind.DAILY:
            earliest = start + timedelta(hours=24)
        case PeriodKind.WEEKLY:
            earliest = start + timedelta(days=7)
        case PeriodKind.MONTHLY:
            earliest = (start.astimezone(_zone(name)) + relativedelta(months=1)).astimezone(UTC)
        case _:
            assert_never(kind)
    found = _calendar_at(kind, name, earliest)
    return found.opens if found.opens >= earliest else found.closes


def _calendar_at(kind: PeriodKind, name: str, at: datetime) -> Period:
    """The calendar's period that holds an instant.

    Where clocks were changed across midnight, an instant's local date may be that of the day beside its period's: the
    bounds decide.
    """
    opening = _opening_date(kind, at.astimezone(_zone(name)).date())
    found = _calendar(kind, name, opening)
    if at < found.opens:
        opening = _opening_date(kind, opening - timedelta(days=1))
        found = _calendar(kind, name, opening)
    while at >= found.closes:
        opening = _closing_date(kind, opening)
        found = _calendar(kind, name, opening)
    return found


def _opening_date(kind: PeriodKind, day: date) -> date:
    match kind:
        case PeriodKind.DAILY:
            return day
        case PeriodKind.WEEKLY:
            return day - timedelta(days=day.weekday())
        case PeriodKind.MONTHLY:
            return day.replace(day=1)
    assert_never(kind)


def _closing_date(kind: PeriodKind, opening: date) -> date:
    match kind:
        case PeriodKind.DAILY:
            return opening + timedelta(days=1)
        case PeriodKind.WEEKLY:
            return opening + timedelta(days=7)
        case PeriodKind.MONTHLY:
            return opening + relativedelta(months=1)
    assert_never(kind)


@lru_cache(maxsize=4096)
def _calendar(kind: PeriodKind, name: str, opening: date) -> Period:
    return Period(_midnight(opening, name), _midnight(_closing_date(kind, opening), name))


def _midnight(day: date, name: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_zone(name)).astimezone(UTC)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
