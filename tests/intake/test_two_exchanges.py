"""Events come in at one exchange and facts leave at another; what a game's key may do at either, by real users."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import amqp
import kombu
import pytest
from django.utils import timezone

from gamification.intake import handover
from gamification.intake.decoding import decode
from gamification.kernel.core.encoding import dumps, instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import broker, outbox, topology
from gamification.kernel.messaging.broker import State
from gamification.relay import Remaining, publish_waiting
from tests.support import rabbit
from tests.support.letters import deadletters
from tests.support.rabbit import BROKER, Listener

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("exchange")]

NOW = timezone.now()


def happened(id_: str = "e1") -> dict[str, Any]:
    at = instant(NOW - timedelta(minutes=1))
    return {"id": id_, "player_id": "ann", "type": "enemy.killed", "data": {}, "timestamp": at}


def send(exchange: str, key: str, body: bytes = b"[]", channel: Any = None) -> None:
    """Raises, where that is refused or nobody takes it."""
    if channel is None:
        with rabbit.channel() as own:
            topology.declare(own)
            send(exchange, key, body, own)
        return
    returned: list[Any] = []
    channel.events["basic_return"].add(lambda *problem: returned.append(problem))
    message = amqp.Message(body, delivery_mode=2)
    channel.basic_publish_confirm(message, exchange, key, mandatory=True, timeout=10, confirm_timeout=10)
    if returned:
        raise LookupError("NO_ROUTE")


def waiting() -> list[Any]:
    with Listener() as listener:
        return [json.loads(message.body) for message in listener.take(1, topology.events().name)]


def test_events_that_are_handed_over_are_heard_by_nobody_who_listens_to_facts() -> None:
    with Listener("#") as facts, Listener("#", exchange=topology.incoming().name) as events:
        assert handover.hand_over(decode(dumps(happened()).encode(), now=NOW)) == {"accepted": 1, "duplicates": 0}
        outbox.put([Fact("one", "ann", FactType.LEVEL_REACHED, {}, NOW)], NOW)
        rabbit.until(lambda: publish_waiting() is Remaining.NOTHING)
        assert [fact["id"] for fact in facts.bodies(1)] == ["one"]
        assert events.bodies(1) == [[happened()]]
        assert facts.is_empty()
        assert events.is_empty()
    assert waiting() == [[happened()]]


@pytest.mark.parametrize("name", ["incoming", "exchange"])
def test_events_arrive_by_either_exchange(name: str) -> None:
    send(getattr(topology, name)().name, topology.EVENT_KEY, dumps([happened()]).encode())
    assert waiting() == [[happened()]]


@pytest.mark.parametrize("key", ["game.evnt", "achievement.completed", "", "game.event.of.another.kind"])
def test_what_is_sent_to_the_events_and_belongs_nowhere_is_parked(key: str) -> None:
    send(topology.incoming().name, key, b"a letter")
    rabbit.until(lambda: "nothing" not in deadletters("list"))
    [line] = deadletters("list").splitlines()
    assert line.split("  ")[1:] == [f"unrouted: no queue was bound for the key {key!r}", "'a letter'"]
    assert deadletters("replay", "--all") == "1 replayed\n"
    with Listener() as listener:
        assert listener.take(1, topology.events().name)[0].body == b"a letter"


def test_a_key_that_is_no_text_is_parked_too() -> None:
    with rabbit.channel() as channel:
        topology.declare(channel)
        message = amqp.Message(b"a letter")
        channel.basic_publish_confirm(message, topology.incoming().name, b"\xff\xfe", timeout=10, confirm_timeout=10)
    rabbit.until(lambda: "nothing" not in deadletters("list"))
    assert "unrouted: no queue was bound for the key '??'" in deadletters("list")


def test_what_nobody_listens_to_among_the_facts_is_given_back() -> None:
    with pytest.raises(LookupError):
        send(topology.exchange().name, "game.evnt")
    with Listener("achievement.*"), pytest.raises(LookupError):
        send(topology.exchange().name, "game.evnt")


# -- permissions, as docs/game-servers.md gives them -------------------------------------------------------------------


def control(*words: str) -> None:
    subprocess.run(["rabbitmqctl", "--quiet", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture
def game(exchange: str) -> Iterator[str]:
    """The URL of a user who may do what the docs say, made for this test."""
    parts = urlsplit(BROKER)
    if shutil.which("rabbitmqctl") is None or parts.hostname not in ("127.0.0.1", "localhost"):
        pytest.skip("users are made by rabbitmqctl, on the broker's own machine")
    name = f"{exchange}-game"
    try:
        control("add_user", name, "secret")
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"this machine lets nobody make users: {refused.stderr[-200:]!r}")
    try:
        vhost = parts.path.lstrip("/") or "/"
        own, facts = name.replace(".", r"\."), exchange.replace(".", r"\.")
        permissions = (rf"^{own}\.", rf"^({facts}\.in|{own}\..*)$", rf"^({facts}|{own}\..*)$")
        control("set_permissions", "-p", vhost, name, *permissions)
        yield urlunsplit(parts._replace(netloc=f"{name}:secret@{parts.hostname}:{parts.port or 5672}"))
    finally:
        control("delete_user", name)


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(amqp.AccessRefused):
        yield


def test_a_games_key_may_send_events_and_hear_facts_and_forge_none(exchange: str, game: str) -> None:
    with rabbit.channel() as rights:
        topology.declare(rights)
    broker.publisher().warm_up()
    rabbit.until(lambda: broker.publisher().state is State.UP)
    facts, events, queue = topology.exchange().name, topology.incoming().name, topology.events().name
    with kombu.Connection(game) as connection:

        def channel() -> Any:
            return connection.channel()

        own = f"{exchange}-game.facts"
        channel().queue_declare(own, durable=False, auto_delete=True)
        channel().queue_bind(own, facts, "#")
        send(events, topology.EVENT_KEY, dumps([happened()]).encode(), channel())
        outbox.put([Fact("one", "ann", FactType.LEVEL_REACHED, {}, NOW)], NOW)
        rabbit.until(lambda: publish_waiting() is Remaining.NOTHING)
        heard: Any = None
        while heard is None:
            heard = channel().basic_get(own, no_ack=True)
        assert json.loads(heard.body)["id"] == "one"

        with refused():
            send(facts, "achievement.completed", b"{}", channel())
        with refused():
            send(facts, topology.EVENT_KEY, b"[]", channel())
        with refused():
            send("", queue, b"[]", channel())
        with refused():
            send(topology.dead().exchange.name, "", b"[]", channel())
        for arguments in ({"x-dead-letter-exchange": facts}, {"x-dead-letter-exchange": topology.dead().exchange.name}):
            with refused():
                channel().queue_declare(f"{own}.2", durable=False, auto_delete=True, arguments=arguments)
        with refused():
            channel().exchange_declare(f"{own}.3", "topic", arguments={"alternate-exchange": facts})
        channel().exchange_declare(f"{own}.4", "topic", durable=False, auto_delete=True)
        with refused():
            channel().exchange_bind(facts, f"{own}.4", "#")
        with refused():
            channel().queue_bind(own, events, "#")  # other games' events
        with refused():
            channel().basic_get(queue)
        with refused():
            channel().queue_purge(queue)
        with refused():
            channel().queue_delete(queue)
        with refused():
            channel().exchange_delete(events)
    assert waiting() == [[happened()]]
