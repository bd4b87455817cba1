"""The scheduled jobs, called chores, and what runs those that are due: Celery's beat, or without a broker `run`.

Every chore may run twice, or in two processes at once, with the same result: each asks the database what is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

import prometheus_client
from django.core.cache import cache
from django.db import close_old_connections
from django.utils import timezone

from achievements import tasks as achievements
from anticheat import precision, profiling
from gamification import backfilling, relay, retention
from gamification.analytics import following, lately, sinking
from gamification.kernel.content import releasing
from gamification.kernel.core import bus, liveness
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.messaging import followers
from gamification.kernel.storage.shares import in_each
from gamification.kernel.web import keys
from gamification.review import tasks as review
from gamification.webhooks import following as webhooks
from gamification.webhooks import sending
from quests import tasks as quests
from rewards.tasks import expire_rewards

logger = logging.getLogger(__name__)

BACKFILL_TIME_SLICE = 2.0
"""Seconds that a backfill may take at a time: a worker has events to process in between."""
LAST_TICK_KEY = "clock.ticked"
"""The cache's key for the time of the last tick."""


_ticked = prometheus_client.Gauge(
    "gamification_clock_last_tick_timestamp_seconds",
    "When this process last ran the chores that were due, in Unix time",
    multiprocess_mode="livemax",
)
_chores = prometheus_client.Counter(
    "gamification_chores", "Chores of the clock, by what came of them", ["chore", "outcome"]
)
_chore_seconds = prometheus_client.Counter("gamification_chore_seconds", "Seconds spent on chores", ["chore"])


def note_tick(now: datetime) -> None:
    """Note in the cache that the clock ticks. Only `doctor` reads it, so it may be lost."""
    with suppress(Exception):
        cache.set(LAST_TICK_KEY, now.isoformat(), timeout=None)


def last_tick() -> datetime | None:
    """When the clock last ticked, in any process, to within 10 seconds. None: the cache does not say."""
    ticked = cache.get(LAST_TICK_KEY)
    return datetime.fromisoformat(ticked) if ticked else None


@dataclass(slots=True)
class Chore:
    name: str
    every: int
    """Seconds between two runs."""
    run: Callable[[datetime], object]
    due: datetime | None = field(default=None, compare=False)


def _publish_releases(now: datetime) -> None:
    releasing.publish_due(now, partial(bus.handle, actor=SYSTEM, now=now))


CHORES = [
    Chore("run backfills", 1, partial(backfilling.run_pending, seconds=BACKFILL_TIME_SLICE)),
    Chore("expire rewards", 1, in_each(expire_rewards)),
    Chore("lift standings that end", 5, in_each(review.lift_standings)),
    Chore("weigh cases by what waits for them", 60, review.weigh_cases),
    Chore("withhold what had to wait", 60, review.withhold_in_turn),
    Chore("publish releases whose hour has come", 1, _publish_releases),
    Chore("expire quests", 1, in_each(quests.expire_runs)),
    Chore("publish facts that were left", 1, relay.sweep),
    Chore("send what webhooks wait for", 1, sending.sweep),
    Chore("forget old messages to webhooks", 3600, in_each(webhooks.forget)),
    Chore("count what happens lately", 2, in_each(lately.follow)),
    Chore("add to the figures", 2, in_each(following.follow)),
    Chore("look at how players play", 2, in_each(profiling.follow)),
    Chore("send facts to the sink", 1, sinking.wake),
    Chore("put rules that are often wrong into shadow", 3600, precision.demote),
    Chore("forget hours that are not shown", 86400, lately.forget),
    Chore("say that the clock ticks", 10, note_tick),
    Chore("forget answers to idempotency keys", 600, retention.forget_answers),
    Chore("forget events past retention", 3600, in_each(retention.forget_events)),
    Chore("forget refused events", 3600, in_each(retention.forget_rejected)),
    Chore("forget old messages", 3600, in_each(retention.forget_messages)),
    Chore("forget samples that no window can hold", 86400, in_each(retention.forget_window_samples)),
    Chore("forget closed runs that are not shown", 86400, in_each(retention.forget_runs)),
    Chore("forget periods past retention", 86400, in_each(retention.forget_periods)),
    Chore("forget old backfills", 86400, retention.forget_jobs),
    Chore("forget ended sessions", 86400, retention.forget_sessions),
    Chore("forget old facts", 60, in_each(followers.forget_facts)),
    Chore("warn of keys that end soon", 3600, keys.warn),
    Chore("forget workers that ended", 3600, retention.forget_workers),
    Chore("count how rare each achievement is", 3600, achievements.roll_up_rarity),
    Chore("count how rare each quest is", 3600, quests.roll_up_rarity),
]

_waking = threading.Event()


def tick(now: datetime) -> None:
    """Run what is due. A chore that fails is logged, tried again in its turn, and keeps no other from running."""
    _ticked.set(now.timestamp())
    for chore in CHORES:
        if chore.due is not None and now < chore.due <= now + timedelta(seconds=chore.every):
            continue  # the second bound: a clock that was set back does not stop the chores until it has caught up
        chore.due = now + timedelta(seconds=chore.every)
        began = perf_counter()
        try:
            with liveness.busy():
                chore.run(now)
            _chores.labels(chore.name, "done").inc()
        except Exception:
            logger.exception("could not %s", chore.name)
            _chores.labels(chore.name, "failed").inc()
        _chore_seconds.labels(chore.name).inc(perf_counter() - began)


def wake() -> None:
    """Run the backfills now rather than at the next tick. Call it after the commit that made one."""
    CHORES[0].due = None
    _waking.set()


def run(stop: threading.Event) -> None:
    """Tick every second until `stop` is set; the thread of `manage.py serve`."""
    while not stop.is_set():
        _waking.clear()
        tick(timezone.now())
        close_old_connections()
        _waking.wait(timeout=1)


def stop_running(stop: threading.Event) -> None:
    stop.set()
    _waking.set()
