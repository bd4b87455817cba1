"""Publishing to a real RabbitMQ, over a network that fails."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from gamification.kernel.messaging import broker, topology
from gamification.kernel.messaging.broker import Publisher, State
from gamification.kernel.messaging.confirming import Message, Receipt
from tests.support.rabbit import BLOCKED, UNBLOCKED, Listener, Proxy, channel
from tests.support.waiting import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("exchange")]

CONFIRMED, RETURNED, REFUSED, UNKNOWN = Receipt.CONFIRMED, Receipt.RETURNED, Receipt.REFUSED, Receipt.UNKNOWN


@pytest.fixture
def publisher(exchange: str) -> Iterator[Publisher]:
    publisher = Publisher(settings.RABBITMQ_URL, exchange)
    yield publisher
    publisher.stop()


@pytest.fixture
def network() -> Iterator[Proxy]:
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def behind(exchange: str, network: Proxy) -> Iterator[Publisher]:
    """A publisher whose way to the broker is the `network`, and which is up."""
    publisher = Publisher(network.url, exchange)
    publisher.warm_up()
    until(lambda: publisher.state is State.UP)
    yield publisher
    publisher.stop(0.1)


def message(number: int = 0, key: str = "heard", body: bytes = b"{}") -> Message:
    return Message(key, body, f"message-{number}", "a.type")


def send(publisher: Publisher, *messages: Message, timeout: float = 5) -> list[Receipt]:
    return publisher.publish(messages, timeout=timeout)


def test_a_confirmed_message_lies_in_the_queue_to_survive_a_restart(publisher: Publisher) -> None:
    with Listener("heard") as listener:
        assert send(publisher, Message("heard", b'{"a":1}', "m-1", "a.type", "application/x+json")) == [CONFIRMED]
        [taken] = listener.take(1)
    assert taken.body in (b'{"a":1}', '{"a":1}')
    assert abs(taken.properties.pop("timestamp") - time.time()) < 60
    assert taken.properties == {
        "content_type": "application/x+json",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "message_id": "m-1",
        "type": "a.type",
    }


def test_events_find_their_queue_before_any_worker_was_there(publisher: Publisher) -> None:
    assert send(publisher, message(key=topology.EVENT_KEY, body=b"[]")) == [CONFIRMED]
    with Listener() as listener:
        assert listener.bodies(1, topology.events().name) == [[]]


def test_each_message_has_its_own_receipt(publisher: Publisher) -> None:
    keys = ["heard", "unheard", "heard", "unheard", "heard"]
    with Listener("heard") as listener:
        receipts = send(publisher, *(message(number, key) for number, key in enumerate(keys)))
        assert receipts == [CONFIRMED, RETURNED, CONFIRMED, RETURNED, CONFIRMED]
        assert [taken.properties["message_id"] for taken in listener.take(3)] == [
            "message-0", "message-2", "message-4"
        ]  # fmt: skip


def test_thousands_of_messages_that_nobody_wants_do_not_stop_the_broker(publisher: Publisher) -> None:
    big = b"x" * 4096
    assert set(send(publisher, *(message(n, "unheard", big) for n in range(3_000)), timeout=30)) == {RETURNED}


def test_a_full_queue_refuses_and_the_publisher_goes_on(publisher: Publisher) -> None:
    with Listener("heard", arguments={"x-max-length": 1, "x-overflow": "reject-publish"}) as listener:
        assert send(publisher, message(0)) == [CONFIRMED]
        assert send(publisher, message(1)) == [REFUSED]
        listener.take(1)
        assert send(publisher, message(2)) == [CONFIRMED]


def test_a_message_longer_than_a_frame_arrives_whole(publisher: Publisher) -> None:
    body = os.urandom(500_000).hex().encode()
    with Listener("heard") as listener:
        assert send(publisher, message(0, body=body)) == [CONFIRMED]
        [taken] = listener.take(1)
    assert taken.body in (body, body.decode())


def test_many_threads_publish_at_once_and_each_has_its_own_answer(publisher: Publisher) -> None:
    def run(thread: int) -> list[Receipt]:
        heard = [message(1_000 * thread + n) for n in range(50)]
        unheard = [message(1_000 * thread + 500 + n, "unheard") for n in range(thread)]
        return send(publisher, *heard, *unheard, timeout=20)

    with Listener("heard") as listener, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(run, range(16)))
        assert answers == [[CONFIRMED] * 50 + [RETURNED] * thread for thread in range(16)]
        assert len({taken.properties["message_id"] for taken in listener.take(800)}) == 800


def test_a_broker_that_is_away_costs_no_time(exchange: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    publisher = Publisher(f"amqp://guest:guest@127.0.0.1:{port}/", exchange)
    began = time.monotonic()
    assert send(publisher, message()) == [UNKNOWN]
    assert send(publisher, message()) == [UNKNOWN]
    assert time.monotonic() - began < 5
    assert publisher.state is State.DOWN
    assert "refused" in publisher.why
    publisher.stop()


def test_a_broker_that_hangs_is_waited_for_once_and_not_again_until_it_answers(
    behind: Publisher, network: Proxy
) -> None:
    with Listener("heard") as listener:
        network.hang()
        began = time.monotonic()
        assert send(behind, message(0), timeout=0.5) == [UNKNOWN]
        assert 0.5 <= time.monotonic() - began < 3
        assert (behind.state, behind.why) == (State.DOWN, "no answer within 0.5 s")
        began = time.monotonic()
        assert [send(behind, message(n), timeout=0.5) for n in range(1, 100)] == [[UNKNOWN]] * 99
        assert time.monotonic() - began < 5
        network.flow()
        until(lambda: behind.state is State.UP)
        assert send(behind, message(100)) == [CONFIRMED]
        # The first arrived late, when its sender had given up; those in between were never sent.
        assert {taken.properties["message_id"] for taken in listener.take(2)} == {"message-0", "message-100"}
        assert listener.is_empty()


def test_nobody_waits_for_another_ones_deadline(behind: Publisher, network: Proxy) -> None:
    network.hang()
    took: dict[float, float] = {}

    def wait(timeout: float) -> None:
        began = time.monotonic()
        assert send(behind, message(int(timeout * 100)), timeout=timeout) == [UNKNOWN]
        took[timeout] = time.monotonic() - began

    threads = [threading.Thread(target=wait, args=(timeout,)) for timeout in (0.3, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert took[0.3] < 3
    assert took[30] < 15  # the first one's complaint ended the connection, at the latest when a write gave up


def test_an_alarm_blocks_until_the_broker_says_otherwise(behind: Publisher, network: Proxy) -> None:
    with Listener("heard"):
        network.say(BLOCKED)
        until(lambda: behind.state is State.BLOCKED)
        began = time.monotonic()
        assert send(behind, message(0)) == [UNKNOWN]
        assert time.monotonic() - began < 2
        assert "alarm" in behind.why
        network.say(UNBLOCKED)
        until(lambda: behind.state is State.UP)
        assert send(behind, message(1)) == [CONFIRMED]


def test_an_alarm_ends_the_waiting_for_what_was_under_way(behind: Publisher, network: Proxy) -> None:
    network.hang()  # as a blocked broker, it reads nothing
    threading.Timer(0.2, network.say, [BLOCKED]).start()
    began = time.monotonic()
    assert send(behind, message(0), timeout=10) == [UNKNOWN]
    assert time.monotonic() - began < 5
    assert behind.state is State.BLOCKED


def test_an_alarm_keeps_its_connection_and_makes_no_others(behind: Publisher, network: Proxy) -> None:
    network.say(BLOCKED)
    until(lambda: behind.state is State.BLOCKED)
    assert [send(behind, message(n), timeout=0.2) for n in range(3)] == [[UNKNOWN]] * 3
    assert behind.state is State.BLOCKED
    network.say(UNBLOCKED)
    until(lambda: behind.state is State.UP)
    assert len(network._pairs) == 1


def test_a_broken_connection_is_made_anew(behind: Publisher, network: Proxy) -> None:
    with Listener("heard"):
        assert send(behind, message(0)) == [CONFIRMED]
        network.cut()
        until(lambda: behind.state is State.DOWN)
        assert send(behind, message(1)) == [UNKNOWN]
        network.flow()
        until(lambda: behind.state is State.UP)
        assert send(behind, message(2)) == [CONFIRMED]


def test_what_was_deleted_at_the_broker_is_declared_anew(publisher: Publisher, exchange: str) -> None:
    assert send(publisher, message(0, topology.EVENT_KEY)) == [CONFIRMED]
    with channel() as rabbit:
        rabbit.queue_delete(topology.events().name)
        rabbit.exchange_delete(exchange)
    assert send(publisher, message(1, topology.EVENT_KEY)) == [UNKNOWN]
    until(lambda: publisher.state is State.UP)
    assert send(publisher, message(2, topology.EVENT_KEY)) == [CONFIRMED]


def test_a_queue_of_that_name_but_of_another_kind_stops_nobody(publisher: Publisher) -> None:
    with channel() as rabbit:
        topology.exchange()(rabbit).declare()
        rabbit.queue_declare(topology.events().name, durable=True, auto_delete=False)  # a classic one
    with Listener("heard"):
        assert send(publisher, message(0)) == [CONFIRMED]
    assert send(publisher, message(1, topology.EVENT_KEY)) == [RETURNED]


@pytest.mark.parametrize("trouble", ["none", "hangs", "blocked", "away"])
def test_stopping_never_hangs(trouble: str, behind: Publisher, network: Proxy) -> None:
    if trouble == "away":
        network.cut()
        until(lambda: behind.state is State.DOWN)
    if trouble == "blocked":
        network.say(BLOCKED)
        until(lambda: behind.state is State.BLOCKED)
    if trouble in ("hangs", "blocked"):
        network.hang()
    began = time.monotonic()
    behind.stop(timeout=20)
    assert time.monotonic() - began < 5
    assert send(behind, message()) == [UNKNOWN]


def test_stopping_lets_what_is_under_way_be_confirmed(publisher: Publisher) -> None:
    with Listener("heard"), ThreadPoolExecutor(1) as pool:
        assert send(publisher, message(0)) == [CONFIRMED]
        answer = pool.submit(send, publisher, *(message(n) for n in range(2_000)), timeout=20)
        until(lambda: publisher.unconfirmed)
        publisher.stop(timeout=20)
        assert set(answer.result()) == {CONFIRMED}


def test_a_process_shares_one_publisher_and_its_child_has_another() -> None:
    with Listener("heard") as listener:
        assert broker.publisher() is broker.publisher()
        assert send(broker.publisher(), message(0)) == [CONFIRMED]
        child = os.fork()
        if not child:  # no test's clean-up is to run twice
            confirmed = False
            try:
                confirmed = send(broker.publisher(), message(1)) == [CONFIRMED]
                broker.stop()
            finally:
                os._exit(0 if confirmed else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert send(broker.publisher(), message(2)) == [CONFIRMED]
        assert len(listener.take(3)) == 3


def test_what_came_of_messages_is_counted(publisher: Publisher) -> None:
    def counted(outcome: str) -> float:
        return float(broker._outcomes.labels(outcome)._value.get())

    before = counted("confirmed"), counted("returned")
    with Listener("heard"):
        send(publisher, message(0), message(1), message(2, "unheard"))
    assert (counted("confirmed") - before[0], counted("returned") - before[1]) == (2, 1)
