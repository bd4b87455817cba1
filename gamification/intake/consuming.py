"""From which queues a worker takes events: Celery starts and stops this with each connection to the broker."""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.bootsteps import CLOSE  # type: ignore[attr-defined]
from django.conf import settings
from django.db import OperationalError, connection

from gamification.intake import splitting
from gamification.intake.confirmed_publisher import ConfirmedPublisher
from gamification.intake.heartbeat import Heartbeat, Unacked, worker_name
from gamification.intake.leases import Leases
from gamification.intake.worker import SHUTDOWN_TIMEOUT, Receiver
from gamification.kernel.core import collector
from gamification.kernel.messaging import topology

logger = logging.getLogger(__name__)


class Receivers:
    """A worker's receivers: one for all events; with several shares, one that regroups what comes in mixed, and one for
    each share that the worker holds."""

    def __init__(self, wire: Any, loop: Any, unacked: Unacked, leases: Leases | None) -> None:
        self._wire, self._loop, self._unacked, self._leases = wire, loop, unacked, leases
        self._publisher = ConfirmedPublisher()
        process = None if leases is None else splitting.splitter(self._publisher)
        if leases is not None:
            leases.is_taking = True
        self._first = Receiver(wire, loop, unacked, process=process)
        self._of_shares: dict[int, Receiver] = {}
        self.share_out()

    def share_out(self) -> None:
        """Take events of the shares that this worker holds, and of no others."""
        if self._leases is None:
            return
        try:
            held = self._leases.held
            for share in sorted(self._of_shares.keys() - held):
                self._of_shares.pop(share).finish()
                self._leases.release([share])
            for share in sorted(held - self._of_shares.keys()):
                self._of_shares[share] = Receiver(
                    self._wire,
                    self._loop,
                    self._unacked,
                    queue=topology.events_of(share).name,
                    process=splitting.of_share(share, self._publisher),
                )
        except OperationalError as problem:  # the lease ends by itself
            logger.warning("a share was not released: %s", problem)
            connection.close()
        except Exception as problem:  # the loop would only log it, and go on without the share
            raise ConnectionError(f"the channel of a share broke: {problem}") from problem

    def finish(self) -> None:
        """Process what is not acknowledged, and let others have the shares at once."""
        for receiver in self._all():
            receiver.finish()
        self._end()

    def drop(self) -> None:
        for receiver in self._all():
            receiver.drop()
        self._end()

    def _end(self) -> None:
        self._publisher.drop()
        if self._leases is not None:
            self._leases.stop()

    def _all(self) -> list[Receiver]:
        return [self._first, *self._of_shares.values()]


class ConsumeEvents(bootsteps.StartStopStep):
    """Celery starts this with each connection to the broker, and stops it with each."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def include_if(self, consumer: Any) -> bool:
        return bool(settings.RABBITMQ_URL)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.receivers: Receivers | None = None
        self.unacked = Unacked()
        self.leases = Leases(worker_name()) if settings.SHARES > 1 else None
        self.heartbeat: Heartbeat | None = None
        expect_as_many_shares()
        collector.settle()

    def start(self, consumer: Any) -> None:
        also = None if self.leases is None else self.leases.renew
        self.heartbeat = self.heartbeat or Heartbeat(self.unacked, also)
        self.receivers = Receivers(consumer.connection, consumer.timer, self.unacked, self.leases)
        # With nothing due the loop would notice a SIGTERM only after 10 s. Celery ends this with the connection.
        consumer.timer.call_repeatedly(1.0, self.receivers.share_out)

    def stop(self, consumer: Any) -> None:
        receivers, self.receivers = self.receivers, None
        if receivers is None:
            return
        if consumer.blueprint.state != CLOSE:
            receivers.drop()
            return
        try:
            consumer.connection.connection.sock.settimeout(SHUTDOWN_TIMEOUT)  # the broker may never answer
            receivers.finish()
        except Exception as problem:
            logger.warning("what was not acknowledged goes back to the queue: %s", problem)
            receivers.drop()
        if self.heartbeat is not None:
            self.heartbeat.stop()

    def terminate(self, consumer: Any) -> None:
        if self.receivers is not None:
            self.receivers.drop()


def expect_as_many_shares() -> None:
    """End with one line where the database was made with another SHARES. One that is away is waited for, later."""
    try:
        connection.ensure_connection()
    except OperationalError:
        logger.warning("the database does not answer yet")
    finally:
        connection.close()
