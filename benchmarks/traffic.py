"""What the processes at both ends of RabbitMQ do: publish events, listen for facts, post over HTTP, count.

Each runs in a contender's process, whose environment names the database and the broker. Instants are the machine's
monotonic clock, so that one process may subtract what another has read.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import kombu
from amqp import Message as Amqp
from django.conf import settings
from django.db import connection

from benchmarks import workload
from benchmarks.workload import Workload
from gamification import relay
from gamification.intake.handover import encode
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.messaging import broker, topology
from gamification.kernel.messaging.confirming import Message, Receipt
from gamification.kernel.web.access import create_key

FACTS = ("achievement.completed", "reward.granted", "reward.claimed")
MAX_KEPT = 1_000
"""Facts in the queue that nobody reads; it drops its oldest."""
AT_ONCE = 200
"""Messages published before their confirms are waited for."""


@dataclass(slots=True)
class Sender:
    stream: Iterator[GameEvent]
    wire: Any
    """A connection to the broker, and a channel of it."""
    channel: Any
    base: int = 0
    """The newest event in the inbox when the run began."""


@dataclass(slots=True)
class Listener:
    """A thread that notes when each fact arrived, by the fact's time: that of the event which it follows from."""

    arrived: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


_sender: list[Sender] = []
_listener: list[Listener] = []


# -- publishing --------------------------------------------------------------------------------------------------------


def begin(played: Workload) -> str:
    """Declare everything, bind a queue for facts; the broker's version."""
    wire = kombu.Connection(settings.RABBITMQ_URL, connect_timeout=5)
    channel: Any = wire.channel()
    topology.declare(channel)
    queue = channel.queue_declare("", durable=False, exclusive=True, arguments={"x-max-length": MAX_KEPT}).queue
    for key in FACTS:
        channel.queue_bind(queue, settings.RABBITMQ_EXCHANGE, key)
    _sender[:] = [Sender((e for batch in workload.events(played, 500) for e in batch), wire, channel)]
    return str(channel.connection.server_properties["version"])


def fill(events: int, size: int) -> None:
    """Publish fresh events, so many a message, until the broker has confirmed all of them."""
    left = events
    while left > 0:
        messages = [_message(size) for _ in range(min(AT_ONCE, -(-left // size)))]
        receipts = broker.publisher().publish(messages, timeout=60)
        if set(receipts) != {Receipt.CONFIRMED}:
            raise SystemExit(f"the broker did not take the events: {Counter(receipts)}, {broker.publisher().why}")
        left -= len(messages) * size


def pace(rate: float, size: int, seconds: float) -> dict[str, float]:
    """Publish so many events a second; event → when its message left. Without waiting for confirms, as a fleet of game
    servers would not wait for each other."""
    channel = _sender[0].channel
    left: dict[str, float] = {}
    due = time.monotonic()
    end = due + seconds
    while due < end:
        events = list(islice(_sender[0].stream, size))
        body = encode(events)
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        channel.basic_publish(Amqp(body, delivery_mode=2), topology.incoming().name, topology.EVENT_KEY)
        for event in events:
            left[instant(event.timestamp)] = now
        due += size / rate
    return left


def _message(size: int) -> Message:
    body = encode(list(islice(_sender[0].stream, size)))
    return Message(topology.EVENT_KEY, body, str(uuid.uuid4()), "game.events", exchange=topology.incoming().name)


def depth() -> int:
    """Messages that wait for a worker."""
    return int(_sender[0].channel.queue_declare(topology.events().name, passive=True).message_count)


def purge() -> None:
    _sender[0].channel.queue_purge(topology.events().name)


def remove() -> None:
    """Remove all that was declared."""
    broker.stop()
    with kombu.Connection(settings.RABBITMQ_URL, connect_timeout=5) as wire:
        channel: Any = wire.channel()
        for queue in (topology.events(), topology.dead()):
            channel.queue_delete(queue.name)
        for exchange in (topology.exchange(), topology.incoming(), topology.dead().exchange):
            channel.exchange_delete(exchange.name)


# -- counting ----------------------------------------------------------------------------------------------------------


def reset() -> None:
    """Count from here on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM kernel_event")
        _sender[0].base = cursor.fetchone()[0]


def committed() -> tuple[float, int]:
    """When it was asked, and how many events from outside were committed by then."""
    with connection.cursor() as cursor:
        now = time.monotonic()
        cursor.execute(
            "SELECT count(*) FROM kernel_event WHERE id > %s AND NOT starts_with(event_id, '~')", [_sender[0].base]
        )
        return now, cursor.fetchone()[0]


def waiting_facts() -> int:
    return relay.waiting().count()


def parked() -> int:
    return int(_sender[0].channel.queue_declare(topology.dead().name, passive=True).message_count)


def synchronous_commit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


def backends() -> list[int]:
    """The processes by which PostgreSQL serves others on this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return [pid for (pid,) in cursor.fetchall()]


def cpu(pids: list[int]) -> float:
    """Seconds that these processes of this machine have used; those that are not on it count nothing."""
    used = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


# -- listening ---------------------------------------------------------------------------------------------------------


def listen() -> None:
    """Listen for facts from now on."""
    listener, ready = Listener(), threading.Event()
    listener.thread = threading.Thread(target=_listen, args=(listener, ready), daemon=True)
    _listener[:] = [listener]
    listener.thread.start()
    ready.wait(10)


def _listen(listener: Listener, ready: threading.Event) -> None:
    def hear(message: Any) -> None:
        now = time.monotonic()
        listener.arrived.setdefault(json.loads(message.body)["time"], now)

    with kombu.Connection(settings.RABBITMQ_URL, connect_timeout=5) as wire:
        channel: Any = wire.channel()
        queue = channel.queue_declare("", durable=False, exclusive=True).queue
        channel.queue_bind(queue, settings.RABBITMQ_EXCHANGE, FACTS[0])
        channel.basic_consume(queue, callback=hear, no_ack=True)
        ready.set()
        while not listener.stop.is_set():
            with suppress(TimeoutError):
                wire.drain_events(timeout=0.5)


def heard() -> dict[str, float]:
    """Event → when the fact arrived that it completed an achievement; ends the listening."""
    [listener] = _listener
    listener.stop.set()
    assert listener.thread is not None
    listener.thread.join()
    return listener.arrived


# -- posting -----------------------------------------------------------------------------------------------------------


def key() -> str:
    return create_key("benchmark", ["events:write"])[1]


def post(port: int, api_key: str, seconds: float, callers: int, bodies: int) -> tuple[int, float, dict[int, int]]:
    """Post bodies of 500 events from so many connections at once; (events accepted, seconds, answers by status)."""
    prepared = deque(b'{"events":' + encode(list(islice(_sender[0].stream, 500))) + b"}" for _ in range(bodies))
    headers = {"Authorization": f"Api-Key {api_key}", "Content-Type": "application/json"}
    accepted, statuses = [0] * callers, Counter[int]()
    began = time.monotonic()
    end = began + seconds

    def call(number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < end:
            body = prepared[0]
            prepared.rotate()
            client.request("POST", "/api/v1/events", body, headers)
            answer = client.getresponse()
            text = answer.read()
            statuses[answer.status] += 1
            if answer.status == 202:
                accepted[number] += json.loads(text)["accepted"]
        client.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(accepted), time.monotonic() - began, dict(statuses)
