"""The relay: facts leave for RabbitMQ right after the commit that stated them, on a thread that nobody waits for.

Each process that commits facts has one, and hints it after the commit. What a killed process or an absent broker left
behind is found by the sweep of the clock, and by the relay itself, which tries again until nothing is left.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from datetime import datetime

from django.conf import settings
from django.db import connection

from gamification.kernel import broker, outbox
from gamification.kernel.broker import State
from gamification.kernel.models import OutboxFact

log = logging.getLogger(__name__)

DEADLINE = 5.0
"""Seconds that the broker may take to confirm a bite."""
PAUSE = 1.0
"""Seconds until the next attempt, while the broker takes nothing."""
IDLE = 30.0
"""Seconds without a fact after which the database connection is given back."""


def publish_waiting() -> bool:
    """Publish what is in the outbox, until nothing is left (True) or the broker does not take it (False)."""
    publisher = broker.publisher()
    while True:
        if publisher.state in (State.DOWN, State.BLOCKED):
            return False
        found, gone = outbox.relay(lambda messages: publisher.publish(messages, timeout=DEADLINE))
        if not found:
            return True
        if gone < found:  # not at once again: what was refused would go out with each bite
            return False


class Relay:
    """A thread that publishes when it is hinted to, and until nothing is left."""

    def __init__(self) -> None:
        self._hinted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def hint(self) -> None:
        self._hinted.set()

    def stop(self, timeout: float) -> None:
        """Publish what is left, if that can be done in `timeout` seconds."""
        self._stopping = True
        self._hinted.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        clear, last = True, False
        while not last:
            if not self._hinted.wait(IDLE if clear else PAUSE) and clear:
                connection.close()
                continue
            self._hinted.clear()
            last = self._stopping
            clear = self._published()
        connection.close()

    def _published(self) -> bool:
        try:
            return publish_waiting()
        except Exception:  # a database that is away, most likely: it will be tried again
            log.warning("facts were not published, they wait in the outbox", exc_info=True)
            connection.close()
            return False


# -- one for the process -----------------------------------------------------------------------------------------------

_relay: Relay | None = None
_starting = threading.Lock()


def hint() -> None:
    """There are facts to publish: call it after the commit. Costs the caller nothing."""
    global _relay
    if not settings.RABBITMQ_URL:
        return
    with _starting:
        if _relay is None:
            _relay = Relay()
        _relay.hint()


def sweep(now: datetime) -> None:
    """Hint at whatever is in the outbox, whoever left it there."""
    if settings.RABBITMQ_URL and OutboxFact.objects.exists():
        hint()


@atexit.register
def stop(timeout: float = 3.0) -> None:
    """Publish what is left and end the thread; the next hint begins another."""
    global _relay
    with _starting:
        relay, _relay = _relay, None
    if relay is not None:
        relay.stop(timeout)


def _forget() -> None:
    """A forked child has none of its parent's threads."""
    global _relay, _starting
    _relay, _starting = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
