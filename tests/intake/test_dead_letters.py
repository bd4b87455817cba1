"""The dead-letter queue, as `manage.py deadletters` shows and handles it."""

from __future__ import annotations

import amqp
import kombu
import pytest
from django.core.management import CommandError
from pytest_django import Settings

from gamification.intake.worker import Receiver
from gamification.kernel.messaging import topology
from tests.support import rabbit
from tests.support.letters import deadletters
from tests.support.playing import count
from tests.support.poison import poison
from tests.support.receiving import Loop, happened, is_settled, send, waiting

rabbitmq = pytest.mark.rabbitmq
database = pytest.mark.django_db(transaction=True)


@rabbitmq
@database
def test_dead_letters_are_listed_shown_replayed_and_dropped(kills: None, loop: Loop) -> None:
    send(b"hello", [happened("good"), happened("bad")])
    with poison("bad"):
        receiver = Receiver(loop.connection, loop)
        loop.until(lambda: count() == 1)
        assert is_settled(loop, receiver)
    rows = {line.split("  ")[1].split(":")[0]: line.split("  ")[0] for line in deadletters("list").splitlines()}
    assert set(rows) == {"bad_json", "failed"}
    assert deadletters("show", rows["bad_json"]) == "hello\n"
    assert deadletters("list", "--limit", "1").splitlines()[1:] == ["and more: --limit 1 was reached"]

    assert deadletters("replay", rows["failed"]) == "1 replayed\n"
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 2)
    assert is_settled(loop, receiver)

    with pytest.raises(CommandError, match=f"no letter has the ID {rows['failed']}"):
        deadletters("drop", rows["failed"])
    assert deadletters("drop", "--all") == "1 dropped\n"
    assert deadletters("list") == "nothing is parked\n"


@rabbitmq
@database
def test_replaying_everything_stops_at_what_was_there_before(kills: None, loop: Loop) -> None:
    send(b"1", b"2", b"3")
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: waiting(topology.dead().name) == 3)
    assert deadletters("replay", "--all") == "3 replayed\n"
    loop.until(lambda: waiting(topology.dead().name) == 3)
    assert is_settled(loop, receiver)


@rabbitmq
@database
def test_a_task_is_sent_in_again_with_what_it_is_made_of(exchange: str, monkeypatch: pytest.MonkeyPatch) -> None:
    again = kombu.Queue(f"{exchange}.again", kombu.Exchange(f"{exchange}.again", type="topic"), routing_key="task")
    gone = kombu.Queue(f"{exchange}.gone", kombu.Exchange(f"{exchange}.gone", type="fanout"))
    monkeypatch.setattr("gamification.console.management.commands.deadletters.tasks", again)
    monkeypatch.setattr("gamification.console.management.commands.deadletters.parked", gone)
    with rabbit.channel() as channel:
        for queue in (again, gone):
            queue(channel).declare()
        headers = {"task": "clock.tick", "id": "1", "x-death": [{"reason": "rejected"}]}
        sent = amqp.Message(b"[[], {}]", correlation_id="1", content_type="application/json")
        sent.properties["application_headers"] = headers
        channel.basic_publish(sent, gone.exchange.name)
        rabbit.until(lambda: waiting(gone.name) == 1)
        [line] = deadletters("list", "--tasks").splitlines()
        assert line.split("  ")[1:] == ["rejected: clock.tick", "'[[], {}]'"]
        assert deadletters("replay", "--all", "--tasks") == "1 replayed\n"
        message = channel.basic_get(again.name)
        assert message.headers == {"task": "clock.tick", "id": "1"}
        assert message.properties["correlation_id"] == "1"
        for queue in (again, gone):
            channel.queue_delete(queue.name)
            channel.exchange_delete(queue.exchange.name)


def test_without_a_broker_there_are_no_dead_letters(settings: Settings) -> None:
    settings.RABBITMQ_URL = ""
    with pytest.raises(CommandError, match="RABBITMQ_URL is not set"):
        deadletters("list")
