"""Celery's consumer, which survives what ends Celery's own: a message that is no task, a broker that refuses it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from celery.worker import consumer, state
from celery.worker.consumer.consumer import STOP_CONDITIONS  # type: ignore[attr-defined]

logger = logging.getLogger(__name__)

FIRST_PAUSE, MAX_PAUSE = 0.5, 15.0
"""Seconds from the end of a connection to the next attempt; doubled with each that did not last."""
STABLE_AFTER = 30.0
"""Seconds after which a connection counts as having lasted."""


class Consumer(consumer.Consumer):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pause = 0.0
        self.began = time.monotonic()

    def connect(self) -> Any:
        """Wait before each new connection, longer each time, as long as connections do not last.

        Celery waits for a broker that is away, but connects again at once to one that refuses its password or closes
        its channel.
        """
        if time.monotonic() - self.began > STABLE_AFTER:
            self.pause = 0.0
        until = time.monotonic() + self.pause
        while time.monotonic() < until and self.blueprint.state not in STOP_CONDITIONS:
            state.maybe_shutdown()
            time.sleep(0.1)
        self.pause = min(max(2 * self.pause, FIRST_PAUSE), MAX_PAUSE)
        self.began = time.monotonic()
        return super().connect()

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
        """Park a message of which Celery cannot make a task.

        Celery's own handler raises out of the loop that reads from the broker, and the worker ends; the message goes
        back to the queue and ends the next worker.
        """
        handle = super().create_task_handler(*arguments, **options)
        own: Any = self
        connection_errors = own.connection_errors + own.channel_errors

        def on_task_received(message: Any) -> Any:
            try:
                return handle(message)
            except connection_errors:
                raise
            except Exception as problem:
                logger.error("a message that makes no task is parked: %r", problem)
                if not message.acknowledged:
                    message.reject_log_error(logger, connection_errors)

        return on_task_received
