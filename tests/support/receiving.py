"""What a worker of events needs: messages in its queue, a loop that turns, and a look at what became of them."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import amqp
import kombu
from django.utils import timezone

from gamification.intake.worker import Receiver
from gamification.kernel.core.encoding import instant
from gamification.kernel.messaging import topology
from tests.support import rabbit


def publish_to(key: str, *bodies: Any) -> None:
    with rabbit.channel() as channel:
        topology.declare(channel)
        channel.confirm_select()
        for body in bodies:
            message = amqp.Message(json.dumps(body).encode(), delivery_mode=2)
            channel.basic_publish_confirm(message, topology.incoming().name, key, mandatory=True)


def happened(id_: str, player: str = "ann", **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "player_id": player,
        "type": "enemy.killed",
        "data": {},
        "timestamp": instant(timezone.now() - timedelta(minutes=1)),
        **changes,
    }


class Loop:
    """As Celery's: frames and timers, one after the other."""

    def __init__(self) -> None:
        self.connection: Any = kombu.Connection(rabbit.BROKER)
        self.timers: list[tuple[float, int, Callable[[], object]]] = []
        self.connection.connect()

    def call_after(self, seconds: float, callback: Callable[[], object]) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, len(self.timers), callback))

    def until(self, holds: Callable[[], Any], seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come to pass"
            self.turn()

    def turn(self, seconds: float = 0.005) -> None:
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()
        with suppress(TimeoutError):
            self.connection.drain_events(timeout=seconds)


def send(*bodies: Any) -> None:
    """To whoever has declared the queue; a body is an event, a list of them, or bytes."""
    with rabbit.channel() as channel:
        topology.declare(channel)
        channel.confirm_select()
        for body in bodies:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            message = amqp.Message(raw, delivery_mode=2)
            channel.basic_publish_confirm(message, topology.exchange().name, topology.EVENT_KEY, mandatory=True)


def waiting(queue: str = "") -> int:
    """Messages in the queue of events that nobody holds."""
    with rabbit.channel() as channel:
        return int(channel.queue_declare(queue or topology.events().name, passive=True).message_count)


def parked() -> dict[bytes, tuple[str, str]]:
    with rabbit.channel() as channel:
        topology.declare(channel)
        found = {}
        while message := channel.basic_get(topology.dead().name):
            headers = message.headers or {}
            found[bytes(message.body, "utf-8") if isinstance(message.body, str) else bytes(message.body)] = (
                headers.get("x-reason-code", ""),
                headers.get("x-reason", ""),
            )
    return found


def is_settled(loop: Loop, receiver: Receiver) -> bool:
    """Nothing is held: RabbitMQ has every acknowledgement, which it says by giving nothing back."""
    receiver.finish()
    return waiting() == 0
