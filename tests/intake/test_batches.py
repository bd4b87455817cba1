"""What messages are read as, and how a batch of them is settled; without a broker."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError

from gamification.intake import amqp as reading
from gamification.intake.amqp import Batch, DeadLetter, Message, NotParked, transient
from gamification.kernel.core.messages import GameEvent
from tests.support.bodies import NOW, event, sent


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
    assert batch.needs_company
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


def test_a_batch_is_worth_a_transaction_from_five_hundred_events_on() -> None:
    assert reading.MAX_EVENTS == 500
    batch = read(sent(*[event(id=f"e{i}") for i in range(499)]))
    assert not batch.is_full
    batch.add(Message.read(sent(event(id="x")), now=NOW), 2)
    assert batch.is_full
