"""The outbox: facts, written in the transaction that decided them, in the order they were stated.

A player's facts are numbered in that order, since each transaction that states any holds the player's lock. They form a
log, which followers work through (`kernel.followers`): the relay sends them to the broker, `GET /facts` hands them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from django.conf import settings
from django.db import connection

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Fact
from gamification.kernel.core.origins import Origin
from gamification.kernel.messaging.confirming import Message
from gamification.kernel.models import OutboxFact
from gamification.kernel.storage import sql

CLOUD_EVENT = "application/cloudevents+json"
FACT_SCHEMAS = "/api/schema/v1/facts/"
"""Where the JSON Schema of each type of fact is served. A shape that breaks readers would be one of `v2`."""
_UNKNOWN = Origin()
_COLUMNS = ("fact_id", "player_id", "type", "data", "timestamp", "stated_at", *Origin._fields)


def put(facts: Sequence[Fact], now: datetime, origins: Mapping[str, Origin] = MappingProxyType({})) -> None:
    """Insert facts, in the order they were stated, in one statement. `origins`: fact's id → its request."""
    rows = [
        (fact.id, fact.player_id, fact.type, fact.data, fact.timestamp, now, *origins.get(fact.id, _UNKNOWN))
        for fact in facts
    ]
    if settings.SHARES > 1 and not all(fact.player_id for fact in facts):
        _begin_to_write()
    sql.insert(OutboxFact, _COLUMNS, rows)


def _begin_to_write() -> None:
    """Have this transaction run on the node of the share before it is given ids: a follower waits for those that do.

    Whoever states facts about players has locked them there; facts about nobody come with locks of `public` alone,
    and on Citus that is another server, which gives the ids, too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text, (SELECT max(id) FROM kernel_outboxfact)")


def schema_address(type_: str) -> str:
    return f"{settings.PUBLIC_URL}{FACT_SCHEMAS}{type_}.json"


def cloud_event(
    player_id: str,
    fact_id: str,
    type_: str,
    timestamp: datetime,
    data: str,
    request_id: str = "",
    traceparent: str = "",
) -> Message:
    """A fact as a CloudEvent 1.0 in structured mode, routed by its type. `traceparent` is CloudEvents' extension for
    distributed tracing, `requestid` one of ours; `partitionkey` is the player, whose facts have an order: a fact about
    content has none, and is about `achievement/first-steps`, which is nobody's id."""
    extensions = {"requestid": request_id, "traceparent": traceparent, "partitionkey": player_id}
    event = {
        "specversion": "1.0",
        "id": fact_id,
        "source": f"/{settings.RABBITMQ_EXCHANGE}",
        "type": type_,
        "subject": player_id or f"{type_.partition('.')[0]}/{msgspec.json.decode(data)['id']}",
        "time": instant(timestamp),
        **{name: value for name, value in extensions.items() if value},
        "datacontenttype": "application/json",
        "dataschema": schema_address(type_),
        "data": msgspec.Raw(data.encode()),
    }
    return Message(type_, msgspec.json.encode(event), fact_id, type_, CLOUD_EVENT)
