"""Events from RabbitMQ: batches, letters with reasons, and one acknowledgement after the commit."""

from __future__ import annotations

import json
from contextlib import suppress

import kombu
import pytest
from django.db import OperationalError, connection

from gamification.intake.worker import MAX_PREFETCH, MIN_PREFETCH, Receiver
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.amqp_reading import undecoded
from gamification.kernel.models import Event, RejectedEvent
from tests.support import rabbit
from tests.support.playing import count
from tests.support.poison import poison
from tests.support.receiving import Loop, happened, is_settled, parked, send, waiting

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True)]


def test_messages_become_one_batch_that_is_acknowledged_after_the_commit(
    kills: None, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.intake.worker.BATCH_LINGER", 1)
    send(*[happened(f"e{i}") for i in range(7)], [happened("e7"), happened("e8")])
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 9)
    assert Event.objects.values("received_at").distinct().count() == 1
    assert is_settled(loop, receiver)


def test_five_hundred_events_are_a_batch_without_waiting(
    kills: None, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.intake.worker.BATCH_LINGER", 3600)
    send([happened(f"e{i}") for i in range(300)], [happened(f"e{i}") for i in range(300, 500)], happened("late"))
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 500)
    for _ in range(20):
        loop.turn()
    assert count() == 500
    receiver.finish()
    assert count() == 501
    assert waiting() == 0


def test_duplicates_in_one_message_and_in_several_count_once(kills: None, loop: Loop) -> None:
    again = happened("e1")
    send(again, [again, happened("e2")], [again, again])
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 2)
    send(again)
    assert is_settled(loop, receiver)
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: waiting() == 0)
    loop.until(lambda: not receiver.unread and not receiver.batch)
    assert is_settled(loop, receiver)
    assert count() == 2
    assert parked() == {}


def test_malformed_ones_are_parked_with_the_reason_and_the_rest_counts(kills: None, loop: Loop) -> None:
    wrong = happened("e2", timestamp="yesterday")
    reserved = happened("e4", type="level.reached")
    send(b"hello", [happened("e1"), wrong, happened("e3")], reserved, happened("e5"))
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 3)
    assert is_settled(loop, receiver)
    reasons = parked()
    assert {body: code for body, (code, _) in reasons.items()} == {
        b"hello": "bad_json",
        json.dumps(wrong).encode(): "bad_timestamp",
        json.dumps(reserved).encode(): "reserved_type",
    }
    assert reasons[json.dumps(wrong).encode()][1].startswith("timestamp: A timestamp is RFC 3339")


def test_what_only_the_store_refuses_is_kept_there_and_not_parked(kills: None, loop: Loop) -> None:
    send([happened("e1"), happened("e1", data={"other": 1})])
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: RejectedEvent.objects.exists())
    assert list(RejectedEvent.objects.values_list("event_id", "code")) == [("e1", "id_reused")]
    assert is_settled(loop, receiver)
    assert (count(), parked()) == (1, {})


def test_poison_is_parked_alone_and_its_batch_counts(kills: None, loop: Loop) -> None:
    bad = happened("bad")
    send([happened(f"e{i}") for i in range(40)] + [bad], happened("last"))
    with poison("bad"):
        receiver = Receiver(loop.connection, loop)
        loop.until(lambda: count() == 41)
        assert is_settled(loop, receiver)
    [(body, (code, reason))] = parked().items()
    assert (json.loads(body), code) == (bad, "failed")
    assert "poison" in reason
    assert not Event.objects.filter(event_id="bad").exists()


@pytest.mark.postgres
def test_a_database_that_says_later_keeps_the_batch_and_the_broker(kills: None, loop: Loop) -> None:
    send([happened("e1"), happened("e2")])
    with poison("e2", sqlstate="40001") as cure:
        receiver = Receiver(loop.connection, loop)
        loop.until(lambda: receiver.pause > 0.5)
        send(happened("e3"))
        loop.until(lambda: receiver.unread)
        assert (count(), waiting(), parked()) == (0, 0, {})
        cure()
        loop.until(lambda: count() == 3)
    assert is_settled(loop, receiver)
    assert parked() == {}


@pytest.mark.postgres
def test_a_connection_to_the_database_that_was_cut_is_made_anew(kills: None, loop: Loop) -> None:
    send(happened("e1"))
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 1)
    with connection.cursor() as cursor, suppress(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    send(happened("e2"))
    loop.until(lambda: receiver.stuck or receiver.batch)
    loop.until(lambda: not receiver.stuck and not receiver.batch)
    assert count() == 2
    assert is_settled(loop, receiver)


def test_what_is_held_when_the_connection_breaks_is_delivered_again_and_counts_once(kills: None, loop: Loop) -> None:
    send(happened("e1"), happened("e2"))
    receiver = Receiver(loop.connection, loop)
    receiver._acknowledge = lambda batch: None  # type: ignore[method-assign]  # lost on the way
    loop.until(lambda: count() == 2)
    receiver.drop()
    loop.connection.collect()
    again = Loop()
    loop.timers.clear()
    rabbit.until(lambda: waiting() == 2)
    receiver = Receiver(again.connection, again)
    again.until(lambda: waiting() == 0)
    again.until(lambda: not receiver.unread and not receiver.batch)
    assert is_settled(again, receiver)
    assert count() == 2
    again.connection.close()


def test_a_dead_letter_that_is_not_confirmed_keeps_its_message(kills: None, loop: Loop) -> None:
    send([happened("e1"), 17])
    receiver = Receiver(loop.connection, loop)
    with rabbit.channel() as channel:
        channel.queue_delete(topology.dead().name)  # nobody would take the letter
    loop.until(lambda: receiver.stuck)
    assert count() == 1
    with rabbit.channel() as channel:
        topology.declare(channel)
    loop.until(lambda: not receiver.stuck)
    assert is_settled(loop, receiver)
    assert parked() == {b"17": ("invalid", "An event is an object.")}


def test_a_full_dead_letter_queue_keeps_the_message_and_the_connection(
    kills: None, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.intake.worker.FIRST_PAUSE", 0.01)
    full = kombu.Queue(
        topology.dead().name,
        topology.dead().exchange,
        queue_arguments={"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"},
    )
    monkeypatch.setattr(topology, "dead", lambda: full)
    send(b"1", b"2", b"3", b"4")
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: receiver.pause > 0.1)
    assert waiting() == 0  # all are held: none was lost, and none went back to be tried at once
    found: set[bytes] = set()

    def make_room() -> bool:
        with rabbit.channel() as channel:
            if letter := undecoded(channel).basic_get(full.name, no_ack=True):
                found.add(letter.body)
        return len(found) == 4

    loop.until(make_room)
    loop.until(lambda: not receiver.stuck)
    assert is_settled(loop, receiver)
    assert found == {b"1", b"2", b"3", b"4"}


def test_a_worker_holds_two_batches_however_many_events_a_message_has(kills: None, loop: Loop) -> None:
    send(*[happened(f"s{i}") for i in range(120)])  # all there before it looks, so that they come at once
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: receiver.prefetch == MAX_PREFETCH)
    send(*[[happened(f"m{n}-{i}") for i in range(500)] for n in range(2)])
    loop.until(lambda: receiver.prefetch == MIN_PREFETCH)
    loop.until(lambda: count() == 1_120)
    assert is_settled(loop, receiver)


def test_a_message_that_came_back_often_is_tried_alone_and_the_others_go_on(
    kills: None, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.intake.worker.BATCH_LINGER", 0.5)
    send(happened("e1"), happened("e2"), happened("e3"))
    for _ in range(3):
        with rabbit.channel() as channel:
            while channel.basic_get(topology.events().name):
                pass
        rabbit.until(lambda: waiting() == 3)
    send(happened("e4"))
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 4)
    assert is_settled(loop, receiver)
    when = dict(Event.objects.values_list("event_id", "received_at"))
    assert len(set(when.values())) == 4
    assert min(when, key=lambda id_: when[id_]) == "e4"
