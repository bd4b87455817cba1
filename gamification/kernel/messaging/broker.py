"""Publishing to RabbitMQ: one thread a process, with a connection of its own; nobody waits for longer than asked.

Messages are sent one after the other without waiting (pipelined), `mandatory`, and their confirms are collected as they
come. Whoever publishes waits for its own messages, up to its own deadline, while the thread talks to the broker.

    starting ──▶ up ◀──▶ blocked          blocked: by an alarm (disk, memory); the broker says when it is over
                 ▲ │
                 │ ▼ refused, lost, no answer in time
                down                      nothing is let through; a new connection is tried, later and later

Only `up` (and the very first `starting`) takes messages; otherwise `publish` answers at once. A new connection is up
when the broker has confirmed a message on it that goes nowhere, so no caller has to find out whether it works. A
connection that an alarm blocks is kept: RabbitMQ reads nothing more from it, not even that it was closed, and would
pile up one of them for each attempt.
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

import amqp
import kombu
import prometheus_client
from amqp import spec
from django.conf import settings

from gamification.kernel.messaging import topology

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 3.0
"""Seconds for each step of making a connection."""
WRITE_TIMEOUT = 5.0
"""Seconds that the broker may leave a write waiting before the connection counts as lost."""
HEARTBEAT = 20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds from a failure to the next attempt to connect; doubled with each that follows soon."""
STEADY = 30.0
"""A connection that held for so many seconds makes the pauses short again."""
TURN = 100
"""Messages of one job that are sent before other jobs have their turn and confirms are read."""


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


class State(Enum):
    STARTING = "starting"
    UP = "up"
    BLOCKED = "blocked"
    DOWN = "down"


_outcomes = prometheus_client.Counter(
    "gamification_broker_messages", "Messages published, by what the broker said", ["outcome"]
)
_counted = {receipt: _outcomes.labels(receipt.value) for receipt in Receipt}
_up = prometheus_client.Gauge("gamification_broker_up", "Whether this process can publish (1) or not (0)")


class _Job:
    """Messages that somebody waits for. Only the publisher's thread settles them."""

    __slots__ = ("done", "left", "messages", "over", "receipts", "sent")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.receipts = [Receipt.UNKNOWN] * len(messages)
        self.sent = 0
        self.left = len(messages)
        self.over = False
        """Nobody waits any more."""
        self.done = threading.Event()

    def settle(self, place: int, receipt: Receipt) -> None:
        if self.over:
            return
        self.receipts[place] = receipt
        self.left -= 1
        if not self.left:
            self.done.set()

    def end(self) -> None:
        """What has no answer by now gets none."""
        self.over = True
        self.done.set()


class Publisher:
    """`publish` may be called from any thread; everything else happens in the publisher's own."""

    def __init__(self, url: str, exchange: str, declare: Callable[[Any], None] = topology.declare) -> None:
        self._url = url
        self._exchange = exchange
        self._declare = declare
        self._lock = threading.Lock()
        self._state = State.STARTING
        self._why = ""
        self._complaint = ""
        """Why the connection is to be given up, said by a caller who waited in vain."""
        self._waiting: deque[_Job] = deque()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        # The thread's own:
        self._connection: Any = None
        self._channel: Any = None
        self._tag = 0
        self._unconfirmed: dict[int, tuple[_Job, int]] = {}
        self._returned: set[str] = set()

    # -- for callers ---------------------------------------------------------------------------------------------------

    def publish(self, messages: Sequence[Message], *, timeout: float) -> list[Receipt]:
        """What became of each message, within `timeout` seconds. Never raises; does not wait where nothing can come."""
        if not messages:
            return []
        job = _Job(messages)
        with self._lock:
            usable = self._state in (State.STARTING, State.UP) and not self._stopping.is_set()
            if usable:
                self._waiting.append(job)
                self._start()
        if usable:
            self._wake()
            if not job.done.wait(timeout):
                self._complain(job, f"no answer within {timeout:g} s")
        for receipt in job.receipts:
            _counted[receipt].inc()
        return list(job.receipts)

    def warm_up(self) -> None:
        """Connect, if that has not been tried yet."""
        with self._lock:
            self._start()

    @property
    def state(self) -> State:
        return self._state

    @property
    def why(self) -> str:
        """Why it is not up; empty when it is."""
        return self._why

    def start_over(self, why: str) -> None:
        """Connect anew, which declares anew."""
        with self._lock:
            self._complaint = self._complaint or why
        self._wake()

    def stop(self, timeout: float = 2.0) -> None:
        """Finish what is under way and hang up; leaves the rest after `timeout` seconds."""
        with self._lock:
            self._stopping.set()
            thread = self._thread
        self._wake()
        if thread is not None:
            thread.join(timeout)
        if thread is None or not thread.is_alive():
            self._wake_in.close()
            self._wake_out.close()

    def _complain(self, job: _Job, why: str) -> None:
        with self._lock:
            job.end()
            if self._state in (State.STARTING, State.UP):
                self._enter(State.DOWN, why)  # at once: its thread may be busy waiting for the very same broker
                self._complaint = why
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it will wake up anyway
            self._wake_in.send(b"\0")

    def _start(self) -> None:
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()

    def _enter(self, state: State, why: str = "") -> None:
        """Under the lock."""
        if state is State.UP and self._state is not State.UP:
            log.info("the broker takes messages")
        elif state in (State.DOWN, State.BLOCKED) and self._state is not state:
            log.warning("the broker takes no messages: %s", why)
        self._state, self._why = state, why
        _up.set(state is State.UP)

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            why = self._session()
            with self._lock:
                self._complaint = ""
                if not self._stopping.is_set():
                    self._enter(State.DOWN, why)
                self._end_all()
            if time.monotonic() - began > STEADY:
                pause = FIRST_PAUSE
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        with self._lock:
            self._end_all()

    def _end_all(self) -> None:
        for job, _ in self._unconfirmed.values():
            job.end()
        for job in self._waiting:
            job.end()
        self._unconfirmed.clear()
        self._waiting.clear()
        self._returned.clear()

    def _session(self) -> str:
        """One connection, from its beginning to its end; says why it ended."""
        try:
            self._connect()
            self._greet()
            while not self._complaint:
                if self._stopping.is_set() and not self._unconfirmed and not self._waiting:
                    break
                self._send()
                self._wait(HEARTBEAT / 4)
                self._receive()
                self._connection.heartbeat_tick()
        except Exception as lost:  # py-amqp raises AttributeErrors and the like of a connection that has gone, too
            return f"{type(lost).__name__}: {lost}"
        else:
            return self._complaint
        finally:
            self._hang_up()

    def _connect(self) -> None:
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
            self._declare(channel)
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
        self._unconfirmed.clear()

    def _greet(self) -> None:
        """A message that goes nowhere: whether the broker confirms, or is blocked by an alarm."""
        nowhere = uuid.uuid4().hex
        greeting = _Job([Message(nowhere, b"", nowhere, "greeting", exchange="")])
        deadline = time.monotonic() + CONNECT_TIMEOUT
        self._put(greeting, 0)
        try:
            while not greeting.done.is_set() and self._state is not State.BLOCKED and not self._complaint:
                if time.monotonic() > deadline:
                    raise TimeoutError("the broker confirms nothing")
                self._wait(0.1)
                self._receive()
        except amqp.AccessRefused:  # a user who may not write to the default exchange: an answer, too
            self._use(self._connection.channel())
        with self._lock:
            if self._state is not State.BLOCKED and not self._complaint:
                self._enter(State.UP)

    def _hang_up(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is None:
            return
        try:
            if self._state is State.UP and not self._complaint:
                connection.sock.settimeout(1.0)
                connection.close()  # waits for an answer, which a blocked or hanging broker does not give
        except Exception:
            log.debug("the connection was gone before it was closed", exc_info=True)
        finally:
            if connection.channels is not None:
                connection.collect()

    def _send(self) -> None:
        """Let each job that waits send in its turn."""
        while self._waiting and self._state is State.UP:
            with self._lock:
                job = self._waiting.popleft()
            until = min(job.sent + TURN, len(job.messages))
            while job.sent < until and not job.over:
                self._put(job, job.sent)
                job.sent += 1
            if job.sent < len(job.messages) and not job.over:
                with self._lock:
                    self._waiting.append(job)
            self._receive()  # what is returned comes back whole: unread, it would stop the broker

    def _put(self, job: _Job, place: int) -> None:
        message = job.messages[place]
        self._tag += 1
        self._unconfirmed[self._tag] = (job, place)
        exchange = self._exchange if message.exchange is None else message.exchange
        content = amqp.Message(
            message.body,
            content_type=message.content_type,
            content_encoding="utf-8",
            delivery_mode=2,
            message_id=message.id,
            type=message.type,
            timestamp=int(time.time()),
        )
        # Not basic_publish, which looks for what has come in before each message and so takes twice as long.
        arguments = (0, exchange, message.routing_key, True, False)  # mandatory, not immediate
        self._channel.send_method(spec.Basic.Publish, "Bssbb", arguments, content)

    def _wait(self, timeout: float) -> None:
        """Until something came in, or somebody called, or `timeout` seconds are over."""
        sock = self._connection.sock
        if not _pending(sock):
            _readable(sock, self._wake_out, timeout)
        with suppress(BlockingIOError):
            while self._wake_out.recv(4096):
                pass

    def _receive(self) -> None:
        sock = self._connection.sock
        while _pending(sock) or _readable(sock, None, 0):
            self._connection.blocking_read()
            sock = self._connection.sock

    # -- what the broker says ------------------------------------------------------------------------------------------

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, Receipt.CONFIRMED)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._settle(tag, multiple, Receipt.REFUSED)

    def _settle(self, tag: int, multiple: bool, receipt: Receipt) -> None:
        if multiple:
            tags = []
            for each in self._unconfirmed:  # in the order they were sent
                if each > tag:
                    break
                tags.append(each)
        else:
            tags = [tag] if tag in self._unconfirmed else []
        for each in tags:
            job, place = self._unconfirmed.pop(each)
            id_ = job.messages[place].id
            if id_ in self._returned:  # said before the confirm
                self._returned.discard(id_)
                job.settle(place, Receipt.RETURNED)
            else:
                job.settle(place, receipt)

    def _on_return(self, problem: Exception, exchange: str, routing_key: str, message: Any) -> None:
        self._returned.add(message.properties["message_id"])

    def _on_blocked(self, reason: str) -> None:
        with self._lock:
            self._enter(State.BLOCKED, "it is blocked by an alarm (disk or memory), see its log")
            self._end_all()  # some may yet be confirmed, but that can take as long as the alarm lasts

    def _on_unblocked(self) -> None:
        with self._lock:
            if self._state is State.BLOCKED:
                self._enter(State.UP)


def _pending(sock: Any) -> bool:
    """Whether TLS has taken in more than was read."""
    return bool(getattr(sock, "pending", int)())


def _readable(sock: Any, other: socket.socket | None, timeout: float) -> bool:
    """Whether `sock` can be read; waits until it or `other` can. Not by select(), which ends at 1,024 open files."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if other is not None:
        poll.register(other, select.POLLIN)
    number = sock.fileno()
    return any(ready == number for ready, _ in poll.poll(timeout * 1000))


# -- one for the process -----------------------------------------------------------------------------------------------

_shared: dict[tuple[str, str], Publisher] = {}
_sharing = threading.Lock()


def publisher() -> Publisher:
    """This process's publisher to the broker of the settings."""
    key = (settings.RABBITMQ_URL, settings.RABBITMQ_EXCHANGE)
    with _sharing:
        if key not in _shared:
            _shared[key] = Publisher(*key)
        return _shared[key]


@atexit.register
def stop() -> None:
    """Hang up; whoever publishes next connects anew."""
    with _sharing:
        publishers = list(_shared.values())
        _shared.clear()
    for each in publishers:
        each.stop()


def _forget() -> None:
    """A forked child has the parent's sockets but none of its threads: it starts with nothing."""
    global _sharing
    _sharing = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=_forget)
