"""Whether events that were handed over to the workers are being settled, and since when the oldest of them waits.

RabbitMQ says how many messages wait in the queue and how many workers take from it, but neither how old they are nor
what the workers hold. So three things are put together:

- the queue, asked over a connection of one's own;
- the workers' heartbeats (`intake.heartbeat`): what each holds since when, and when the newest message that it has
  dealt with had been handed over. A queue is first in, first out: what was handed over before that has been taken out.
  Each share has a queue of its own, so one that stands still is not hidden by those that move;
- what this process has handed over itself, second by second, to each share.

What it cannot see: the age of a message that a game server published to RabbitMQ without a timestamp, before a worker
takes it (the queue's length shows that there is one); and what this process had handed over before it was restarted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import amqp
import kombu
import prometheus_client
from django.conf import settings
from django.db import connection
from django.utils import timezone

from gamification.intake.amqp import DEAD_LETTERS
from gamification.kernel.core.one_a_process import OneAProcess
from gamification.kernel.messaging import broker, topology
from gamification.kernel.models import WorkerHeartbeat

log = logging.getLogger(__name__)

LATE_AFTER = timedelta(seconds=5)
"""How long an event may wait before the backlog is reported as trouble."""
PROBE_INTERVAL = 2.0
"""Seconds between two readings."""
HEARTBEAT_EXPIRY = timedelta(minutes=10)
"""A worker without a heartbeat for this long is left out: RabbitMQ has closed its connection by then."""
LOG_INTERVAL = 60.0
"""Seconds between two lines in the log while trouble lasts."""
ANSWER_TIMEOUT = 3.0
"""Seconds that the broker may take to answer."""

_oldest = prometheus_client.Gauge(
    "gamification_oldest_unprocessed_event_seconds",
    "For how long the oldest event has waited that was handed over and is not settled",
    multiprocess_mode="livemax",
)
_queued = prometheus_client.Gauge(
    "gamification_queued_messages", "Messages with events that no worker has taken", multiprocess_mode="livemax"
)
_workers = prometheus_client.Gauge("gamification_workers", "Workers that take events", multiprocess_mode="livemax")

_handed_over: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=100_000))
"""Share → the seconds (of Unix time) in which this process handed over events that may not be settled yet, for a day
at most."""


def note(of_shares: Iterable[int], since: float) -> None:
    """Note that events of these shares were handed over, which were published after `since`, in Unix time.

    Not when they were confirmed: in the next second perhaps, and then later than the message itself says.
    """
    second = int(since)
    for share in of_shares:
        seconds = _handed_over[share]
        if not seconds or seconds[-1] != second:
            seconds.append(second)


@dataclass(frozen=True)
class Backlog:
    at: datetime
    waiting: int
    """Messages that no worker has taken yet."""
    workers: int
    """Consumers of the queue."""
    unacked: int
    """Messages that workers have taken and not acknowledged."""
    oldest: datetime | None
    """When the oldest message that is not settled was handed over, as far as can be seen."""
    heartbeats: int = 0
    """Workers that show a heartbeat."""
    standing_still: list[str] = field(default_factory=list)
    """Workers that are still connected, but have shown no heartbeat since the last reading but one."""
    waits_for: list[str] = field(default_factory=list)
    """What workers say in their heartbeats that they wait for."""

    @property
    def age(self) -> timedelta:
        return max(self.at - self.oldest, timedelta()) if self.oldest else timedelta()

    @property
    def trouble(self) -> str:
        """A sentence, where events wait for too long; else nothing."""
        if self.age <= LATE_AFTER:
            return ""
        waits = f"the oldest unprocessed event has waited for {self.age.total_seconds():.0f} s"
        count = f"{self.waiting} messages wait, {self.unacked} are with workers"
        if not self.workers:
            return f"No worker takes events: {count}, {waits}."
        if self.waits_for:
            return f"Workers cannot go on ({self.waits_for[0]}): {count}, {waits}."
        return f"Workers are behind: {count}, {waits}."

    def show(self) -> None:
        """At `/metrics`."""
        _oldest.set(self.age.total_seconds())
        _queued.set(self.waiting)
        _workers.set(self.workers)


class BacklogProbe:
    """Reads the backlog again and again, and remembers what it saw: what stands still is told from what moves."""

    def __init__(self) -> None:
        self._rabbit: Any = None
        self._newest: dict[str, tuple[int, float]] = {}
        """Worker → the number of its newest heartbeat, and when that was first seen."""
        self._first_seen: datetime | None = None

    def read(self, since: float = 3.0) -> Backlog:
        """The backlog as it is now. A worker whose heartbeat has not changed for `since` seconds stands still."""
        waiting, workers = self._queue()
        now = timezone.now()
        heartbeats = list(WorkerHeartbeat.objects.filter(at__gt=now - HEARTBEAT_EXPIRY).order_by("pk"))
        moving, still = self._split(heartbeats, since)
        # A worker whose heartbeat stopped has ended, unless RabbitMQ still counts it among the consumers.
        lost = still[: max(0, workers - len(moving))]
        there = moving + lost
        _forget_done(heartbeats)
        ages = [heartbeat.oldest for heartbeat in there if heartbeat.oldest]
        # One that was lost may have taken something in its last second.
        ages += [heartbeat.at for heartbeat in lost if not heartbeat.oldest]
        ages += [datetime.fromtimestamp(seconds[0], UTC) for seconds in list(_handed_over.values()) if seconds]
        self._first_seen = (self._first_seen or now) if waiting and not workers else None
        if self._first_seen:
            ages.append(self._first_seen)
        return Backlog(
            at=now,
            waiting=waiting,
            workers=workers,
            unacked=sum(heartbeat.unacked for heartbeat in there),
            oldest=min(ages, default=None),
            heartbeats=len(there),
            standing_still=[heartbeat.worker for heartbeat in lost],
            waits_for=[heartbeat.waits_for for heartbeat in there if heartbeat.waits_for],
        )

    def close(self) -> None:
        rabbit, self._rabbit = self._rabbit, None
        if rabbit is not None and rabbit.channels is not None:
            rabbit.collect()

    def _split(
        self, heartbeats: Sequence[WorkerHeartbeat], since: float
    ) -> tuple[list[WorkerHeartbeat], list[WorkerHeartbeat]]:
        """The workers whose heartbeat moves, and those that stand still."""
        moving: list[WorkerHeartbeat] = []
        still: list[WorkerHeartbeat] = []
        now = time.monotonic()
        for heartbeat in heartbeats:
            beat, seen = self._newest.get(heartbeat.worker, (-1, now))
            if beat != heartbeat.beat:
                self._newest[heartbeat.worker], seen = (heartbeat.beat, now), now
            (still if now - seen >= since else moving).append(heartbeat)
        return moving, still

    def _queue(self) -> tuple[int, int]:
        """Raises amqp.NotFound where there is none."""
        try:
            if self._rabbit is None:
                client = kombu.Connection(
                    settings.RABBITMQ_URL, connect_timeout=ANSWER_TIMEOUT, heartbeat=0, ssl=settings.RABBITMQ_TLS
                )
                self._rabbit = client.transport.establish_connection()
                self._rabbit.sock.settimeout(ANSWER_TIMEOUT)
            channel = self._rabbit.channel()
            found = [channel.queue_declare(queue.name, passive=True) for queue in topology.all_events()]
            channel.close()
        except amqp.NotFound:
            raise
        except Exception:
            self.close()
            raise
        # Every worker subscribes to the first; with several shares, to some of the others besides.
        return sum(queue.message_count for queue in found), found[0].consumer_count


def _forget_done(heartbeats: Sequence[WorkerHeartbeat]) -> None:
    """Forget what this process handed over and some worker has dealt with."""
    for share, seconds in list(_handed_over.items()):
        done_to = max((_done_to(heartbeat, share) for heartbeat in heartbeats), default=0.0)
        while seconds and seconds[0] <= done_to:
            seconds.popleft()


def _done_to(heartbeat: WorkerHeartbeat, share: int) -> float:
    """Up to when the worker has dealt with what was handed over to a share. One that does not tell shares apart says it
    of all."""
    if heartbeat.done_of_shares is not None:
        return float(heartbeat.done_of_shares.get(str(share), 0))
    return heartbeat.done_to.timestamp() if heartbeat.done_to else 0.0


class Watcher:
    """A thread that reads the backlog every few seconds, for the processes that hand events over."""

    def __init__(self) -> None:
        self.trouble = ""
        self._said_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        probe = BacklogProbe()
        missing = False
        while not self._stopping.is_set():
            try:
                backlog = probe.read()
                self._note(backlog.trouble)
                backlog.show()
                missing = False
            except amqp.NotFound:
                if missing:  # still: what comes is parked until the queue is there again
                    broker.publisher().start_over("no queue takes the events")
                missing = not missing
            except Exception as problem:  # a broker or a database that is away is reported elsewhere
                log.debug("the backlog cannot be seen: %r", problem)
            finally:
                connection.close()
            self._stopping.wait(PROBE_INTERVAL)
        probe.close()

    def _note(self, trouble: str) -> None:
        was, self.trouble = self.trouble, trouble
        if trouble and (not was or time.monotonic() - self._said_at > LOG_INTERVAL):
            self._said_at = time.monotonic()
            log.warning("%s", trouble)
        elif was and not trouble:
            log.info("no event waits any more")


def refused_letters() -> str:
    """A sentence about workers that wait because the dead-letter queue takes nothing; empty where none does."""
    recent = WorkerHeartbeat.objects.filter(at__gt=timezone.now() - HEARTBEAT_EXPIRY)
    waiting = recent.filter(waits_for__startswith=DEAD_LETTERS).values_list("waits_for", flat=True)
    return f"{len(waiting)} workers wait, {waiting[0]}" if waiting else ""


_watcher = OneAProcess(Watcher, end=Watcher.stop)


def watch() -> None:
    """Start the watcher's thread, where there is a broker."""
    if settings.RABBITMQ_URL:
        _watcher()


def trouble() -> str:
    """The trouble that the watcher saw last, as a sentence; empty when all is well."""
    watch()
    return _watcher.made.trouble if _watcher.made else ""


def stop() -> None:
    _watcher.stop()
    _handed_over.clear()
