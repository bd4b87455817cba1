"""What happens because time passes, where no broker's beat keeps it: a table, and the loop that reads it.

Every chore may run twice, or in two processes at once, and comes to the same: each asks the database what is due.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from achievements import tasks as achievements
from anticheat.models import Finding
from gamification import backfilling, relay
from gamification.feed.models import MESSAGES_KEPT, MESSAGES_KEPT_FOR, Message
from gamification.kernel import followers
from gamification.kernel.http import idempotency
from gamification.kernel.models import Event, Head, RejectedEvent
from progress.models import Player
from quests import tasks as quests
from rewards.tasks import expire_rewards

logger = logging.getLogger(__name__)

CUT_MARGIN = timedelta(minutes=10)
"""How much older than the limit an event must be to be deleted. A batch that began just before the cut refuses by its
own clock whatever the cut deletes, so it cannot take a copy of a deleted event for a new one."""
BREATH = 2.0
"""Seconds that a backfill may take at a time: a worker has events to process in between."""
BITE = 5_000
"""Rows deleted in one transaction: a longer one would keep SQLite's only writer waiting."""
REJECTED_KEPT_FOR = timedelta(days=30)
"""For how long a game server may ask what was refused."""
TICKED = "clock.ticked"
"""Where the cache has it."""


def forget_events(now: datetime) -> None:
    """Delete events past retention, and what anti-cheat found of them; held ones stay until a person has decided.

    The cut is on record before the first event is gone: from then on anything older is refused, whatever the setting
    says later.
    """
    if not settings.EVENT_RETENTION_DAYS:
        return
    cut = now - timedelta(days=settings.EVENT_RETENTION_DAYS) - CUT_MARGIN
    past = Event.objects.filter(timestamp__lt=cut).exclude(state=Event.State.HELD)
    if not past.exists():
        return
    with transaction.atomic():
        Head.objects.get_or_create(pk=1)
        Head.objects.filter(Q(retention_cut=None) | Q(retention_cut__lt=cut), pk=1).update(retention_cut=cut)
    _delete(past)
    _delete(Finding.objects.filter(timestamp__lt=cut).exclude(status=Finding.Status.HELD))


def _delete(rows: QuerySet[Any]) -> None:
    while bite := list(rows.values_list("pk", flat=True)[:BITE]):
        rows.model._default_manager.filter(pk__in=bite).delete()


def forget_rejected(now: datetime) -> None:
    _delete(RejectedEvent.objects.filter(rejected_at__lt=now - REJECTED_KEPT_FOR).order_by("pk"))


def forget_messages(now: datetime) -> None:
    Message.objects.filter(created_at__lt=now - MESSAGES_KEPT_FOR).delete()
    last_seq = Subquery(Player.objects.filter(pk=OuterRef("player_id")).values("last_seq")[:1])
    talkative = Player.objects.filter(last_seq__gt=MESSAGES_KEPT).values("pk")
    Message.objects.filter(player_id__in=talkative, seq__lte=last_seq - MESSAGES_KEPT).delete()


def say_so(now: datetime) -> None:
    """Leave word that the clock ticks. Only `doctor` wants to know, so it may be lost."""
    with suppress(Exception):
        cache.set(TICKED, now.isoformat(), timeout=None)


def last_tick() -> datetime | None:
    """When the clock last ticked, in any process, to some 10 seconds; as far as the cache knows."""
    ticked = cache.get(TICKED)
    return datetime.fromisoformat(ticked) if ticked else None


@dataclass(slots=True)
class Chore:
    name: str
    every: int
    """Seconds between two runs."""
    run: Callable[[datetime], object]
    due: datetime | None = field(default=None, compare=False)


CHORES = [
    Chore("run backfills", 1, partial(backfilling.run_pending, seconds=BREATH)),
    Chore("expire rewards", 1, expire_rewards),
    Chore("expire quests", 1, quests.expire_runs),
    Chore("publish facts that were left", 1, relay.sweep),
    Chore("say that the clock ticks", 10, say_so),
    Chore("forget answers to idempotency keys", 600, idempotency.forget_expired),
    Chore("forget events past retention", 3600, forget_events),
    Chore("forget refused events", 3600, forget_rejected),
    Chore("forget old messages", 3600, forget_messages),
    Chore("forget old facts", 60, followers.forget_facts),
    Chore("count how rare each achievement is", 3600, achievements.roll_up_rarity),
    Chore("count how rare each quest is", 3600, quests.roll_up_rarity),
]

_waking = threading.Event()


def tick(now: datetime) -> None:
    """Run what is due. A chore that fails is logged, tried again in its turn, and keeps no other from running."""
    for chore in CHORES:
        if chore.due is not None and now < chore.due <= now + timedelta(seconds=chore.every):
            continue  # the second bound: a clock that was set back does not stop the chores until it has caught up
        chore.due = now + timedelta(seconds=chore.every)
        try:
            chore.run(now)
        except Exception:
            logger.exception("could not %s", chore.name)


def wake() -> None:
    """Have the backfills looked at now rather than in a second: call it after the commit that made one."""
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
