"""What a Celery worker does with game events: it takes them from RabbitMQ in small batches and loses none.

Everything here runs on the worker's own event loop (`-P solo`), where heartbeats to the broker have to go on: so a
database that is away is waited for by a timer, never by sleeping.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection as database
from django.utils import timezone

from gamification import pipeline
from gamification.intake.amqp import DEAD_LETTERS, MAX_EVENTS, Batch, DeadLetter, Message, NotParked, transient
from gamification.intake.confirmed_publisher import ConfirmedPublisher, NotConfirmed
from gamification.intake.heartbeat import Unacked
from gamification.kernel.core import liveness, stages
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.amqp_frames import read_at_once
from gamification.kernel.messaging.amqp_reading import UNREADABLE, body_of, undecoded
from gamification.serving import tracing

logger = logging.getLogger(__name__)

BATCH_LINGER = 0.02
"""Seconds that a batch waits to become full."""
FIRST_PREFETCH, MIN_PREFETCH, MAX_PREFETCH = 20, 4, 1_000
"""Messages a worker holds at once: FIRST_PREFETCH until it has seen how many events a message has, then two batches'
worth, from MIN_PREFETCH to MAX_PREFETCH."""
FIRST_PAUSE, MAX_PAUSE = 0.1, 10.0
"""Seconds before a batch is tried again, doubled each time."""
SUSPECT_AFTER = 3
"""A message that came back so often is tried alone: it may be what kills the worker."""
SUBSCRIPTION_CHECK_INTERVAL = 10.0
"""Seconds without a message after which a worker subscribes anew."""
SUBSCRIBE_TIMEOUT = 5.0
"""Seconds that the broker may take for each answer while a worker subscribes."""
SHUTDOWN_TIMEOUT = 10.0
"""Seconds for which a worker that was told to stop goes on with what it holds. The rest goes back to the queue."""


Process = Callable[[Sequence[GameEvent]], object]


class Receiver:
    """Takes what one connection delivers, puts it into batches, processes and acknowledges it, until it is lost."""

    def __init__(
        self,
        wire: Any,
        loop: Any,
        unacked: Unacked | None = None,
        *,
        queue: str = "",
        process: Process | None = None,
    ) -> None:
        """`loop` has `call_after(seconds, callback)`: Celery's timer. `queue`: from which it takes, the usual one when
        none is named. `process`: what it does with a batch's events."""
        self.wire = wire
        self.loop = loop
        self.queue = queue or topology.events().name
        self._process = process or count
        self.unacked = unacked or Unacked()
        self.publisher = ConfirmedPublisher()
        self.unread: deque[Any] = deque()
        self.batch = Batch()
        self.suspects: deque[Any] = deque()
        self.stuck: Batch | None = None
        """The batch that failed and is tried again; no other is begun before it has succeeded."""
        self.pause = FIRST_PAUSE
        self.is_open = True
        self.is_busy = False
        self.is_due = False
        self.prefetch = FIRST_PREFETCH
        read_at_once(wire.connection)
        self.channel = self._new_channel()
        self.consumer = self._subscribe()
        self.received = 0
        """Messages since the last check of the subscription."""
        self._call_after(SUBSCRIPTION_CHECK_INTERVAL, self._check_subscription)

    # -- taking in -----------------------------------------------------------------------------------------------------

    def take(self, message: Any) -> None:
        """Take a message that was delivered. While a batch is being processed, it only waits."""
        self.received += 1
        self.unacked.take(self.queue, message)
        self.unread.append(message)
        self._work(patient=True)

    def _work(self, *, patient: bool) -> None:
        """Read what was delivered; process it once it fills a batch or, if not `patient`, at once."""
        if not self.is_open or self.is_busy or self.stuck:
            return
        while self.unread and not self.batch.is_full:
            message = self.unread.popleft()
            if _redeliveries(message) >= SUSPECT_AFTER:
                self.suspects.append(message)
            else:
                self._add(message, self.batch)
        if self.batch.is_full or (self.batch and not patient):
            self._settle(self.batch)
        if self.suspects and not self.stuck and not patient:
            self._settle(self._next_suspect())
        if self.unread or self.batch or self.suspects:
            self._later(0 if self.unread else BATCH_LINGER)

    def _next_suspect(self) -> Batch:
        """A batch of the next suspect alone.

        Suspects are taken from alternate ends each time they have come back. So each time others than the last one are
        processed first, and soon the message that kills the worker is the only one left.
        """
        message = self.suspects.popleft() if _redeliveries(self.suspects[0]) % 2 else self.suspects.pop()
        batch = Batch()
        self._add(message, batch)
        return batch

    def _add(self, message: Any, batch: Batch) -> None:
        batch.add(
            Message.read(body_of(message), now=timezone.now(), headers=message.headers or {}), message.delivery_tag
        )

    def _later(self, seconds: float) -> None:
        if not self.is_due and not self.stuck:
            self.is_due = True
            self._call_after(seconds, self._due)

    def _due(self) -> None:
        self.is_due = False
        self._work(patient=False)

    def _call_after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` on the loop in so many seconds; a failure of it ends the connection, which is then made anew.

        The loop itself only logs what fails in a timer and goes on: a worker without its channel would
        stay idle for ever.
        """

        def call() -> None:
            try:
                callback()
            except Exception as problem:
                raise ConnectionError(f"the channel of the events broke: {problem}") from problem

        self.loop.call_after(seconds, call)

    # -- processing ----------------------------------------------------------------------------------------------------

    def _settle(self, batch: Batch) -> None:
        """Commit, park, acknowledge: in this order, so that a crash in between costs a repetition and no event."""
        if batch is self.batch:
            self.batch = Batch()
        self.is_busy = True
        try:
            with liveness.busy():
                batch.settle(self._process, self._park)
        except Exception as problem:
            if not transient(problem):
                raise
            self._wait(batch, problem)
        else:
            self.stuck, self.pause = None, FIRST_PAUSE
            self._acknowledge(batch)
            self._adjust_prefetch(batch)
        finally:
            self.is_busy = False

    def _wait(self, batch: Batch, problem: Exception) -> None:
        """Keep the batch, unacknowledged, and the broker's connection; the database's may be broken."""
        logger.warning("%d messages wait for %.1f s: %s", len(batch), self.pause, problem)
        self.stuck = batch
        self.unacked.waits_for = str(problem).strip().partition("\n")[0] or type(problem).__name__
        database.close()
        self._call_after(self.pause, self._again)
        self.pause = min(self.pause * 2, MAX_PAUSE)

    def _again(self) -> None:
        if self.is_open and self.stuck:
            while self.unread and self.stuck.needs_company:
                self._add(self.unread.popleft(), self.stuck)
            self._settle(self.stuck)
            self._work(patient=False)

    def _park(self, letter: DeadLetter) -> None:
        headers = {"x-reason-code": letter.code, "x-reason": letter.reason}
        try:
            self.publisher.send(letter.body, exchange=topology.dead().exchange.name, headers=headers)
        except NotConfirmed as problem:
            raise NotParked(f"{DEAD_LETTERS}: {problem}") from problem
        stages.count_events("parked", 1)

    def _acknowledge(self, batch: Batch) -> None:
        """Acknowledge all messages at once; one by one while suspects wait, which came earlier and are not done."""
        if self.suspects or len(batch) == 1:
            for tag in batch.tags:
                self.channel.basic_ack(tag)
        else:
            self.channel.basic_ack(batch.tags[-1], multiple=True)
        self.unacked.done(self.queue, batch.tags)

    # -- whether anything comes ----------------------------------------------------------------------------------------

    def _check_subscription(self) -> None:
        """Subscribe anew, on a new channel, after a while without any message.

        Nothing that a worker may ask the broker tells whether its subscription still works. A quorum queue that was
        deleted and declared anew at once can keep the old subscription and number its messages from zero again; the
        channel, which has seen these numbers, then drops the messages and holds them back from everybody else.
        """
        if not self.is_open:
            return
        if not self.received and not self.unacked.of(self.queue):
            with self.wire.connection.transport.having_timeout(SUBSCRIBE_TIMEOUT):
                self.channel.basic_cancel(self.consumer)  # its answer comes after messages that are on their way
                if not self.received:
                    self.channel.close()
                    self.channel = self._new_channel()
                self.consumer = self._subscribe()
        self.received = 0
        self._call_after(SUBSCRIPTION_CHECK_INTERVAL, self._check_subscription)

    def _new_channel(self) -> Any:
        channel = undecoded(self.wire.channel())
        topology.declare(channel)
        return channel

    # -- how much to hold ----------------------------------------------------------------------------------------------

    def _subscribe(self) -> str:
        self.channel.basic_qos(0, self.prefetch, False)
        return str(self.channel.basic_consume(self.queue, callback=self.take))

    def _adjust_prefetch(self, batch: Batch) -> None:
        """Adjust the prefetch to two batches: with more, one worker holds minutes of work while another has none."""
        wanted = max(MIN_PREFETCH, min(MAX_PREFETCH, 2 * MAX_EVENTS * len(batch) // max(batch.size, 1)))
        says_enough = batch.is_full or len(batch) >= self.prefetch // 2
        if says_enough and not self.prefetch / 2 <= wanted <= self.prefetch * 2:
            self.prefetch = wanted
            self.channel.basic_cancel(self.consumer)  # a new limit holds for the next subscription only
            self.consumer = self._subscribe()

    # -- the end -------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Process what is not acknowledged, for SHUTDOWN_TIMEOUT at most; the broker gives the rest to others."""
        self.channel.basic_cancel(self.consumer)  # its answer comes after messages that are on their way
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        if self.stuck:
            self._settle(self.stuck)
        while (self.unread or self.batch or self.suspects) and not self.stuck and time.monotonic() < deadline:
            self._work(patient=False)
        self.drop()
        self.channel.close()

    def drop(self) -> None:
        """The connection is gone: what is not acknowledged will be delivered again, to whoever is there."""
        self.is_open = False
        self.unacked.forget(self.queue)
        self.publisher.drop()


def count(events: Sequence[GameEvent]) -> object:
    with tracing.batch(events):
        return pipeline.process(events, now=timezone.now(), is_answered=False)


def _redeliveries(message: Any) -> int:
    """How often the broker has redelivered this message, because somebody took it and did not acknowledge it.

    Anybody may send such a header, and it stands until the broker has counted for the first time. One that is no number
    makes its message suspicious: to be tried alone is all that it can bring about.
    """
    headers = message.headers or {}
    count = headers.get("x-delivery-count", SUSPECT_AFTER if UNREADABLE in headers else 0)
    return count if type(count) is int and count >= 0 else SUSPECT_AFTER
