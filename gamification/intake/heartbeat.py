"""How a worker shows that it lives and what it holds: a row of its own, written every second by a thread of its own.

A thread of its own, because the worker's loop may be busy with one batch for long. What the worker holds then gets
older, and shows it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from gamification.kernel.messaging import topology
from gamification.kernel.models import WorkerHeartbeat
from gamification.kernel.storage import shares, sql

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 1.0
"""Seconds from one heartbeat to the next."""
MAX_PAUSE = 15.0
"""Seconds between attempts, while the database is away."""
MAX_AGE = timedelta(days=30)
"""A timestamp that is older is not believed: its sender may have written anything."""


class Unacked:
    """The messages that a worker has taken and not acknowledged, and how far it has come. Only its loop writes this."""

    def __init__(self) -> None:
        self.since: dict[tuple[str, int], datetime] = {}
        """Queue and delivery tag → when the message was handed over, in the order in which messages came."""
        self.newest_done: dict[str, datetime] = {}
        """Queue → when the newest of its messages that were acknowledged had been handed over."""
        self.waits_for = ""

    @property
    def done_to(self) -> datetime | None:
        return max(list(self.newest_done.values()), default=None)

    def done_of_shares(self) -> dict[str, float] | None:
        """The same for each share. None: there is only one."""
        if settings.SHARES == 1:
            return None
        newest = dict(self.newest_done)
        queues = {str(share): topology.events_of(share).name for share in shares.every()}
        return {share: newest[queue].timestamp() for share, queue in queues.items() if queue in newest}

    def take(self, queue: str, message: Any) -> None:
        self.since[queue, message.delivery_tag] = handed_over(message, timezone.now())

    def done(self, queue: str, tags: list[int]) -> None:
        found = [at for tag in tags if (at := self.since.pop((queue, tag), None)) is not None]
        if found:
            self.newest_done[queue] = max([*found, *([self.newest_done[queue]] if queue in self.newest_done else [])])
        self.waits_for = ""

    def of(self, queue: str) -> list[tuple[str, int]]:
        return [key for key in list(self.since) if key[0] == queue]

    def forget(self, queue: str | None = None) -> None:
        """Those of a queue, or all, are the broker's again: the channel or the connection is gone."""
        for key in list(self.since) if queue is None else self.of(queue):
            self.since.pop(key, None)
        self.waits_for = ""

    def oldest(self) -> datetime | None:
        """Of several queues' messages the first to come need not be the one that waited longest."""
        for _ in range(100):
            try:
                return min(self.since.values(), default=None)
            except RuntimeError:  # the loop took or settled one in this very moment
                continue
        return None


def handed_over(message: Any, now: datetime) -> datetime:
    """When a message was published: by its timestamp, where that can be true, else now, when it arrives."""
    said = message.properties.get("timestamp")
    if isinstance(said, int) and (now - MAX_AGE).timestamp() < said <= now.timestamp():
        return datetime.fromtimestamp(said, UTC)
    return now


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:255]


class Heartbeat:
    def __init__(self, unacked: Unacked, also: Callable[[], object] | None = None) -> None:
        """`also` is done after each beat."""
        self.unacked = unacked
        self.name = worker_name()
        self._also = also
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the thread. Its last heartbeat holds no messages, so nobody takes this worker for one that hangs."""
        self._stopping.set()
        self._thread.join(timeout)

    def beat(self) -> None:
        unacked = self.unacked
        said: dict[str, Any] = {
            "at": timezone.now(),
            "unacked": len(unacked.since),
            "oldest": unacked.oldest(),
            "done_to": unacked.done_to,
            "done_of_shares": unacked.done_of_shares(),
            "waits_for": unacked.waits_for,
        }
        with transaction.atomic():
            sql.without_fsync()
            if not WorkerHeartbeat.objects.filter(pk=self.name).update(beat=F("beat") + 1, **said):
                WorkerHeartbeat.objects.create(pk=self.name, beat=1, **said)

    def _run(self) -> None:
        pause = HEARTBEAT_INTERVAL
        while not self._stopping.wait(pause):
            try:
                self.beat()
                if self._also is not None:
                    self._also()
                pause = HEARTBEAT_INTERVAL
            except Exception as problem:
                pause = min(2 * pause, MAX_PAUSE)
                logger.warning("a worker cannot say that it lives", exc_info=problem)
                connection.close()
        try:
            self.unacked.forget()
            self.beat()
        except Exception as problem:
            logger.debug("a worker left without saying so: %r", problem)
        connection.close()
