"""What `doctor` checks of RabbitMQ, and of the workers that consume from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import amqp
import kombu
from django.conf import settings

from gamification.celery import parked
from gamification.console.trouble import Trouble, line
from gamification.intake.backlog import BacklogProbe, refused_letters
from gamification.kernel.messaging import broker, confirming, topology
from gamification.kernel.models import Event
from gamification.kernel.storage import shares


def the_broker(patience: float) -> str:
    if not settings.RABBITMQ_URL:
        return "none: events are processed in place"
    at = urlsplit(settings.RABBITMQ_URL)
    where = f"RabbitMQ at {at.hostname}:{at.port or 5672}"
    try:
        with channel() as rabbit:
            version = rabbit.connection.server_properties.get("version", "?")
    except Exception as problem:
        raise Trouble(
            f"{where} does not answer: {line(problem)} Meanwhile events are processed in place and facts wait.",
            "Is it running? Do user, password and virtual host of RABBITMQ_URL fit?",
        ) from problem
    publisher = broker.Publisher(settings.RABBITMQ_URL, settings.RABBITMQ_EXCHANGE, declare=lambda channel: None)
    publisher.warm_up()
    deadline = time.monotonic() + max(patience, confirming.CONNECT_TIMEOUT)
    while publisher.state is broker.State.STARTING and time.monotonic() < deadline:
        time.sleep(0.01)
    state, why = publisher.state, publisher.why
    publisher.stop()
    if state is broker.State.BLOCKED:
        raise Trouble(
            f"{where} takes no messages: an alarm blocks it. Events are processed in place, facts wait.",
            "rabbitmq-diagnostics alarms names it: make room on its disk, or give it memory.",
        )
    if state is not broker.State.UP:
        raise Trouble(f"{where} does not confirm what is published: {why}", "Look at its log.")
    return f"{where}, version {version}, confirms"


def the_topology(patience: float) -> str:
    if not settings.RABBITMQ_URL:
        return "no broker"
    try:
        with channel() as rabbit:
            topology.declare(rabbit)
    except amqp.PreconditionFailed as different:
        raise Trouble(
            f"Something at the broker has another shape than it should: {line(different)}",
            "Let the workers empty the queue, stop them, delete it (rabbitmqctl delete_queue), and start them again.",
        ) from different
    except amqp.AccessRefused as refused:
        raise Trouble(
            f"The broker's user may not do what it has to: {line(refused)}",
            f"Let it configure, write and read what begins with {settings.RABBITMQ_EXCHANGE}.",
        ) from refused
    names = topology.incoming().name, topology.exchange().name, topology.events().name, topology.dead().name
    more = f", and one for each of {settings.SHARES} shares" if settings.SHARES > 1 else ""
    return "exchanges {} and {}, queues {} and {}".format(*names) + more


def the_workers(patience: float) -> str:
    """Whether events that were handed over are being settled: somebody takes them, and none waits for long."""
    if not settings.RABBITMQ_URL:
        return "no broker, so none are needed"
    probe = BacklogProbe()
    try:
        return _at_work(probe, patience)
    finally:
        probe.close()


def _at_work(probe: BacklogProbe, patience: float) -> str:
    now = probe.read()
    if not now.workers:
        raise Trouble(
            f"No worker takes events, and {now.waiting} messages wait.",
            "Start one for each core: celery -A gamification worker",
        )
    kept = _newest_event()
    before = now.waiting
    deadline = time.monotonic() + patience
    settles = False
    while time.monotonic() < deadline and (now.waiting or now.unacked) and not settles:
        time.sleep(0.1)
        now = probe.read(since=patience)
        settles = now.waiting < before or _newest_event() != kept
    if now.heartbeats:
        time.sleep(max(0.0, deadline - time.monotonic()))
    now = probe.read(since=patience)
    while now.standing_still and time.monotonic() < deadline + 2 * patience:  # a machine may be busy
        time.sleep(0.1)
        now = probe.read(since=patience)
    if now.standing_still:
        raise Trouble(
            f"{len(now.standing_still)} of {now.workers} workers stand still, {now.standing_still[0]} for one; "
            f"what they hold waits with them ({now.unacked} messages are with workers).",
            "End them (kill -9): RabbitMQ then gives to others what they hold.",
        )
    if now.trouble and not settles:
        raise Trouble(now.trouble, "Their log says why: a database that is away, or a process that hangs.")
    if now.waiting and not settles:
        last = f"the last event was kept at {kept[1]:%Y-%m-%d %H:%M:%S} UTC" if kept else "no event was ever kept"
        raise Trouble(
            f"{now.waiting} messages with events wait for {now.workers} workers that settle none of them; {last}.",
            "Their log says why: a database that is away, or a process that hangs and wants restarting.",
        )
    held = f", {now.unacked} are with them" if now.unacked else ""
    if now.waiting:
        return f"{now.workers} take events; {now.waiting} messages wait{held}, and they are being settled"
    return f"{now.workers} take events, none waits{held}"


def _newest_event() -> tuple[int, datetime] | None:
    newest = Event.objects.order_by("-pk").values_list("pk", "received_at")
    found = [each for each in shares.each(lambda: newest.all().first()) if each is not None]
    return max(found, key=itemgetter(1), default=None)


def the_dead_letters(patience: float) -> str:
    """What could not be processed and waits for a person."""
    if not settings.RABBITMQ_URL:
        return "no broker"
    events, _ = queue(topology.dead().name)
    jobs, _ = queue(parked.name)
    if refused := refused_letters():
        raise Trouble(
            f"The dead-letter queue takes no more: {refused}. It holds {events} messages.",
            "manage.py deadletters list says what is in it; replay or drop some, or lift the queue's limit. What waits "
            "is kept; what RabbitMQ itself was to park (delivered too often) waits inside it, seen by rabbitmqctl "
            "list_queues name messages_ready messages only.",
        )
    if events:
        raise Trouble(
            f"{events} messages could not be processed.", "manage.py deadletters list says why; replay or drop them."
        )
    if jobs:
        raise Trouble(
            f"{jobs} tasks failed, or were too often on a worker when it was killed.",
            "manage.py deadletters list --tasks",
        )
    return "none"


@contextmanager
def channel() -> Iterator[Any]:
    with kombu.Connection(
        settings.RABBITMQ_URL, connect_timeout=confirming.CONNECT_TIMEOUT, ssl=settings.RABBITMQ_TLS
    ) as client:
        made: Any = client.transport.establish_connection()  # one attempt only
        made.sock.settimeout(confirming.WRITE_TIMEOUT)
        try:
            yield made.channel()
        finally:
            made.collect()


def queue(name: str) -> tuple[int, int]:
    """How many messages wait in a queue and how many consumers it has; none, where there is no such queue."""
    try:
        with channel() as rabbit:
            found = rabbit.queue_declare(name, passive=True)
    except amqp.NotFound:
        return 0, 0
    return found.message_count, found.consumer_count
