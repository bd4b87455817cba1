"""Facts on their way to a real RabbitMQ."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction

from gamification import clock, pipeline, relay
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, GameEvent
from gamification.kernel.core.origins import Origin
from gamification.kernel.messaging import broker, followers, outbox
from gamification.kernel.messaging.broker import Publisher, State
from gamification.kernel.messaging.confirming import Message, Receipt
from gamification.kernel.models import OutboxFact
from gamification.relay import Remaining
from tests.support.callers import game_server
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.rabbit import Listener, Proxy
from tests.support.waiting import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exchange")]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def network(settings: LazySettings) -> Iterator[Proxy]:
    """All that the service says to RabbitMQ goes through here."""
    settings.RABBITMQ_URL = (proxy := Proxy()).url
    yield proxy
    proxy.flow()
    relay.stop()
    proxy.close()


HEARD, UNHEARD = FactType.REWARD_GRANTED, FactType.REWARD_CLAIMED
"""Types that the tests listen to, and not."""


def hunters() -> None:
    publish(metric("kills"), reward("coin"), achievement("hunter", requirement("COUNT", "kills", 1), rewards=["coin"]))


def kill(player_id: str, id_: str = "a") -> GameEvent:
    return GameEvent(id_, player_id, "enemy.killed", {}, NOW)


def facts(*names: str, player_id: str = "ann", type_: FactType = HEARD) -> None:
    outbox.put([Fact(name, player_id, type_, {"name": name}, NOW) for name in names], NOW)


def names(listener: Listener, count: int) -> list[str]:
    return [body["id"] for body in listener.bodies(count)]


def all_left() -> bool:
    """Publish what may leave; whether that was everything. Others' transactions on the same server take a moment."""
    until(lambda: relay.publish_waiting() is not Remaining.SOON)
    return relay.publish_waiting() is Remaining.NOTHING


def publish_apart() -> None:
    """On a thread, and so a connection, of its own, as the relay does."""
    try:
        relay.publish_waiting()
    finally:
        connection.close()


def left() -> list[str]:
    """The facts that have not left."""
    return list(relay.waiting().values_list("fact_id", flat=True))


def test_a_fact_leaves_as_a_cloud_event() -> None:
    data = {"id": "hunter", "points": 10, "wörds": ["ü", {"deep": 1.5}], "big": 2**53}
    outbox.put([Fact("~f00d", "ann", FactType.ACHIEVEMENT_COMPLETED, data, NOW + timedelta(microseconds=250))], NOW)
    with Listener("achievement.completed") as listener:
        assert all_left()
        [message] = listener.take(1)
    assert json.loads(message.body) == {
        "specversion": "1.0",
        "id": "~f00d",
        "source": f"/{listener.exchange}",
        "type": "achievement.completed",
        "subject": "ann",
        "time": "2026-05-01T12:00:00.000250Z",
        "datacontenttype": "application/json",
        "dataschema": "http://localhost:3000/api/schema/v1/facts/achievement.completed.json",
        "partitionkey": "ann",
        "data": data,
    }
    assert message.properties["content_type"] == "application/cloudevents+json"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == "~f00d"
    assert left() == []


def test_it_says_which_request_led_to_it() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    outbox.put([Fact("~f00d", "ann", FactType.LEVEL_REACHED, {}, NOW)], NOW, {"~f00d": Origin("r-1", trace)})
    with Listener("level.reached") as listener:
        assert all_left()
        [fact] = listener.bodies(1)
    assert (fact["requestid"], fact["traceparent"]) == ("r-1", trace)


def test_facts_leave_right_after_the_commit() -> None:
    hunters()
    with Listener("#") as listener:
        outcome = pipeline.process([kill("ann")], now=NOW)
        assert outcome.facts
        assert names(listener, len(outcome.facts)) == [fact.id for fact in outcome.facts]
        until(lambda: not left())


def test_nothing_leaves_before_the_commit_nor_after_a_roll_back() -> None:
    hunters()
    with Listener("#") as listener:
        with transaction.atomic():
            stated = pipeline.process([kill("ann")], now=NOW).facts
            with ThreadPoolExecutor(1) as other:
                other.submit(publish_apart).result()
            assert listener.is_empty()
        assert names(listener, len(stated)) == [fact.id for fact in stated]
        with transaction.atomic():
            assert pipeline.process([kill("bob")], now=NOW).facts
            transaction.set_rollback(True)
        assert all_left()
        assert listener.is_empty()


def test_a_request_with_an_idempotency_key_publishes_after_its_own_commit() -> None:
    hunters()
    body = {"id": "a", "player_id": "ann", "type": "enemy.killed", "data": {}, "timestamp": "2026-05-01T12:00:00Z"}
    with Listener("achievement.completed") as listener:
        headers = {"Idempotency-Key": "k1", "Prefer": "wait"}
        response = game_server().post("/api/v1/events", body, format="json", headers=headers)
        assert response.status_code == 200
        [fact] = listener.bodies(1)
    assert fact["subject"] == "ann"


def test_a_fact_that_nobody_listens_for_counts_as_published() -> None:
    facts("one", "two")
    assert all_left()
    assert left() == []


def test_what_is_refused_stays_with_all_that_the_player_was_told_later() -> None:
    facts("a1", type_=HEARD)
    facts("b1", player_id="bob", type_=HEARD)
    facts("a2", type_=UNHEARD)
    facts("c1", player_id="cat", type_=UNHEARD)
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    with Listener(HEARD, arguments=full):
        assert not all_left()
        assert left() == ["a1", "b1", "a2"]
        behind = followers.lags()["relay"]
        assert behind.since == OutboxFact.objects.get(fact_id="a1").stated_at
        assert behind.rows >= 3
    with Listener("#") as listener:
        assert all_left()
        assert followers.lags()["relay"] == (0, None)
        assert names(listener, 3) == ["a1", "b1", "a2"]
    assert left() == []


def test_the_rest_of_a_players_facts_follows_in_order_once_the_first_is_taken() -> None:
    facts("a1", type_=HEARD)
    facts(*(f"a{n}" for n in range(2, 30)), type_=UNHEARD)
    with Listener(HEARD, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}):
        assert not all_left()
        facts(*(f"a{n}" for n in range(30, 40)))
        facts("b1", player_id="bob", type_=UNHEARD)
        assert not all_left()
        assert left() == [f"a{n}" for n in range(1, 40)]
    with Listener("#") as listener:
        assert all_left()
        assert names(listener, 39) == [f"a{n}" for n in range(1, 40)]
        assert listener.is_empty()


def test_while_it_is_refused_no_fact_goes_out_again_and_again() -> None:
    facts("a1", type_=HEARD)
    facts("a2", "a3")
    with Listener(HEARD, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}), Listener("#") as other:
        for _ in range(5):
            assert not all_left()
        heard = [body["id"] for body in other.bodies(8)]
        assert heard.count("a2") == heard.count("a3") == 1  # with the first try; a1 with each
        assert set(heard) == {"a1", "a2", "a3"}


@pytest.mark.postgres
def test_a_fact_that_commits_late_is_not_skipped() -> None:
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            cursor.execute("SELECT nextval(pg_get_serial_sequence('kernel_outboxfact', 'id'))")
            early = cursor.fetchone()[0]
        facts("later")
        with Listener("#") as listener:
            assert relay.publish_waiting() is Remaining.SOON
            assert listener.is_empty()
            with other.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO kernel_outboxfact (id, fact_id, player_id, type, data, timestamp, stated_at)"
                    " VALUES (%s, 'early', 'bob', 'heard', '{}', now(), now())",
                    [early],
                )
            other.commit()
            assert all_left()
            assert names(listener, 2) == ["early", "later"]
    finally:
        other.close()


def test_a_crash_between_confirm_and_deletion_sends_the_fact_again_with_the_same_id() -> None:
    facts("one", "two")

    class Killed(Exception):
        pass

    def publish_and_die(messages: Sequence[Message]) -> Sequence[Receipt]:
        receipts = broker.publisher().publish(messages, timeout=5)
        assert set(receipts) == {Receipt.CONFIRMED}
        raise Killed

    with Listener("#") as listener:
        with pytest.raises(Killed):
            relay.send_next(publish_and_die)
        assert left() == ["one", "two"]
        assert all_left()
        assert names(listener, 4) == ["one", "two", "one", "two"]


def test_several_relays_at_once_keep_the_order_of_every_player(exchange: str, settings: LazySettings) -> None:
    players, each = 10, 100
    rows = [(f"player-{n % players}", n // players) for n in range(players * each)]
    outbox.put([Fact(f"{p}/{n}", p, HEARD, {"n": n}, NOW) for p, n in rows], NOW)
    publishers = [Publisher(settings.RABBITMQ_URL, exchange) for _ in range(4)]

    def run(publisher: Publisher) -> None:
        def send(messages: Sequence[Message]) -> Sequence[Receipt]:
            return publisher.publish(messages, timeout=20)

        while relay.has_next():
            relay.send_next(send, 20)
        connection.close()

    with Listener(HEARD) as listener:
        threads = [threading.Thread(target=run, args=(publisher,)) for publisher in publishers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        heard: dict[str, list[int]] = defaultdict(list)
        for body in listener.bodies(players * each):
            heard[body["subject"]].append(body["data"]["n"])
        assert listener.is_empty()
    for publisher in publishers:
        publisher.stop()
    assert heard == {f"player-{p}": list(range(each)) for p in range(players)}
    assert left() == []


def test_without_its_broker_a_batch_is_done_as_fast_and_its_facts_leave_later(network: Proxy) -> None:
    hunters()
    network.cut()
    began = time.monotonic()
    stated = pipeline.process([kill("ann")], now=NOW).facts
    assert time.monotonic() - began < relay.CONFIRM_TIMEOUT / 2
    until(lambda: broker.publisher().state is State.DOWN)
    assert left() == [fact.id for fact in stated]
    with Listener("#") as listener:
        network.flow()
        assert names(listener, len(stated)) == [fact.id for fact in stated]  # nobody had to ask again
        until(lambda: not left())


def test_a_relay_that_waits_for_a_hanging_broker_keeps_no_batch_waiting(network: Proxy) -> None:
    hunters()
    pipeline.process([kill("ann")], now=NOW)
    until(lambda: broker.publisher().state is State.UP and not left())
    network.hang()
    pipeline.process([kill("bob")], now=NOW)
    until(lambda: broker.publisher().unconfirmed)  # its relay waits for the broker now
    began = time.monotonic()
    for number in range(20):
        pipeline.process([kill("bob", f"b{number}"), kill(f"eve-{number}")], now=NOW)
    assert time.monotonic() - began < relay.CONFIRM_TIMEOUT / 2
    assert broker.publisher().unconfirmed
    with Listener("achievement.completed") as listener:
        network.flow()
        heard = [body["subject"] for body in listener.bodies(21)]
        assert set(heard) == {"bob", *(f"eve-{n}" for n in range(20))}


def test_the_sweep_finds_what_a_killed_process_left(settings: LazySettings) -> None:
    facts("one")
    chore = next(chore for chore in clock.CHORES if chore.run == relay.sweep)
    assert chore.every == 1
    with Listener("#") as listener:
        chore.run(NOW)
        chore.run(NOW)
        assert names(listener, 1) == ["one"]
        until(lambda: not left())
        assert listener.is_empty()


def test_no_fact_is_forgotten_that_is_still_to_be_published() -> None:
    facts("one", "two", "three")
    followers.forget_facts(NOW + timedelta(days=31))
    assert left() == ["one", "two", "three"]
    assert all_left()
    followers.forget_facts(NOW + timedelta(days=31))
    assert OutboxFact.objects.count() == 3  # what rolls up the day has not seen them
    for each in followers.at_work():  # whoever else goes by facts
        with each.alone():
            each.move(each.log.horizon.look()[0])
    followers.forget_facts(NOW + timedelta(days=29))
    assert OutboxFact.objects.count() == 3
    followers.forget_facts(NOW + timedelta(days=31))
    assert not OutboxFact.objects.exists()


def test_a_fact_that_the_broker_refuses_is_kept_until_it_is_taken() -> None:
    facts("a1", type_=HEARD)
    facts("b1", player_id="bob", type_=UNHEARD)
    with Listener(HEARD, arguments={"x-max-length": 0, "x-overflow": "reject-publish"}):
        assert not all_left()
        followers.forget_facts(NOW + timedelta(days=31))
    assert left() == ["a1"]
    with Listener("#") as listener:
        assert all_left()
        assert names(listener, 1) == ["a1"]


def test_a_relay_that_is_too_far_behind_is_told_and_goes_on_at_the_oldest(settings: LazySettings) -> None:
    facts("one")
    with Listener("#") as listener:
        assert all_left()
        settings.FACTS_KEPT = 2
        facts("two", "three", "four")
        assert followers.missed() == []
        followers.forget_facts(NOW)
        assert all_left()
        assert names(listener, 3) == ["one", "three", "four"]
        [said] = followers.missed()
        assert said.startswith("relay was too slow")


def test_without_a_broker_facts_wait(settings: LazySettings) -> None:
    settings.RABBITMQ_URL = ""
    hunters()
    stated = pipeline.process([kill("ann")], now=NOW).facts
    relay.sweep(NOW)
    assert relay._relay.made is None
    assert left() == [fact.id for fact in stated]


def test_stopping_publishes_what_is_left_first() -> None:
    hunters()
    with Listener("#") as listener:
        stated = [pipeline.process([kill(f"p{n}")], now=NOW).facts for n in range(20)]
        relay.stop(timeout=10)
        assert left() == []
        assert names(listener, sum(map(len, stated))) == [fact.id for some in stated for fact in some]


def test_stopping_does_not_wait_for_a_hanging_broker(network: Proxy) -> None:
    broker.publisher().warm_up()
    until(lambda: broker.publisher().state is State.UP)
    network.hang()
    facts("one")
    relay.hint()
    began = time.monotonic()
    relay.stop(timeout=0.5)
    assert time.monotonic() - began < relay.CONFIRM_TIMEOUT / 2
    assert left() == ["one"]


def test_every_fact_type_is_a_routing_key() -> None:
    hunters()
    stated: list[Any] = pipeline.process([kill("ann")], now=NOW).facts
    assert {fact.type for fact in stated} >= {"achievement.completed", "reward.granted"}
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", fact.type) for fact in stated)
