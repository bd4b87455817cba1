"""Two followers keep the hours and days of the last weeks: one of kept events, one of facts. No batch pays for it."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from gamification.analytics import sketches
from gamification.analytics.models import ActiveDay, Hour
from gamification.kernel.core.fact_types import OWN_TYPES, FactType
from gamification.kernel.messaging.followers import EVENTS, FACTS, Follower, Row

KEPT_FOR = timedelta(days=35)
"""Four weeks and one: what is older is counted no more."""
PAGE = 5_000
TIME_SLICE = 1.0
"""Seconds that a turn may take: whoever does the clock's chores has others."""


def _is_on() -> bool:
    return bool(settings.ENABLE_ANALYTICS)


OF_EVENTS = Follower("lately-events", EVENTS, is_on=_is_on)
OF_FACTS = Follower("lately-facts", FACTS, is_on=_is_on)


def follow(now: datetime) -> None:
    """Count what has come since the last turn."""
    if not _is_on():
        return
    until = time.monotonic() + TIME_SLICE
    takes = (
        (OF_EVENTS, ("player_id", "timestamp", "type"), _count_events),
        (OF_FACTS, ("type", "timestamp", "data"), _count_facts),
    )
    for follower, columns, work in takes:
        while follower.take(columns, work, PAGE) == PAGE and time.monotonic() < until:
            pass


def forget(now: datetime) -> None:
    Hour.objects.filter(at__lt=now - KEPT_FOR).delete()
    ActiveDay.objects.filter(day__lt=(now - KEPT_FOR).date()).delete()


def zone() -> ZoneInfo:
    return ZoneInfo(settings.PLAYER_TIME_ZONE)


def hour_of(at: datetime) -> datetime:
    """When the hour began that this instant is in, by the deployment's clocks: some are half an hour off."""
    return at.astimezone(zone()).replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def _count_events(rows: Sequence[Row]) -> None:
    oldest = timezone.now() - KEPT_FOR
    hours: Counter[datetime] = Counter()
    players: defaultdict[date, defaultdict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for _, player_id, at, type_ in rows:
        if at >= oldest and type_ not in OWN_TYPES:  # what the service states itself is nobody's doing
            local = at.astimezone(zone())
            hours[hour_of(at)] += 1
            players[local.date()][local.hour].add(player_id)
    for hour, count in sorted(hours.items()):
        Hour.objects.get_or_create(pk=hour)
        Hour.objects.filter(pk=hour).update(events=F("events") + count)  # other shares count too
    for day, by_hour in sorted(players.items()):
        _note_players(day, by_hour)


def _note_players(day: date, by_hour: dict[int, set[str]]) -> None:
    """Whoever comes late is counted in the newest hour of the day: a sketch cannot be looked up by the hour."""
    ActiveDay.objects.get_or_create(pk=day)
    row = ActiveDay.objects.select_for_update().get(pk=day)
    for hour, members in sorted(by_hour.items()):
        row.sketch = sketches.add(bytes(row.sketch), members)
        newest = max([hour, *map(int, row.by_hour)])
        row.by_hour[str(newest)] = sketches.count(row.sketch)
    row.save(update_fields=["sketch", "by_hour"])


def _count_facts(rows: Sequence[Row]) -> None:
    oldest = timezone.now() - KEPT_FOR
    completions: Counter[datetime] = Counter()
    paid: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for _, type_, at, data in rows:
        if at < oldest:
            continue
        if type_ in (FactType.ACHIEVEMENT_COMPLETED, FactType.QUEST_COMPLETED):
            completions[hour_of(at)] += 1
        elif type_ == FactType.REWARD_CLAIMED and data.get("type") == "CURRENCY" and data.get("currency"):
            paid[hour_of(at)][data["currency"]] += data.get("value") or 0
    for hour in sorted({*completions, *paid}):
        Hour.objects.get_or_create(pk=hour)
        row = Hour.objects.select_for_update().get(pk=hour)
        sums = {**row.paid}
        for currency, amount in paid[hour].items():
            sums[currency] = sums.get(currency, 0) + amount
        Hour.objects.filter(pk=hour).update(completions=F("completions") + completions[hour], paid=sums)
