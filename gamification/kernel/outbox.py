"""The outbox: facts wait here, written in the transaction that decided them, until they are on their way.

A player's facts are numbered in the order they were stated, since each transaction that states any holds the player's
lock. They leave in that order: one process publishes at a time, and what comes after a fact that the broker did not
take stays with it. A fact is deleted when the broker has confirmed it, so a crash in between sends it again: at least
once, with the fact's id to tell.

A fact that no queue is bound for counts as published: nobody listens, and what it says is in the tables all the same.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Cast

from gamification.kernel import sql
from gamification.kernel.broker import Message, Receipt
from gamification.kernel.encoding import instant
from gamification.kernel.messages import Fact
from gamification.kernel.models import OutboxFact

CLOUD_EVENT = "application/cloudevents+json"
BITE = 500
"""Facts published before the next look at the outbox."""
PATIENCE = "10s"
"""How long to wait for another process to finish its bite; longer than that waits for the broker."""

_LOCK = int.from_bytes(b"outbox")

Publish = Callable[[Sequence[Message]], Sequence[Receipt]]


def put(facts: Sequence[Fact], now: datetime) -> None:
    """Put facts out to be published, in the order they were stated, in one statement."""
    rows = [(fact.id, fact.player_id, fact.type, fact.data, fact.timestamp) for fact in facts]
    sql.insert(OutboxFact, ("fact_id", "player_id", "type", "data", "timestamp"), rows)


def relay(publish: Publish, most: int = BITE) -> tuple[int, int]:
    """Publish the oldest facts; says how many there were, `most` at most, and how many have left."""
    with _alone():
        rows = list(
            OutboxFact.objects.order_by("pk")
            .annotate(text=Cast("data", models.TextField()))  # as it is stored: not read here, only passed on
            .values_list("pk", "player_id", "fact_id", "type", "timestamp", "text")[:most]
        )
        receipts = publish([cloud_event(*row[1:]) for row in rows])
        gone, stuck = [], set()
        for (pk, player_id, *_), receipt in zip(rows, receipts, strict=True):
            if receipt not in (Receipt.CONFIRMED, Receipt.RETURNED):
                stuck.add(player_id)
            elif player_id not in stuck:
                gone.append(pk)
        return len(rows), _delete(gone)


def _delete(gone: Sequence[int]) -> int:
    """Without waiting for who is deleting some of them already (a player is being erased), or it could wait for us."""
    facts = OutboxFact.objects.filter(pk__in=gone)
    if connection.features.has_select_for_update_skip_locked:
        facts = OutboxFact.objects.filter(pk__in=facts.select_for_update(skip_locked=True).values("pk"))
    return facts.delete()[0] if gone else 0


def cloud_event(player_id: str, fact_id: str, type_: str, timestamp: datetime, data: str) -> Message:
    """A fact as a CloudEvent 1.0 in structured mode, routed by its type."""
    event = {
        "specversion": "1.0",
        "id": fact_id,
        "source": f"/{settings.RABBITMQ_EXCHANGE}",
        "type": type_,
        "subject": player_id,
        "time": instant(timestamp),
        "datacontenttype": "application/json",
        "data": msgspec.Raw(data.encode()),
    }
    return Message(type_, msgspec.json.encode(event), fact_id, type_, CLOUD_EVENT)


@contextmanager
def _alone() -> Iterator[None]:
    """Until the end, no other process publishes. Who waits too long gets `OperationalError`.

    On PostgreSQL the lock is the transaction's: it is gone with a process that is killed. On SQLite a transaction
    would keep every writer waiting for the broker, so the lock is that of a file.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic():
            sql.lightly()  # a deletion that a crash undoes is a fact that leaves twice
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            yield
    else:
        with open(f"{connection.settings_dict['NAME']}-relay", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
