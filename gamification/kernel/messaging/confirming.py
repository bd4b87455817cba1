"""One connection to RabbitMQ on which every message is confirmed or refused.

Messages are sent one after the other without waiting (pipelined), `mandatory`, and their confirms are read as they
come. Everything here happens on the thread that made the connection, and nothing waits longer than its timeout.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import amqp
import kombu
from amqp import spec
from django.conf import settings

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 3.0
"""Seconds for each step of making a connection."""
WRITE_TIMEOUT = 5.0
"""Seconds that the broker may leave a write waiting before the connection counts as lost."""
HEARTBEAT = 20


class Receipt(Enum):
    CONFIRMED = "confirmed"
    """Every queue that it was routed to has it, on disk."""
    RETURNED = "returned"
    """No queue is bound for it: the broker has dropped it."""
    REFUSED = "refused"
    """A queue would not take it."""
    UNKNOWN = "unanswered"
    """No answer in time, or never sent. It may still arrive."""


@dataclass(slots=True, frozen=True)
class Message:
    """`id` is unique among the messages that are under way: by it the broker says which one it returns."""

    routing_key: str
    body: bytes
    id: str
    type: str
    content_type: str = "application/json"
    exchange: str | None = None
    """None: the service's own."""
    headers: Mapping[str, str] = field(default_factory=dict)


class Job:
    """Messages that somebody waits for. Only the thread that sends them resolves them."""

    __slots__ = ("_notify", "done", "left", "messages", "over", "receipts", "sent")

    def __init__(self, messages: Sequence[Message], notify: Callable[[], object] | None = None) -> None:
        """`notify` is called, from any thread and perhaps twice, when there is nothing more to wait for."""
        self._notify = notify
        self.messages = messages
        self.receipts = [Receipt.UNKNOWN] * len(messages)
        self.sent = 0
        self.left = len(messages)
        self.over = False
        """Whether nobody waits for it any more."""
        self.done = threading.Event()

    def resolve(self, place: int, receipt: Receipt) -> None:
        if self.over:
            return
        self.receipts[place] = receipt
        self.left -= 1
        if not self.left:
            self._finish()

    def end(self) -> None:
        """Stop waiting: messages without an answer stay UNKNOWN."""
        self.over = True
        self._finish()

    def _finish(self) -> None:
        self.done.set()
        if self._notify is not None:
            self._notify()


class Session:
    def __init__(
        self,
        url: str,
        exchange: str,
        wake: socket.socket,
        *,
        on_blocked: Callable[[str], None],
        on_unblocked: Callable[[], None],
    ) -> None:
        """A byte on `wake` ends a wait. The callbacks say when an alarm begins and ends to block the connection."""
        self.unconfirmed: dict[int, tuple[Job, int]] = {}
        """The messages that the broker has not answered yet, by their tag, in the order in which they were sent."""
        self._url = url
        self._exchange = exchange
        self._wake = wake
        self._on_blocked = on_blocked
        self._on_unblocked = on_unblocked
        self._connection: Any = None
        self._channel: Any = None
        self._tag = 0
        self._returned: set[str] = set()

    # -- the connection ------------------------------------------------------------------------------------------------

    def open(self, declare: Callable[[Any], None]) -> None:
        client = kombu.Connection(
            self._url,
            connect_timeout=CONNECT_TIMEOUT,
            ssl=settings.RABBITMQ_TLS,
            heartbeat=HEARTBEAT,
            transport_options={
                "on_blocked": self._on_blocked,
                "on_unblocked": self._on_unblocked,
                "client_properties": {"connection_name": f"gamification publisher {os.getpid()}"},
            },
        )
        self._connection = client.transport.establish_connection()
        self._connection.sock.settimeout(WRITE_TIMEOUT)  # whatever waits from here on waits no longer
        channel = self._connection.channel()
        try:
            declare(channel)
        except amqp.ChannelError as refused:
            # The exchange or a queue is there, but different, or not ours to declare. What is sent is mandatory, so
            # nothing is lost by trying; `manage.py doctor` says more.
            log.warning("the broker did not let us declare: %s", refused)
            channel = self._connection.channel()
        self._use(channel)

    def _use(self, channel: Any) -> None:
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        self._channel, self._tag = channel, 0
        self.forget()

    def greet(self, is_over: Callable[[], bool]) -> None:
        """Send a message that goes nowhere: it shows whether the broker confirms. Returns early once `is_over` says so,
        raises when there is no answer."""
        nowhere = uuid.uuid4().hex
        greeting = Job([Message(nowhere, b"", nowhere, "greeting", exchange="")])
        deadline = time.monotonic() + CONNECT_TIMEOUT
        self.put(greeting, 0)
        try:
            while not greeting.done.is_set() and not is_over():
                if time.monotonic() > deadline:
                    raise TimeoutError("the broker confirms nothing")
                self.wait(0.1)
                self.receive()
        except amqp.AccessRefused:  # a user who may not write to the default exchange: an answer, too
            self._use(self._connection.channel())

    def hang_up(self, *, politely: bool) -> None:
        """Close the connection. `politely` waits for the broker's answer, which may never come if it hangs."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is None:
            return
        try:
            if politely:
                connection.sock.settimeout(1.0)
                connection.close()
        except Exception:
            log.debug("the connection was gone before it was closed", exc_info=True)
        finally:
            if connection.channels is not None:
                connection.collect()

    # -- sending and reading -------------------------------------------------------------------------------------------

    def put(self, job: Job, place: int) -> None:
        message = job.messages[place]
        self._tag += 1
        self.unconfirmed[self._tag] = (job, place)
        exchange = self._exchange if message.exchange is None else message.exchange
        content = amqp.Message(
            message.body,
            content_type=message.content_type,
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=message.id,
            type=message.type,
            timestamp=int(time.time()),
            **({"application_headers": dict(message.headers)} if message.headers else {}),
        )
        # Not basic_publish, which looks for what has come in before each message and so takes twice as long.
        arguments = (0, exchange, message.routing_key, True, False)  # mandatory, not immediate
        self._channel.send_method(spec.Basic.Publish, "Bssbb", arguments, content)

    def wait(self, timeout: float) -> None:
        """Wait until the broker has sent something, or `wake` was written to, or `timeout` seconds are over."""
        sock = self._connection.sock
        if not _pending(sock):
            _readable(sock, self._wake, timeout)
        with suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def receive(self) -> None:
        sock = self._connection.sock
        while _pending(sock) or _readable(sock, None, 0):
            self._connection.blocking_read()
            sock = self._connection.sock

    def heartbeat(self) -> None:
        self._connection.heartbeat_tick()

    def forget(self) -> None:
        """Expect no answer to what was sent so far."""
        self.unconfirmed.clear()
        self._returned.clear()

    # -- what the broker says ------------------------------------------------------------------------------------------

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._resolve(tag, multiple, Receipt.CONFIRMED)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._resolve(tag, multiple, Receipt.REFUSED)

    def _resolve(self, tag: int, multiple: bool, receipt: Receipt) -> None:
        if multiple:
            tags = []
            for each in self.unconfirmed:  # in the order they were sent
                if each > tag:
                    break
                tags.append(each)
        else:
            tags = [tag] if tag in self.unconfirmed else []
        for each in tags:
            job, place = self.unconfirmed.pop(each)
            id_ = job.messages[place].id
            if id_ in self._returned:  # said before the confirm
                self._returned.discard(id_)
                job.resolve(place, Receipt.RETURNED)
            else:
                job.resolve(place, receipt)

    def _on_return(self, problem: Exception, exchange: str, routing_key: str, message: Any) -> None:
        self._returned.add(message.properties["message_id"])


def _pending(sock: Any) -> bool:
    """Whether TLS has buffered bytes that were not read yet."""
    return bool(getattr(sock, "pending", int)())


def _readable(sock: Any, other: socket.socket | None, timeout: float) -> bool:
    """Whether `sock` can be read; waits until it or `other` can. Not by select(), which ends at 1,024 open files."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if other is not None:
        poll.register(other, select.POLLIN)
    number = sock.fileno()
    return any(ready == number for ready, _ in poll.poll(timeout * 1000))
