"""Frames that came together are dispatched together, in order, and what py-amqp promises still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import amqp
import kombu
import pytest

from gamification.kernel.messaging.amqp_frames import CHUNK, read_at_once
from gamification.kernel.messaging.amqp_reading import body_of
from tests.support import rabbit
from tests.support.waiting import until

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def wire() -> Iterator[Any]:
    with kombu.Connection(rabbit.BROKER) as connection:
        connection.connect()
        read_at_once(connection.connection)
        yield connection.connection


def queue(channel: Any, *bodies: bytes) -> str:
    """A queue that holds these messages."""
    name = str(channel.queue_declare("", exclusive=True, auto_delete=False).queue)
    channel.confirm_select()
    for body in bodies:
        channel.basic_publish_confirm(amqp.Message(body), "", name)
    return name


def drain(wire: Any, holds: Callable[[], Any]) -> int:
    """How many times it took until `holds`."""
    turns = 0

    def turn() -> bool:
        nonlocal turns
        if not holds():
            with suppress(TimeoutError):
                wire.drain_events(timeout=0.05)
                turns += 1
        return bool(holds())

    until(turn)
    return turns


def test_messages_that_came_together_take_one_turn_and_keep_their_order(wire: Any) -> None:
    channel = wire.channel()
    bodies = [f"{n}".encode() for n in range(500)]
    name = queue(channel, *bodies)
    heard: list[Any] = []
    channel.basic_consume(name, callback=heard.append, no_ack=True)
    assert drain(wire, lambda: len(heard) == 500) < 100
    assert [body_of(message) for message in heard] == bodies


def test_what_follows_a_subscription_at_once_finds_it(wire: Any) -> None:
    """Dispatched before its callback is known, it would go back to the queue."""
    channel = wire.channel()
    name = queue(channel, *[b"x"] * 300)
    given_back = 0
    for _ in range(10):
        heard: list[int] = []
        consumer = channel.basic_consume(name, callback=lambda message: heard.append(message.delivery_tag))  # noqa: B023
        drain(wire, lambda: len(heard) >= 300)  # noqa: B023
        assert heard == list(range(given_back + 1, given_back + 301))  # a tag that is missing was rejected
        channel.basic_cancel(consumer)
        channel.basic_recover(requeue=True)
        given_back += 300


def test_a_question_asked_while_a_message_is_taken_is_answered_and_the_rest_comes(wire: Any) -> None:
    channel = wire.channel()
    name = queue(channel, *[f"{n}".encode() for n in range(200)])
    heard: list[str] = []

    def take(message: Any) -> None:
        heard.append(body_of(message).decode())
        if int(heard[-1]) % 50 == 0:
            assert channel.queue_declare(name, passive=True).queue == name

    channel.basic_consume(name, callback=take, no_ack=True)
    drain(wire, lambda: len(heard) == 200)
    assert heard == [str(n) for n in range(200)]


def test_a_message_longer_than_what_is_read_at_once_comes_whole(wire: Any) -> None:
    channel = wire.channel()
    body = bytes(range(97, 123)) * (4 * CHUNK // 26)
    name = queue(channel, body, b"after")
    heard: list[Any] = []
    channel.basic_consume(name, callback=heard.append, no_ack=True)
    drain(wire, lambda: len(heard) == 2)
    assert [body_of(message) for message in heard] == [body, b"after"]


def test_nothing_to_read_is_a_timeout_and_a_broker_that_is_gone_an_error(wire: Any) -> None:
    with pytest.raises(TimeoutError):
        wire.drain_events(timeout=0)
    assert wire.connected
    wire.sock.shutdown(2)
    with pytest.raises(ConnectionError):
        wire.drain_events(timeout=1)
    assert not wire.connected
    wire.collect()
