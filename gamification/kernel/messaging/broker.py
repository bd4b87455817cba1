"""Publishing to RabbitMQ: each process has one thread for it, with its own connection.

Whoever publishes waits for its own messages, up to its own deadline, while the thread talks to the broker.

    starting ──▶ up ◀──▶ blocked          blocked: by an alarm (disk, memory); the broker says when it is over
                 ▲ │
                 │ ▼ refused, lost, no answer in time
                down                      nothing is let through; a new connection is tried, later and later

Only `up` (and the very first `starting`) takes messages; otherwise `publish` answers at once. A new connection is up
when the broker has confirmed a message on it that goes nowhere, so no caller has to find out whether it works. A
connection that an alarm blocks is kept: RabbitMQ reads nothing more from it, not even that it was closed, so new
connections would only pile up there.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any

import prometheus_client
from django.conf import settings

from gamification.kernel.core.one_a_process import OneAProcess
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.confirming import HEARTBEAT, Job, Message, Receipt, Session

log = logging.getLogger(__name__)

FIRST_PAUSE, MAX_PAUSE = 0.5, 15.0
"""Seconds from a failure to the next attempt to connect; doubled with each that follows soon."""
STABLE_AFTER = 30.0
"""A connection that held for so many seconds makes the pauses short again."""
MESSAGES_A_TURN = 100
"""Messages of one job that are sent before other jobs get their turn and confirms are read."""


class State(Enum):
    STARTING = "starting"
    UP = "up"
    BLOCKED = "blocked"
    DOWN = "down"


_outcomes = prometheus_client.Counter(
    "gamification_broker_messages", "Messages published, by what the broker said", ["outcome"]
)
_counted = {receipt: _outcomes.labels(receipt.value) for receipt in Receipt}
_up = prometheus_client.Gauge(
    "gamification_broker_up",
    "Whether this process, and each that counts together with it, can publish (1) or not (0)",
    multiprocess_mode="livemin",
)


class Publisher:
    """`publish` may be called from any thread; everything else happens in the publisher's own."""

    def __init__(self, url: str, exchange: str, declare: Callable[[Any], None] = topology.declare) -> None:
        self._url = url
        self._exchange = exchange
        self._declare = declare
        self._lock = threading.Lock()
        self._state = State.STARTING
        self._why = ""
        self._failure = ""
        """Why the connection is to be given up: what a caller noted that got no answer in time."""
        self._waiting: deque[Job] = deque()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._session: Session | None = None
        """Used by the thread only."""

    # -- for callers ---------------------------------------------------------------------------------------------------

    def publish(self, messages: Sequence[Message], *, timeout: float) -> list[Receipt]:
        """What became of each message, within `timeout` seconds. Never raises; does not wait where nothing can come."""
        job = Job(messages)
        if self._submit(job) and not job.done.wait(timeout):
            self._give_up(job, f"no answer within {timeout:g} s")
        return _counted_receipts(job)

    async def published(self, messages: Sequence[Message], *, within: float) -> list[Receipt]:
        """`publish` for a coroutine."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def notify() -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        job = Job(messages, notify)
        if self._submit(job):
            try:
                async with asyncio.timeout(within):
                    await done.wait()
            except TimeoutError:
                self._give_up(job, f"no answer within {within:g} s")
        return _counted_receipts(job)

    def _submit(self, job: Job) -> bool:
        """Give the thread a job; False: it cannot be sent."""
        if not job.messages:
            return False
        with self._lock:
            usable = self._state in (State.STARTING, State.UP) and not self._stopping.is_set()
            if usable:
                self._waiting.append(job)
                self._start()
        if usable:
            self._wake()
        return usable

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

    @property
    def unconfirmed(self) -> int:
        """How many messages the broker has not answered yet."""
        return len(self._session.unconfirmed) if self._session is not None else 0

    def start_over(self, why: str) -> None:
        """Connect anew, which declares anew."""
        with self._lock:
            self._failure = self._failure or why
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

    def _give_up(self, job: Job, why: str) -> None:
        with self._lock:
            job.end()
            if self._state in (State.STARTING, State.UP):
                self._enter(State.DOWN, why)  # not left to the thread, which may itself be waiting for the broker
                self._failure = why
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # the buffer is full, so the thread wakes up anyway
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
            session = self._session = Session(
                self._url,
                self._exchange,
                self._wake_out,
                on_blocked=self._on_blocked,
                on_unblocked=self._on_unblocked,
            )
            why = self._use(session)
            with self._lock:
                self._failure = ""
                if not self._stopping.is_set():
                    self._enter(State.DOWN, why)
                self._end_all()
            if time.monotonic() - began > STABLE_AFTER:
                pause = FIRST_PAUSE
            self._stopping.wait(pause)
            pause = min(2 * pause, MAX_PAUSE)
        with self._lock:
            self._end_all()

    def _end_all(self) -> None:
        """Under the lock."""
        if self._session is not None:
            for job, _ in self._session.unconfirmed.values():
                job.end()
            self._session.forget()
        for job in self._waiting:
            job.end()
        self._waiting.clear()

    def _use(self, session: Session) -> str:
        """Use a connection from its beginning to its end; says why it ended."""
        try:
            session.open(self._declare)
            session.greet(lambda: self._state is State.BLOCKED or bool(self._failure))
            with self._lock:
                if self._state is not State.BLOCKED and not self._failure:
                    self._enter(State.UP)
            while not self._failure:
                if self._stopping.is_set() and not session.unconfirmed and not self._waiting:
                    break
                self._send(session)
                session.wait(HEARTBEAT / 4)
                session.receive()
                session.heartbeat()
        except Exception as lost:  # py-amqp raises AttributeErrors and the like of a connection that has gone, too
            return f"{type(lost).__name__}: {lost}"
        else:
            return self._failure
        finally:
            session.hang_up(politely=self._state is State.UP and not self._failure)

    def _send(self, session: Session) -> None:
        """Let each job that waits send in its turn."""
        while self._waiting and self._state is State.UP:
            with self._lock:
                job = self._waiting.popleft()
            end = min(job.sent + MESSAGES_A_TURN, len(job.messages))
            while job.sent < end and not job.over:
                session.put(job, job.sent)
                job.sent += 1
            if job.sent < len(job.messages) and not job.over:
                with self._lock:
                    self._waiting.append(job)
            session.receive()  # returned messages come back whole; unread, they would block the broker

    def _on_blocked(self, reason: str) -> None:
        with self._lock:
            self._enter(State.BLOCKED, "it is blocked by an alarm (disk or memory), see its log")
            self._end_all()  # some may still be confirmed, but perhaps only when the alarm is over

    def _on_unblocked(self) -> None:
        with self._lock:
            if self._state is State.BLOCKED:
                self._enter(State.UP)


def _counted_receipts(job: Job) -> list[Receipt]:
    for receipt in job.receipts:
        _counted[receipt].inc()
    return list(job.receipts)


publisher = OneAProcess(lambda: Publisher(settings.RABBITMQ_URL, settings.RABBITMQ_EXCHANGE), end=Publisher.stop)
"""This process's publisher to the broker of the settings."""
stop = publisher.stop
"""Hang up; whoever publishes next connects anew."""
