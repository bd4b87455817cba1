"""Events from RabbitMQ: batches, letters with reasons, and one acknowledgement after the commit."""

from __future__ import annotations

import heapq
import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import amqp
import kombu
import pytest
from django.core.management import CommandError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from django.utils import timezone
from pytest_django import Settings

from gamification import pipeline
from gamification.feed.models import Message as FeedMessage
from gamification.intake import amqp as reading
from gamification.intake.amqp import Batch, DeadLetter, Message, NotParked, transient
from gamification.intake.worker import MAX_PREFETCH, MIN_PREFETCH, Receiver
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.amqp_reading import undecoded
from gamification.kernel.models import Event, RejectedEvent
from gamification.players.erasing import ErasePlayer
from progress.models import Player
from tests.support import rabbit, workers
from tests.support.bodies import NOW, event, sent
from tests.support.content import metric, publish
from tests.support.letters import deadletters
from tests.support.playing import count

# -- reading, without a broker -----------------------------------------------------------------------------------------


def read(*bodies: bytes) -> Batch:
    batch = Batch()
    for tag, body in enumerate(bodies, 1):
        batch.add(Message.read(body, now=NOW), tag)
    return batch


def ids(events: Sequence[GameEvent]) -> list[str]:
    return [each.id for each in events]


def settled(batch: Batch, process: Callable[[Sequence[GameEvent]], object] = ids) -> list[tuple[str, str]]:
    """Code and body of what is parked."""
    letters: list[DeadLetter] = []
    batch.settle(process, letters.append)
    return [(letter.code, letter.body.decode()) for letter in letters]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(event()).encode(),
        json.dumps([event()]).encode(),
        sent(event()),
        b"\n [" + json.dumps(event()).encode() + b"]\n",
    ],
    ids=["one", "list", "events", "spaces"],
)
def test_a_message_is_one_event_or_a_list_of_them(body: bytes) -> None:
    message = Message.read(body, now=NOW)
    assert [(index, each.id, each.player_id) for index, each in message.events] == [(0, "e1", "ada")]
    assert message.letters == []


def test_an_empty_list_is_a_message_with_nothing_to_do() -> None:
    assert settled(read(b"[]")) == []


def test_bad_events_are_cut_out_as_they_were_written_and_the_others_stay() -> None:
    twice = '{"id":"e3", "id":"e4"}'
    body = f"[{json.dumps(event())}, 17, {twice}, {json.dumps(event(id='e5', player_id='me'))}]".encode()
    message = Message.read(body, now=NOW)
    assert ids([each for _, each in message.events]) == ["e1"]
    assert [(letter.code, letter.body.decode()) for letter in message.letters] == [
        ("invalid", "17"),
        ("bad_json", twice),
        ("bad_player_id", json.dumps(event(id="e5", player_id="me"))),
    ]
    assert message.letters[2].reason.startswith("player_id: A player id is 1 to 64")


def test_an_event_that_cannot_be_cut_out_takes_its_message_along() -> None:
    body = f'[{json.dumps(event())}, {{"id": NaN}}]'.encode()
    message = Message.read(body, now=NOW)
    assert ids([each for _, each in message.events]) == ["e1"]
    assert [(letter.code, letter.body) for letter in message.letters] == [("bad_json", body)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"hello", "bad_json"),
        (b"", "bad_json"),
        (b"\xff", "bad_json"),
        (b"17", "invalid"),
        (b'{"events": [], "x": 1}', "unknown_field"),
        (b"[" + b"0," * 1_000 + b"0]", "too_many_events"),
        (b'"' + b"x" * 1_048_576 + b'"', "too_large"),
        (b"[" * 100_000, "bad_json"),
    ],
    ids=["text", "nothing", "bytes", "number", "beside", "many", "large", "deep"],
)
def test_what_makes_no_sense_is_one_letter(body: bytes, code: str) -> None:
    message = Message.read(body, now=NOW)
    assert message.events == []
    assert [(letter.body, letter.code) for letter in message.letters] == [(body, code)]


def test_a_part_that_fails_is_split_until_the_guilty_event_stands_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger=reading.logger.name)  # its text ends pytest's other processes
    tried: list[list[str]] = []

    def process(events: Sequence[GameEvent]) -> None:
        tried.append(ids(events))
        if "e3" in tried[-1]:
            raise ValueError("no e3\ud800")

    bodies = [json.dumps([event(id=f"e{i}"), event(id=f"e{i + 1}")]).encode() for i in (1, 3)]
    batch = read(*bodies)
    letters: list[DeadLetter] = []
    batch.settle(process, letters.append)
    assert tried == [["e1", "e2", "e3", "e4"], ["e1", "e2"], ["e3", "e4"], ["e3"], ["e4"]]
    assert letters == [DeadLetter(json.dumps(event(id="e3")).encode(), "failed", "ValueError: no e3\\ud800")]


def test_what_was_done_stays_done_when_the_rest_has_to_wait() -> None:
    done: list[str] = []
    away = True

    def process(events: Sequence[GameEvent]) -> None:
        if "poison" in ids(events):
            raise ValueError
        if away and done:
            raise OperationalError("gone")
        done.extend(ids(events))

    batch = read(json.dumps([event(id="a"), event(id="b"), event(id="poison"), event(id="c")]).encode())
    with pytest.raises(OperationalError):
        settled(batch, process)
    away = False
    assert [code for code, _ in settled(batch, process)] == ["failed"]
    assert done == ["a", "b", "c"]


def test_a_letter_that_was_not_confirmed_is_sent_again_and_no_other() -> None:
    batch = read(b"1", b"2", json.dumps(event()).encode())
    times = 0
    parked: list[bytes] = []

    def process(events: Sequence[GameEvent]) -> None:
        nonlocal times
        times += 1

    def park(letter: DeadLetter) -> None:
        if letter.body == b"2" and parked.count(b"?") < 1:
            parked.append(b"?")
            raise NotParked
        parked.append(letter.body)

    with pytest.raises(NotParked):
        batch.settle(process, park)
    batch.settle(process, park)
    assert (times, parked) == (1, [b"1", b"?", b"2"])


def test_an_event_is_measured_afresh_each_time_it_is_tried() -> None:
    batch = read(json.dumps(event()).encode())

    def process(events: Sequence[GameEvent]) -> None:
        assert events[0].valueless == ()
        events[0].valueless += ("arrows",)
        if len(seen := [*seen_before, 1]) < 3:
            seen_before[:] = seen
            raise OperationalError

    seen_before: list[int] = []
    for _ in range(2):
        with pytest.raises(OperationalError):
            settled(batch, process)
    assert settled(batch, process) == []


def tried(batch: Batch, process: Callable[[Sequence[GameEvent]], object], times: int) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    for _ in range(times):
        try:
            batch.settle(process, letters.append)
        except OperationalError:
            continue
        return letters
    raise AssertionError("it still waits")


def test_an_event_that_the_database_never_takes_is_parked_once_others_pass() -> None:
    done: list[str] = []

    def process(events: Sequence[GameEvent]) -> None:
        if "sticky" in ids(events):
            raise OperationalError("later")
        done.extend(ids(events))

    batch = read(json.dumps([event(id="a"), event(id="sticky"), event(id="b")]).encode())
    with pytest.raises(AssertionError):
        tried(batch, process, 9)
    assert done == []
    assert [letter.reason for letter in tried(batch, process, 9)] == ["OperationalError: later"]
    assert sorted(done) == ["a", "b"]


def test_an_event_that_stands_alone_waits_for_others_to_show_that_it_is_to_blame() -> None:
    def process(events: Sequence[GameEvent]) -> None:
        if "sticky" in ids(events):
            raise OperationalError("later")

    batch = read(json.dumps(event(id="sticky")).encode())
    with pytest.raises(AssertionError):
        tried(batch, process, 50)
    assert batch.is_tired
    batch.add(Message.read(json.dumps(event(id="other")).encode(), now=NOW), 2)
    assert [letter.code for letter in tried(batch, process, 2)] == ["failed"]


def test_a_database_that_is_away_for_long_gets_nobody_parked() -> None:
    done: list[str] = []
    away = True

    def process(events: Sequence[GameEvent]) -> None:
        if away:
            raise OperationalError("gone")
        done.extend(ids(events))

    def process_until_poison(events: Sequence[GameEvent]) -> None:
        nonlocal away
        if not away and "e5" in ids(events):
            away = len(events) < 4  # by then some have passed, and it goes away
            raise ValueError("poison")
        process(events)

    away = False
    everyone = [event(id=f"e{i}") for i in range(10)]
    batch = read(json.dumps(everyone).encode())
    with pytest.raises(AssertionError):
        tried(batch, process_until_poison, 200)
    assert done != []
    away = False
    assert tried(batch, process, 1) == []
    assert sorted(done) == [each["id"] for each in everyone]


def because(kind: type[Exception], state: str | None) -> Exception:
    problem, cause = kind(), Exception()
    if state:
        cause.sqlstate = state  # type: ignore[attr-defined]
    problem.__cause__ = cause
    return problem


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (because(OperationalError, None), True),
        (because(InterfaceError, None), True),
        (because(OperationalError, "40P01"), True),  # deadlock
        (because(OperationalError, "57P01"), True),  # the server is shut down
        (because(OperationalError, "53100"), True),  # disk full
        (because(ProgrammingError, "42P01"), True),  # a table that a migration will bring
        (because(OperationalError, "54000"), False),  # too large for an index
        (because(DataError, "22P02"), False),
        (because(IntegrityError, "23505"), False),
        (because(IntegrityError, None), False),
        (ConnectionResetError(), True),
        (MemoryError(), True),
        (NotParked(), True),
        (ValueError(), False),
        (KeyError("x"), False),
    ],
    ids=lambda value: getattr(value, "__class__", type(value)).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_of_the_database_waits_and_one_of_the_event_does_not(problem: Exception, expected: bool) -> None:
    assert transient(problem) is expected


# -- receiving, with RabbitMQ ------------------------------------------------------------------------------------------

rabbitmq = pytest.mark.rabbitmq
database = pytest.mark.django_db(transaction=True)


def happened(id_: str, player: str = "ann", **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "player_id": player,
        "type": "enemy.killed",
        "data": {},
        "timestamp": instant(timezone.now() - timedelta(minutes=1)),
        **changes,
    }


class Loop:
    """As Celery's: frames and timers, one after the other."""

    def __init__(self) -> None:
        self.connection: Any = kombu.Connection(rabbit.BROKER)
        self.timers: list[tuple[float, int, Callable[[], object]]] = []
        self.connection.connect()

    def call_after(self, seconds: float, callback: Callable[[], object]) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, len(self.timers), callback))

    def until(self, holds: Callable[[], Any], seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come to pass"
            self.turn()

    def turn(self, seconds: float = 0.005) -> None:
        while self.timers and self.timers[0][0] <= time.monotonic():
            heapq.heappop(self.timers)[2]()
        with suppress(TimeoutError):
            self.connection.drain_events(timeout=seconds)


@pytest.fixture
def loop(exchange: str) -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.connection.close()


@pytest.fixture
def kills(exchange: str) -> None:
    publish(metric("kills"))


def send(*bodies: Any) -> None:
    """To whoever has declared the queue; a body is an event, a list of them, or bytes."""
    with rabbit.channel() as channel:
        topology.declare(channel)
        channel.confirm_select()
        for body in bodies:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            message = amqp.Message(raw, delivery_mode=2)
            channel.basic_publish_confirm(message, topology.exchange().name, topology.EVENT_KEY, mandatory=True)


def waiting(queue: str = "") -> int:
    """Messages in the queue of events that nobody holds."""
    with rabbit.channel() as channel:
        return int(channel.queue_declare(queue or topology.events().name, passive=True).message_count)


def parked() -> dict[bytes, tuple[str, str]]:
    with rabbit.channel() as channel:
        topology.declare(channel)
        found = {}
        while message := channel.basic_get(topology.dead().name):
            headers = message.headers or {}
            found[bytes(message.body, "utf-8") if isinstance(message.body, str) else bytes(message.body)] = (
                headers.get("x-reason-code", ""),
                headers.get("x-reason", ""),
            )
    return found


def is_settled(loop: Loop, receiver: Receiver) -> bool:
    """Nothing is held: RabbitMQ has every acknowledgement, which it says by giving nothing back."""
    receiver.finish()
    return waiting() == 0


@rabbitmq
@database
def test_messages_become_one_batch_that_is_acknowledged_after_the_commit(
    kills: None, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamification.intake.worker.BATCH_LINGER", 1)
    send(*[happened(f"e{i}") for i in range(7)], [happened("e7"), happened("e8")])
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: count() == 9)
    assert Event.objects.values("received_at").distinct().count() == 1
    assert is_settled(loop, receiver)


@rabbitmq
@database
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


@rabbitmq
@database
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


@rabbitmq
@database
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


@rabbitmq
@database
def test_what_only_the_store_refuses_is_kept_there_and_not_parked(kills: None, loop: Loop) -> None:
    send([happened("e1"), happened("e1", data={"other": 1})])
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: RejectedEvent.objects.exists())
    assert list(RejectedEvent.objects.values_list("event_id", "code")) == [("e1", "id_reused")]
    assert is_settled(loop, receiver)
    assert (count(), parked()) == (1, {})


@rabbitmq
@database
def test_what_was_refused_or_held_is_stated_for_whoever_sent_it(kills: None, loop: Loop) -> None:
    pipeline.process([GameEvent("e0", player, "t", {}, NOW) for player in ("eve", "bob")], now=NOW)
    bus.handle(ErasePlayer(player_id="eve"), actor=SYSTEM, now=NOW)
    Player.objects.filter(pk="bob").update(banned=True)
    with rabbit.Listener("event.*") as listener:
        send([happened("e1"), happened("e1", data={"other": 1}), happened("e2", "bob"), happened("e3", "eve")])
        receiver = Receiver(loop.connection, loop)
        loop.until(lambda: count() == 1)
        assert is_settled(loop, receiver)
        told = {fact["data"]["id"]: fact for fact in listener.bodies(3)}
        assert listener.is_empty()
    assert [(id_, told[id_]["type"], told[id_]["data"].get("code")) for id_ in sorted(told)] == [
        ("e1", "event.rejected", "id_reused"),
        ("e2", "event.held", None),
        ("e3", "event.rejected", "player_erased"),
    ]
    assert told["e1"]["data"]["detail"]
    assert (told["e2"]["data"]["rule"], told["e2"]["subject"]) == ("banned", "bob")
    assert told["e3"]["subject"] != "eve"
    assert not FeedMessage.objects.filter(type__startswith="event.").exists()


@database
def test_who_is_answered_reads_no_such_facts(kills: None) -> None:
    pipeline.process([GameEvent("e1", "ann", "t", {}, NOW)], now=NOW)
    outcome = pipeline.process([GameEvent("e1", "ann", "other", {}, NOW)], now=NOW)
    assert [code for _, code, _ in outcome.refused] == ["id_reused"]
    assert outcome.facts == []


@contextmanager
def poison(event_id: str, sqlstate: str = "22023") -> Iterator[Callable[[], None]]:
    """The database refuses this event, as it would refuse a value that it cannot hold; until it is cured."""
    table = Event._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE FUNCTION spit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF NEW.event_id = '{event_id}' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '{sqlstate}'; END IF;"
                f" RETURN NEW; END $$; CREATE TRIGGER spit BEFORE INSERT ON {table} FOR EACH ROW"
                f" EXECUTE FUNCTION spit()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER spit BEFORE INSERT ON {table} WHEN NEW.event_id = '{event_id}'"
                f" BEGIN SELECT RAISE(ABORT, 'poison'); END"
            )

    def cure() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("DROP FUNCTION IF EXISTS spit CASCADE")
            else:
                cursor.execute("DROP TRIGGER IF EXISTS spit")

    try:
        yield cure
    finally:
        cure()


@rabbitmq
@database
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


@rabbitmq
@pytest.mark.postgres
@database
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


@rabbitmq
@pytest.mark.postgres
@database
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


@rabbitmq
@database
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


@rabbitmq
@database
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


@rabbitmq
@database
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


@rabbitmq
@database
def test_a_worker_holds_two_batches_however_many_events_a_message_has(kills: None, loop: Loop) -> None:
    send(*[happened(f"s{i}") for i in range(120)])  # all there before it looks, so that they come at once
    receiver = Receiver(loop.connection, loop)
    loop.until(lambda: receiver.prefetch == MAX_PREFETCH)
    send(*[[happened(f"m{n}-{i}") for i in range(500)] for n in range(2)])
    loop.until(lambda: receiver.prefetch == MIN_PREFETCH)
    loop.until(lambda: count() == 1_120)
    assert is_settled(loop, receiver)


@rabbitmq
@database
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


# -- the dead-letter queue ---------------------------------------------------------------------------------------------


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


# -- the worker, as a process ------------------------------------------------------------------------------------------


@rabbitmq
@database
def test_a_worker_that_is_told_to_stop_finishes_what_it_holds_and_leaves(kills: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    send(*[[happened(f"e{n}-{i}") for i in range(50)] for n in range(40)])
    with workers.running(log) as worker:
        rabbit.until(lambda: count() > 0, seconds=60)
        worker.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert worker.wait(timeout=30) == 0, log.read_text()
        assert time.monotonic() - began < 30
    counted = count()
    assert counted % 50 == 0
    assert waiting() * 50 + counted == 2_000  # what was counted was acknowledged, the rest is there
    with workers.running(log):
        rabbit.until(lambda: count() == 2_000, seconds=60)
    assert parked() == {}


KILLED_BEFORE_ACK = """
from gamification.intake.worker import Receiver
Receiver._acknowledge = lambda self, batch: os.kill(os.getpid(), signal.SIGKILL)
"""


@rabbitmq
@database
def test_a_worker_killed_between_commit_and_acknowledgement_counts_once(kills: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    send(*[happened(f"e{i}") for i in range(20)])
    with workers.running(log, KILLED_BEFORE_ACK) as worker:
        assert worker.wait(timeout=60) == -signal.SIGKILL
    assert count() > 0
    rabbit.until(lambda: waiting() == 20)
    with workers.running(log) as worker:
        rabbit.until(lambda: waiting() == 0 and count() == 20, seconds=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
    assert (waiting(), count(), parked()) == (0, 20, {})


KILLER = """
from gamification import pipeline
process = pipeline.process
def fatal(events, **options):
    if any(event.id == "killer" for event in events):
        os.kill(os.getpid(), signal.SIGKILL)
    return process(events, **options)
pipeline.process = fatal
"""


@rabbitmq
@database
def test_an_event_that_kills_its_worker_is_parked_at_last_and_takes_nobody_along(
    kills: None, tmp_path: Path, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "DELIVERY_LIMIT", 3)  # each time takes a worker's life
    fewer = """
from gamification.kernel.messaging import topology
from gamification.intake import worker
topology.DELIVERY_LIMIT, worker.SUSPECT_AFTER = 3, 1
"""
    log = tmp_path / "worker.log"
    send(*[happened(f"e{i}") for i in range(10)], happened("killer"), *[happened(f"f{i}") for i in range(10)])
    lives = 0
    while waiting(topology.dead().name) == 0:
        lives += 1
        assert lives < 12, log.read_text()[-2000:]
        with workers.running(log, fewer, KILLER) as worker:
            rabbit.until(lambda: worker.poll() is not None or waiting(topology.dead().name) > 0, seconds=60)
    with workers.running(log, fewer, KILLER):
        rabbit.until(lambda: count() == 20, seconds=60)
    assert [json.loads(body)["id"] for body in parked()] == ["killer"]
    assert "delivery_limit" in deadletters("list")


def test_the_default_pool_is_the_one_whose_loop_reads_the_events(settings: Settings) -> None:
    assert settings.CELERY_WORKER_POOL == "solo"


def test_a_batch_is_worth_a_transaction_from_five_hundred_events_on() -> None:
    assert reading.MAX_EVENTS == 500
    batch = read(sent(*[event(id=f"e{i}") for i in range(499)]))
    assert not batch.is_full
    batch.add(Message.read(sent(event(id="x")), now=NOW), 2)
    assert batch.is_full
