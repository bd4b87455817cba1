"""Handing events over to the workers: a message of each share, answered once the broker has confirmed it.

The broker has a second. When it does not answer in time, is away, blocked by an alarm, or its queue is full or gone,
the caller processes in place instead, and `fallback` says so until it has been well for a while. The message may still
arrive: then its events are known already, and count no second time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Sequence

import msgspec
import prometheus_client
import uuid_utils.compat as uuid
from django.conf import settings

from gamification.intake import backlog
from gamification.intake.decoding import MAX_BODY, Decoded
from gamification.intake.shared_messages import SharedMessages
from gamification.kernel.core import origins
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.messaging import broker, topology
from gamification.kernel.messaging.broker import State
from gamification.kernel.messaging.confirming import Message, Receipt
from gamification.kernel.storage import shares

log = logging.getLogger(__name__)

CONFIRM_TIMEOUT = 1.0
"""Seconds that a client waits for the broker before its events are processed in place."""
TOO_LARGE = "a body grew over its limit by being written again"
FALLBACK_SHOWN_FOR = 30.0
"""Seconds that a fallback shows at `/readyz`; it is logged as rarely."""

_requests = prometheus_client.Counter(
    "gamification_event_requests",
    "Requests with events: handed over to the workers, processed in place as asked, or because the broker did not take "
    "them (fallback)",
    ["way"],
)
HANDED_OVER, IN_PLACE, FALLBACK = (_requests.labels(way) for way in ("handed_over", "in_place", "fallback"))

_fell_back = float("-inf")
_why = ""


def hand_over(decoded: Decoded) -> dict[str, int] | None:
    """How many events the workers will settle, and how many repeat another of this request; None: process in place."""
    events = distinct([event for _, event in decoded.good])
    if events:
        bodies, since, origin = _bodies(events), time.time(), origins.current.get()
        messages = [_message(share, body, [(count, origin)]) for share, (count, body) in bodies.items()]
        if not messages:
            _in_place(TOO_LARGE)
            return None
        why = _why_not(broker.publisher().publish(messages, timeout=CONFIRM_TIMEOUT), bodies, since)
        if why:
            _in_place(why)
            return None
    return _handed_over(decoded, events)


async def handed_over(decoded: Decoded) -> dict[str, int] | None:
    """The same for a coroutine, whose events share a message with those of others that wait."""
    events = distinct([event for _, event in decoded.good])
    if events:
        bodies = _bodies(events)
        if not bodies:
            _in_place(TOO_LARGE)
            return None
        origin = origins.current.get()
        waiting = [_shared.put(share, *body, origin) for share, body in bodies.items()]
        try:
            why = await waiting[0] if len(waiting) == 1 else next(filter(None, await asyncio.gather(*waiting)), "")
        except TimeoutError:
            why = f"no answer within {CONFIRM_TIMEOUT:g} s"
        if why:
            _in_place(why)
            return None
    return _handed_over(decoded, events)


def _handed_over(decoded: Decoded, events: Sequence[GameEvent]) -> dict[str, int]:
    HANDED_OVER.inc()
    return {"accepted": len(events), "duplicates": len(decoded.good) - len(events)}


def fallback() -> str:
    """Why events are processed in place although there is a broker; empty when they are not."""
    if not settings.RABBITMQ_URL:
        return ""
    publisher = broker.publisher()
    publisher.warm_up()  # so that whoever watches sees how things stand, not that nobody has asked yet
    if publisher.state in (State.DOWN, State.BLOCKED):
        return publisher.why
    return _why if time.monotonic() - _fell_back < FALLBACK_SHOWN_FOR else ""


def distinct(events: Sequence[GameEvent]) -> list[GameEvent]:
    """Without those that say the same as an earlier one of their identity. What says something else goes along: the
    worker refuses it, keeps it and shows it to anti-cheat."""
    first: dict[tuple[PlayerId, str], GameEvent] = {}
    return [
        event
        for event in events
        if (known := first.setdefault((event.player_id, event.id), event)) is event or known.digest() != event.digest()
    ]


def encode(events: Sequence[GameEvent]) -> bytes:
    """The list that the workers take; it says what was sent, so that every event keeps its digest."""
    shown = [
        {"id": e.id, "player_id": e.player_id, "type": e.type, "data": e.data, "timestamp": instant(e.timestamp)}
        for e in events
    ]
    try:
        return msgspec.json.encode(shown)
    except (OverflowError, msgspec.MsgspecError):  # integers beyond 64 bits
        return json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()


def _bodies(events: Sequence[GameEvent]) -> dict[int, tuple[int, bytes]]:
    """Share → how many events are of it, and the list of them; none, where one would be too large."""
    bodies = {}
    for share, part in shares.by_share(events, lambda event: event.player_id).items():
        body = encode(part)
        if len(body) > MAX_BODY:  # numbers may be longer than they were sent; the workers would not take it
            return {}
        bodies[share] = len(part), body
    return bodies


def _message(share: int, body: bytes, of: origins.Runs) -> Message:
    return Message(
        topology.event_key(share),
        body,
        str(uuid.uuid7()),
        "game.events",
        exchange=topology.incoming().name,
        headers=origins.header(of),
    )


async def _published(share: int, body: bytes, of: origins.Runs) -> str:
    """Publish one message; says why the broker did not take it."""
    since = time.time()
    receipts = await broker.publisher().published([_message(share, body, of)], within=CONFIRM_TIMEOUT)
    return _why_not(receipts, [share], since)


_shared = SharedMessages(_published, within=CONFIRM_TIMEOUT)


def _why_not(receipts: Sequence[Receipt], of_shares: Iterable[int], since: float) -> str:
    """Why the broker did not take every message that was published; empty: it did. What it took counts, whatever became
    of the others."""
    publisher = broker.publisher()
    failed = next((receipt for receipt in receipts if receipt is not Receipt.CONFIRMED), None)
    if failed is None:
        backlog.note(of_shares, since)
        return ""
    if failed is Receipt.RETURNED:
        publisher.start_over("no queue takes the events")
        return "no queue takes the events"
    return "the queue is full" if failed is Receipt.REFUSED else publisher.why or "the broker hung up"


def _in_place(why: str) -> None:
    """Note that a request is processed in place, and why."""
    global _fell_back, _why
    now = time.monotonic()
    if now - _fell_back > FALLBACK_SHOWN_FOR or why != _why:
        log.warning("events are processed in place: %s", why)
    _fell_back, _why = now, why
    FALLBACK.inc()
