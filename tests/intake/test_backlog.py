"""Whether events are being settled is known: that nobody takes them, or a worker stands still, or cannot go on."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import amqp
import pytest
from django.test import Client
from django.utils import timezone

from gamification.console import at_rabbit
from gamification.console.trouble import Trouble
from gamification.intake import backlog, handover
from gamification.intake.decoding import decode
from gamification.intake.heartbeat import Heartbeat, Unacked, handed_over
from gamification.intake.worker import Receiver
from gamification.kernel.core.encoding import dumps
from gamification.kernel.messaging import topology
from gamification.kernel.models import Event, WorkerHeartbeat
from tests.support import rabbit, workers
from tests.support.content import metric, publish
from tests.support.receiving import Loop, happened, send

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exchange")]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "LATE_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(backlog, "PROBE_INTERVAL", 0.1)


def hand_over(*ids: str) -> None:
    events = [happened(id_) for id_ in ids]
    assert handover.hand_over(decode(dumps({"events": events}).encode(), now=timezone.now()))


def counted() -> int:
    return Event.objects.filter(event_id__startswith="e").count()


@pytest.mark.usefixtures("soon")
def test_without_a_worker_the_probe_says_since_when_events_wait(caplog: pytest.LogCaptureFixture) -> None:
    assert Client().get("/readyz").json()["status"] == "ok"
    hand_over("e1")
    rabbit.until(lambda: Client().get("/readyz").json()["status"] == "degraded")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["workers"]) == (200, "behind")
    assert (
        "No worker takes events: 1 messages wait, 0 are with workers, the oldest unprocessed" in answer.json()["detail"]
    )
    said = [record for record in caplog.records if record.name == "gamification.intake.backlog"]
    assert [record.levelno for record in said] == [logging.WARNING]
    with pytest.raises(Trouble, match="No worker takes events, and 1 messages wait"):
        at_rabbit.the_workers(0.2)


@pytest.mark.usefixtures("soon")
def test_events_of_others_are_seen_too_and_all_is_well_once_they_are_settled(tmp_path: Path) -> None:
    publish(metric("kills"))
    send(happened("e1"))
    rabbit.until(lambda: "No worker takes events" in backlog.trouble())
    with workers.own_tasks() as own, workers.running(tmp_path / "log", own):
        rabbit.until(lambda: counted() == 1 and not backlog.trouble(), seconds=60)
        hand_over("e2")
        rabbit.until(lambda: counted() == 2)
        rabbit.until(lambda: not any(backlog._handed_over.values()))
        assert at_rabbit.the_workers(1.5) == "1 take events, none waits"


@pytest.mark.usefixtures("soon")
def test_a_worker_that_stands_still_with_what_it_holds_is_seen(tmp_path: Path) -> None:
    publish(metric("kills"))
    with workers.own_tasks() as own, workers.running(tmp_path / "log", own) as worker:
        rabbit.until(lambda: WorkerHeartbeat.objects.filter(beat__gt=1).exists(), seconds=60)
        worker.send_signal(signal.SIGSTOP)
        try:
            send(*[happened(f"e{n}") for n in range(5)])
            with rabbit.channel() as channel:
                queue = topology.events().name
                rabbit.until(lambda: channel.queue_declare(queue, passive=True).message_count == 0)
            with pytest.raises(Trouble, match="1 of 1 workers stand still"):
                at_rabbit.the_workers(2)
            rabbit.until(lambda: "the oldest unprocessed event has waited" in backlog.trouble())
        finally:
            worker.send_signal(signal.SIGCONT)
        rabbit.until(lambda: counted() == 5, seconds=60)
        rabbit.until(lambda: not backlog.trouble(), seconds=60)


def test_a_worker_that_was_killed_is_nobody_to_wait_for() -> None:
    now = timezone.now()
    WorkerHeartbeat.objects.create(worker="gone", beat=7, at=now, unacked=3, oldest=now - timedelta(minutes=5))
    probe = backlog.BacklogProbe()
    with rabbit.channel() as channel:
        topology.declare(channel)
    probe.read()
    seen = probe.read(since=0)
    probe.close()
    assert (seen.workers, seen.unacked, seen.oldest, seen.standing_still) == (0, 0, None, [])


def test_a_full_dead_letter_queue_is_seen_by_whoever_looks_after_the_service(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    unacked = Unacked()
    receiver = Receiver(loop.connection, loop, unacked)
    with rabbit.channel() as channel:
        channel.queue_unbind(topology.dead().name, topology.dead().exchange.name)
        channel.basic_publish(amqp.Message(b"no event"), topology.incoming().name, topology.EVENT_KEY)
    loop.until(lambda: receiver.stuck)
    monkeypatch.setattr(Heartbeat, "_run", lambda self: None)
    Heartbeat(unacked).beat()
    with pytest.raises(Trouble, match=r"The dead-letter queue takes no more: 1 workers wait"):
        at_rabbit.the_dead_letters(0.1)
    assert backlog.refused_letters()
    with rabbit.channel() as channel:
        topology.declare(channel)
    loop.until(lambda: not receiver.stuck)
    Heartbeat(unacked).beat()
    assert not backlog.refused_letters()
    receiver.drop()


def test_what_a_message_says_of_its_age_is_believed_only_where_it_can_be_true() -> None:
    now = timezone.now()

    def said(timestamp: Any) -> timedelta:
        message = amqp.Message(b"", **({} if timestamp is None else {"timestamp": timestamp}))
        return now - handed_over(message, now)

    assert said(None) == timedelta()
    assert timedelta(seconds=59) < said(int(now.timestamp()) - 60) < timedelta(seconds=61)
    assert said(int(now.timestamp() * 1000)) == timedelta()  # milliseconds
    assert said(2**64 - 1) == timedelta()
    assert said(1) == timedelta()


# -- a worker that hears nothing ---------------------------------------------------------------------------------------


CHECKS_OFTEN = "from gamification.intake import worker; worker.SUBSCRIPTION_CHECK_INTERVAL = 0.5"


def test_a_queue_that_is_deleted_and_declared_anew_at_once_finds_its_worker_again(tmp_path: Path) -> None:
    publish(metric("kills"))
    with workers.own_tasks() as own, workers.running(tmp_path / "log", own, CHECKS_OFTEN) as worker:
        send(happened("e1"))
        rabbit.until(lambda: counted() == 1, seconds=60)
        with rabbit.channel() as channel:
            for _ in range(3):
                channel.queue_delete(topology.events().name)
                topology.declare(channel)
        send(happened("e2"))
        rabbit.until(lambda: counted() == 2, seconds=60)
        assert worker.poll() is None


@pytest.fixture
def receiver(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A worker that subscribes anew whenever it has heard nothing for a moment."""
    monkeypatch.setattr("gamification.intake.worker.SUBSCRIPTION_CHECK_INTERVAL", 0.05)
    receiver = Receiver(loop.connection, loop)
    yield receiver
    receiver.drop()


def test_a_worker_whose_subscription_is_lost_subscribes_anew(loop: Loop, receiver: Receiver) -> None:
    publish(metric("kills"))
    receiver.channel.basic_cancel(receiver.consumer)
    send(happened("e1"))
    loop.until(lambda: counted() == 1)


def test_a_message_that_the_broker_took_for_delivered_is_delivered_again(loop: Loop, receiver: Receiver) -> None:
    publish(metric("kills"))
    receiver.channel.callbacks[receiver.consumer] = lambda message: None
    send(happened("e1"))
    loop.until(lambda: counted() == 1)


def test_a_worker_to_which_nothing_comes_holds_one_channel(loop: Loop, receiver: Receiver) -> None:
    first = receiver.channel
    loop.until(lambda: receiver.channel is not first)
    second = receiver.channel
    loop.until(lambda: receiver.channel is not second)
    assert len([each for each in loop.connection.connection.channels if each]) == 1
    publish(metric("kills"))
    send(happened("e1"), happened("e2"))
    loop.until(lambda: counted() == 2)


def test_a_worker_that_still_works_on_a_message_keeps_its_channel(loop: Loop, receiver: Receiver) -> None:
    channel = receiver.channel
    receiver.unacked.since[receiver.queue, 1] = timezone.now()
    for _ in range(40):
        loop.turn()
    assert receiver.channel is channel


@pytest.mark.usefixtures("soon")
def test_a_queue_that_is_deleted_is_declared_anew_by_whoever_hands_over() -> None:
    hand_over("e1")
    backlog.watch()
    with rabbit.channel() as channel:
        channel.queue_delete(topology.events().name)

    def is_back() -> bool:
        with rabbit.channel() as channel:
            try:
                return bool(channel.queue_declare(topology.events().name, passive=True))
            except amqp.NotFound:
                return False

    rabbit.until(is_back)
