"""Sends facts to a product that analyses them: Segment, PostHog, or whoever takes CloudEvents.

A follower of its own, in a thread of its own: at least once, in batches. A sink that is dead, slow or refuses costs
nobody anything but the facts that are kept for it, and those have an end (FACTS_KEPT).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid5

import httpx
import msgspec
from django.conf import settings
from django.db import connection

from gamification.analytics import keeping
from gamification.kernel.core.encoding import instant, json_text
from gamification.kernel.messaging import outbox
from gamification.kernel.messaging.followers import FACTS, Follower, Row
from gamification.kernel.storage import shares

log = logging.getLogger(__name__)

BATCH = 100
DEADLINE = 10.0
"""Seconds that a sink may take to answer."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
NAMESPACE = UUID("5c1d0c3e-6f0a-4f3b-9a51-0d7f6d0a9b11")
"""PostHog drops what has no UUID: it is made of the fact's id, so that a copy has the same."""
NOBODY = "service"
"""Who a fact about content is of, where the sink wants somebody."""
SINK = Follower("analytics-sink", FACTS, is_on=lambda: bool(settings.ENABLE_ANALYTICS and settings.ANALYTICS_SINK_URL))


class FactToSend(NamedTuple):
    pk: int
    fact_id: str
    player_id: str
    type: str
    data: Any
    timestamp: datetime
    request_id: str
    traceparent: str


# -- forms -------------------------------------------------------------------------------------------------------------


def body(facts: Sequence[FactToSend], form: str, key: str) -> tuple[bytes, str]:
    """A batch as a sink wants it, and its content type."""
    if form == "segment":
        return msgspec.json.encode({"batch": [_segment(fact) for fact in facts]}), "application/json"
    if form == "posthog":
        return msgspec.json.encode({"api_key": key, "batch": [_posthog(fact) for fact in facts]}), "application/json"
    return msgspec.json.encode([_cloud_event(fact) for fact in facts]), "application/cloudevents-batch+json"


def _cloud_event(fact: FactToSend) -> msgspec.Raw:
    about = fact.player_id, fact.fact_id, fact.type, fact.timestamp, json_text(fact.data)
    message = outbox.cloud_event(*about, fact.request_id, fact.traceparent)
    return msgspec.Raw(message.body)


def _segment(fact: FactToSend) -> dict[str, Any]:
    return {
        "type": "track",
        "userId": fact.player_id or NOBODY,
        "event": fact.type,
        "properties": fact.data,
        "timestamp": instant(fact.timestamp),
        "messageId": fact.fact_id,
    }


def _posthog(fact: FactToSend) -> dict[str, Any]:
    return {
        "event": fact.type,
        "distinct_id": fact.player_id or NOBODY,
        "properties": {**fact.data, "fact_id": fact.fact_id},
        "timestamp": instant(fact.timestamp),
        "uuid": str(uuid5(NAMESPACE, fact.fact_id)),
    }


# -- the thread --------------------------------------------------------------------------------------------------------


class Sender:
    """One a process; of all processes one sends at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.pause = 0.0
        self.not_before = 0.0

    def wake(self) -> None:
        """Begin to send what waits, unless a thread does or the sink has failed just now. Returns at once."""
        with self._lock:
            if (self._thread is not None and self._thread.is_alive()) or time.monotonic() < self.not_before:
                return
            self._thread = threading.Thread(target=self._run, name="sink", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            send_all()
            self.pause = 0.0
        except Exception as problem:  # the sink, or the database: it is tried again, later and later
            self.pause = min(max(FIRST_PAUSE, 2 * self.pause), LONGEST_PAUSE)
            self.not_before = time.monotonic() + self.pause
            log.warning("facts were not sent to the sink, again in %d s: %s", self.pause, type(problem).__name__)
        finally:
            connection.close()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join()


_sender = Sender()


def wake(now: datetime) -> None:
    if SINK.is_on():
        _sender.wake()


def send_all() -> None:
    """Send what waits in each share, a batch after the other. Raises what goes wrong: then the rest waits."""
    address, key = _address()
    timeout = httpx.Timeout(DEADLINE)
    with httpx.Client(timeout=timeout, follow_redirects=False) as http:
        for share in shares.every():
            with shares.within(share):
                while _send_a_batch(http, address, key) == BATCH:
                    pass


def _address() -> tuple[str, str]:
    """Where to send, and the key that the address names before the @."""
    parts = urlsplit(settings.ANALYTICS_SINK_URL)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host).geturl(), unquote(parts.username or "")


def _send_a_batch(http: httpx.Client, address: str, key: str) -> int:
    """Send the next facts, and move on behind them once the sink has them. Returns how many were looked at."""
    with SINK.alone():
        rows, horizon = SINK.page(FactToSend._fields[1:], BATCH)
        facts = _public(rows)
        if facts:
            content, type_ = body(facts, settings.ANALYTICS_SINK_FORMAT, key)
            auth = (key, "") if key and settings.ANALYTICS_SINK_FORMAT != "posthog" else None
            headers = {"Content-Type": type_}
            with http.stream("POST", address, content=content, headers=headers, auth=auth) as answer:
                answer.raise_for_status()  # what else it says does not matter, however slowly
        SINK.move(rows[-1][0] if len(rows) == BATCH else horizon)
    return len(rows)


def _public(rows: Sequence[Row]) -> list[FactToSend]:
    """Without those of players who do not count publicly."""
    facts = [FactToSend(*row) for row in rows]
    left_out = keeping.not_counted({fact.player_id for fact in facts if fact.player_id})
    return [fact for fact in facts if fact.player_id not in left_out]
