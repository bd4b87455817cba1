"""Publishing with confirms: the sender knows that the broker has the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import amqp
from amqp.exceptions import MessageNacked
from kombu import Connection

from gamification.celery import app

PERSISTENT = 2


class NotConfirmed(Exception):
    """The broker did not say in time that it has the message. It may have it all the same."""


class ConfirmedPublisher:
    """Confirmed publishing with a deadline, over a connection of its own, opened when it is needed.

    Of its own, because RabbitMQ stops reading from a connection that publishes during an alarm: whoever acknowledged
    over the same one would be stuck as well.
    """

    def __init__(self, *, seconds: float = 5) -> None:
        self.seconds = seconds
        self._connection: Connection | None = None
        self._wire: Any = None
        self._channel: Any = None

    def send(
        self,
        body: bytes,
        *,
        exchange: str,
        routing_key: str = "",
        headers: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> None:
        """Raises NotConfirmed: also when nothing is bound that would take the message."""
        properties = {"content_type": "application/json", "delivery_mode": PERSISTENT} | properties
        message = amqp.Message(body, application_headers=dict(headers or {}), **properties)
        try:
            if self._channel is None:
                self._open()
            self._channel.basic_publish_confirm(
                message,
                exchange,
                routing_key,
                mandatory=True,
                timeout=self.seconds,
                confirm_timeout=self.seconds,
            )
        except MessageNacked as problem:  # the connection is well, a queue is full
            raise NotConfirmed("a queue would not take it") from problem
        except (OSError, amqp.AMQPError, AttributeError) as problem:  # AttributeError: py-amqp's, of a lost connection
            self.drop()
            raise NotConfirmed(str(problem) or type(problem).__name__) from problem

    def drop(self) -> None:
        """Close the socket without AMQP's closing handshake, which a broker that hangs would not answer."""
        wire, self._wire, self._channel, self._connection = self._wire, None, None, None
        if wire is not None and wire.channels is not None:
            wire.collect()

    def _open(self) -> None:
        self._connection = app.connection_for_write(connect_timeout=self.seconds, heartbeat=0)
        self._wire = self._connection.connect()
        self._channel = self._wire.channel()
