"""Messages leave right after the commit that stated their facts, on threads that nobody waits for.

Each process that states facts may send. One thread of it follows the facts; each endpoint has a thread of its own while
there is something for it, so that one that hangs keeps no other waiting. A lease in the database lets one thread at a
time send to an endpoint, among all processes: so a player's messages are first sent in the order in which their facts
were stated. One that failed is tried again later, and may be overtaken.

Delivery is at least once. A thread that is killed between sending a message and noting it leaves the message as it was:
it is sent again, with the same `webhook-id`, once the lease has run out.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

import prometheus_client
from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from httpcore import AsyncConnectionPool

from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.one_a_process import OneAProcess
from gamification.kernel.storage import audit_log, shares, sql
from gamification.webhooks import following, messages, transport
from gamification.webhooks.models import Delivery, Endpoint
from gamification.webhooks.retrying import Attempt, Health, next_due
from gamification.webhooks.transport import Page

log = logging.getLogger(__name__)

PAGE = 50
LEASE = timedelta(seconds=20)
"""Longer than a page takes: PAGE_TIMEOUT, and TIMEOUT for what was begun just before."""
LINGER, LOOK = 5.0, 0.25
"""For how long a thread without messages goes on looking, and how often: another process may have written some."""
IDLE_TIMEOUT = 30.0
"""Seconds without a hint after which the database connection is given back."""
KEPT_ATTEMPTS = 20

_attempts = prometheus_client.Counter(
    "gamification_webhook_attempts_total", "Attempts to send a message to a webhook, by what came of them", ["outcome"]
)


class Sender:
    """A thread that writes messages when it is hinted, and one for each endpoint that has some."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(16)
        self._hinted = threading.Event()
        self._stopping = False
        self._threads: dict[int, _ToEndpoint] = {}
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def hint(self) -> None:
        self._hinted.set()

    def stop(self, timeout: float = 3.0) -> None:
        """End, leaving to others what is not sent."""
        self._stopping = True
        self._hinted.set()
        until = time.monotonic() + timeout
        for thread in [self._thread, *self._threads.values()]:
            if isinstance(thread, _ToEndpoint):
                thread.stop()
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        while not self._stopping:
            if not self._hinted.wait(IDLE_TIMEOUT):
                connection.close()
                continue
            self._hinted.clear()
            try:
                if following.follow():
                    self._hinted.set()
                self._wake()
            except Exception as problem:  # a database that is away, most likely: the clock hints again
                log.warning("facts were not made messages of, they wait in the log", exc_info=problem)
                connection.close()
        connection.close()

    def _wake(self) -> None:
        """See to it that each endpoint with messages has a thread."""
        self._threads = {pk: thread for pk, thread in self._threads.items() if thread.is_alive()}
        for pk in with_messages(timezone.now()):
            if self._stopping:
                return
            if pk not in self._threads:
                self._threads[pk] = _ToEndpoint(pk, self.name)
            self._threads[pk].hinted.set()


class _ToEndpoint(threading.Thread):
    def __init__(self, pk: int, sender: str) -> None:
        super().__init__(name=f"webhook {pk}", daemon=True)
        self.hinted = threading.Event()
        self._pk, self._sender = pk, sender
        self._stopping = False
        self.start()

    def stop(self) -> None:
        self._stopping = True
        self.hinted.set()

    def run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                connections = transport.pool()
                try:
                    self._send(runner, connections)
                finally:
                    runner.run(connections.aclose())
        except Exception as problem:  # what it has not noted is sent again
            log.warning("messages to webhook %d were left", self._pk, exc_info=problem)
        finally:
            with suppress(DatabaseError):
                release(self._pk, self._sender)
            connection.close()

    def _send(self, runner: asyncio.Runner, connections: AsyncConnectionPool) -> None:
        idle_since = time.monotonic()
        while not self._stopping:
            self.hinted.clear()
            sent = 0
            for share in shares.every():
                with shares.within(share):
                    if not _due(self._pk, timezone.now()).exists():
                        continue
                    if (endpoint := lease(self._pk, self._sender)) is None:
                        return
                    sent += send_page(endpoint, runner, connections)
            if sent:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > LINGER:
                return
            else:
                self.hinted.wait(LOOK)


def with_messages(now: datetime) -> list[int]:
    """The endpoints that have messages to be sent now."""
    ready = Q(paused_until=None) | Q(paused_until__lte=now)
    endpoints = Endpoint.objects.filter(ready, is_enabled=True).order_by("pk").values_list("pk", flat=True)
    return [pk for pk in endpoints if any(shares.each(lambda pk=pk: _due(pk, now).exists()))]  # type: ignore[misc]


def lease(pk: int, sender: str) -> Endpoint | None:
    """The endpoint, where this sender alone may send to it for LEASE from now on, and there is something to send."""
    free = Q(sender=sender) | Q(leased_until=None) | Q(leased_until__lte=Now())
    ready = Q(paused_until=None) | Q(paused_until__lte=timezone.now())
    mine = Endpoint.objects.filter(free, ready, pk=pk, is_enabled=True)
    with transaction.atomic():
        sql.without_fsync()
        taken = mine.update(sender=sender, leased_until=Now() + LEASE)
    return Endpoint.objects.get(pk=pk) if taken else None


def release(pk: int, sender: str) -> None:
    Endpoint.objects.filter(pk=pk, sender=sender).update(sender="", leased_until=None)


def send_page(endpoint: Endpoint, runner: asyncio.Runner, connections: AsyncConnectionPool) -> int:
    """Send the next messages of the share that is named. Returns how many were sent."""
    now = timezone.now()
    most = 1 if endpoint.health.paused_until else PAGE  # after a pause, one tries whether it is any better
    page = Page(list(_due(endpoint.pk, now).order_by("due_at", "pk")[:most]), endpoint.health)
    if page.rows:
        runner.run(page.deliver(connections, endpoint.url, messages.signing(endpoint.secrets, now)))
        note(endpoint, page)
    return len(page.attempts)


def note(endpoint: Endpoint, page: Page) -> None:
    """Write what came of the messages of a page, and how the endpoint is doing."""
    tried = [row for row in page.rows if row.pk in page.attempts]
    for row in tried:
        _note(row, page.attempts[row.pk])
    with transaction.atomic():
        Delivery.objects.bulk_update(tried, ["state", "due_at", "tried", "attempts"])
        _note_health(endpoint, page)


def _note(row: Delivery, attempt: Attempt) -> None:
    row.tried += 1
    _attempts.labels("delivered" if attempt.succeeded else "failed").inc()
    kept = {"at": instant(attempt.at), "took": attempt.took, "status": attempt.status, "error": attempt.error}
    row.attempts = [*row.attempts, kept][-KEPT_ATTEMPTS:]
    if attempt.succeeded:
        row.state = Delivery.State.DELIVERED
        return
    due = next_due(row.tried, attempt, random.random())  # noqa: S311 - so that retries spread, not a secret
    row.state = Delivery.State.FAILED if due is None else Delivery.State.PENDING
    row.due_at = due or row.due_at


def _note_health(endpoint: Endpoint, page: Page) -> None:
    health: Health = page.health
    succeeded = [attempt.at for attempt in page.attempts.values() if attempt.succeeded]
    values = {
        "failures": health.failures,
        "failing_since": health.failing_since,
        "paused_until": health.paused_until,
        **({"succeeded_at": max(succeeded)} if succeeded else {}),
        **({"is_enabled": False, "why_disabled": health.why} if health.is_given_up else {}),
    }
    Endpoint.objects.filter(pk=endpoint.pk, sender=endpoint.sender).update(**values)
    if health.is_given_up:
        log.error("the webhook %s is disabled: %s", endpoint, health.why)
        given_up = change("webhook", str(endpoint.pk), {"is_enabled": True}, {"is_enabled": False})
        audit_log.put(SYSTEM, "disable_webhook", [given_up], at=timezone.now(), reason=health.why)


def _due(pk: int, now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(endpoint=pk, state=Delivery.State.PENDING, due_at__lte=now)


# -- who wakes it ------------------------------------------------------------------------------------------------------

_sender = OneAProcess(Sender, end=Sender.stop)
stop = _sender.stop
"""End the threads; the next hint begins others."""

_anybody_listens = False
"""Whether this process knows of an endpoint. One that does not leaves the sending to whoever sweeps."""


def hint() -> None:
    """Have new facts sent. Call it after the commit; it does not wait, and asks no database."""
    if _anybody_listens:
        _sender().hint()


def sweep(now: datetime) -> None:
    """Send what is due, whichever process has left it."""
    global _anybody_listens
    _anybody_listens = Endpoint.objects.exists()
    if _anybody_listens:
        _sender().hint()
    else:
        following.follow()
