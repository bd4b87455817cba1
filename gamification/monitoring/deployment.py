"""How things stand in the database, for `/metrics`: how far behind each follower is, and what backfills have to do.

It is the same whichever process is asked, so whoever reads several takes the greatest. It is read when somebody asks,
and once in `GOOD_FOR` seconds at most: anybody may ask for `/metrics`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gamification.kernel.messaging import followers
from gamification.kernel.storage import database_timeout, shares
from progress.models import Backfill

log = logging.getLogger(__name__)

GOOD_FOR = 5.0
UNFINISHED = (Backfill.State.PENDING, Backfill.State.RUNNING, Backfill.State.FAILED)


class Deployment(Collector):
    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._read_at = float("-inf")
        self._found: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        return ()  # so that nothing is read when it is registered

    def collect(self) -> Iterable[Metric]:
        with self._reading:
            if time.monotonic() - self._read_at >= GOOD_FOR:
                self._found, self._read_at = list(_read()), time.monotonic()
            return self._found


def _read() -> Iterable[Metric]:
    up = GaugeMetricFamily("gamification_database_up", "Whether the database answers (1) or not (0)")
    try:
        with database_timeout.within(settings.DB_TIMEOUT):
            found = [*_followers(), *_backfills()]
        up.add_metric([], 1)
        return [up, *found]
    except Exception as problem:  # whatever it is: the rest of what is counted is to be seen all the same
        log.warning("how things stand in the database cannot be told", exc_info=problem)
        connection.close()
        up.add_metric([], 0)
        return [up]


def _followers() -> Iterable[Metric]:
    rows = GaugeMetricFamily(
        "gamification_follower_behind_rows",
        "Rows of its log that a follower has not done, at most",
        labels=["follower"],
    )
    seconds = GaugeMetricFamily(
        "gamification_follower_behind_seconds",
        "For how long the oldest row has waited that a follower has not done",
        labels=["follower"],
    )
    behind: dict[str, int] = {}
    longest: dict[str, float] = {}
    now = timezone.now()
    for share in shares.every():
        with shares.within(share):
            for name, lag in followers.lags().items():
                behind[name] = behind.get(name, 0) + lag.rows
                waited = (now - lag.since).total_seconds() if lag.since else 0.0
                longest[name] = max(longest.get(name, 0.0), waited)
    for name, count in behind.items():
        rows.add_metric([name], count)
        seconds.add_metric([name], longest[name])
    return [rows, seconds]


def _backfills() -> Iterable[Metric]:
    jobs = GaugeMetricFamily("gamification_backfills", "Backfills and previews that are not done", labels=["state"])
    left = GaugeMetricFamily("gamification_backfill_players_left", "Players whose past they have yet to count")
    unfinished = Backfill.objects.filter(state__in=[state.value for state in UNFINISHED])
    counted = dict(unfinished.order_by().values_list("state").annotate(Count("pk")))
    for state in UNFINISHED:
        jobs.add_metric([state.value.lower()], counted.get(state.value, 0))
    running = unfinished.exclude(state=Backfill.State.FAILED.value)
    players = running.aggregate(left=Sum(F("players_total") - F("players_done")))["left"]
    left.add_metric([], max(0, players or 0))
    return [jobs, left]


DEPLOYMENT = Deployment()
