"""Facts become messages: a follower writes one for each endpoint that wants the fact, each once.

It writes rows of the same database, so messages and cursor are one transaction. An endpoint that is disabled goes on
getting messages, which wait until it is enabled again; they are kept for 30 days, like those that were delivered.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from gamification.kernel.messaging.followers import CHUNK, FACTS, Follower, Row
from gamification.kernel.models import OutboxFact
from gamification.kernel.storage import shares
from gamification.webhooks.messages import body, is_wanted
from gamification.webhooks.models import Delivery, Endpoint

PAGE = 500
TIME_SLICE = 1.0
"""Seconds that a turn takes in one share, until others get theirs."""
KEPT_FOR = timedelta(days=30)

FOLLOWER = Follower("webhooks", FACTS)

_COLUMNS = ("fact_id", "type", "player_id", "timestamp", Cast("data", TextField()), "stated_at")


def follow() -> bool:
    """Write the messages of new facts, in each share. Returns whether there may be more."""
    more, anybody = False, Endpoint.objects.exists()
    for share in shares.every():
        with shares.within(share):
            more |= _follow() if anybody else _skip()
    return more


def _follow() -> bool:
    until = time.monotonic() + TIME_SLICE
    while FOLLOWER.take(_COLUMNS, _write, PAGE) == PAGE:
        if time.monotonic() > until:
            return True
    return False


def _skip() -> bool:
    """Nobody wants to hear anything: what was stated so far is of no use to whoever will."""
    horizon, _ = FACTS.horizon.look()
    if horizon > FOLLOWER.cursor():
        with FOLLOWER.alone():
            FOLLOWER.move(max(horizon, FOLLOWER.cursor()))
    return False


def _write(rows: Sequence[Row]) -> None:
    endpoints = list(Endpoint.objects.order_by("pk"))
    # A player who is being erased takes their facts with them: whose are still there stay until this has committed.
    locked = OutboxFact.objects.select_for_update(no_key=True).filter(pk__in=[row[0] for row in rows])
    there = set(locked.order_by("pk").values_list("pk", flat=True))
    now = timezone.now()
    Delivery.objects.bulk_create(
        [
            Delivery(
                endpoint=endpoint.pk,
                player_id=player_id,
                fact_id=fact_id,
                type=type_,
                body=body(fact_id, type_, player_id, timestamp, data),
                created_at=now,
            )
            for pk, fact_id, type_, player_id, timestamp, data, stated_at in rows
            for endpoint in endpoints
            if pk in there and stated_at >= endpoint.created_at and is_wanted(type_, endpoint.types)
        ],
        batch_size=PAGE,
        ignore_conflicts=True,  # a database that was set back to a backup states facts again, with the same ids
    )


def forget(now: datetime) -> None:
    """Delete messages that have had their time, and those to endpoints that are gone, in the share that is named."""
    known = list(Endpoint.objects.values_list("pk", flat=True))
    for old in (Delivery.objects.filter(created_at__lt=now - KEPT_FOR), Delivery.objects.exclude(endpoint__in=known)):
        while found := list(old.order_by("created_at").values_list("pk", flat=True)[:CHUNK]):
            Delivery.objects.filter(pk__in=found).delete()
