"""`POST /events` with a real RabbitMQ behind it: what is handed over to the workers, and what is not."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from gamification.intake import handover
from gamification.intake.decoding import MAX_BODY, Decoded, decode
from gamification.kernel.core.encoding import instant
from gamification.kernel.messaging import broker, topology
from gamification.kernel.messaging.broker import State
from gamification.kernel.models import Event
from progress.models import Tally
from tests.support.callers import assert_problem, game_server
from tests.support.content import metric, publish
from tests.support.handing_over import NOW, declared, event, send, waiting, work_off
from tests.support.waiting import until

with_broker = [pytest.mark.rabbitmq, pytest.mark.django_db, pytest.mark.usefixtures("exchange")]


def marked(test: Any) -> Any:
    for mark in with_broker:
        test = mark(test)
    return test


@marked
def test_events_are_answered_for_once_the_broker_has_them() -> None:
    batch = [event("a"), event("b", "bob", ago=5)]
    response = send({"events": batch})
    assert response.status_code == 202
    assert response["Content-Type"] == "application/json"
    assert response.json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert not Event.objects.exists()
    [message] = waiting(1)
    assert json.loads(message.body) == batch
    assert message.properties["delivery_mode"] == 2
    assert message.properties["content_type"] == "application/json"


@marked
def test_a_single_event_is_handed_over_too() -> None:
    response = send(event())
    assert (response.status_code, response.json()) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert json.loads(waiting(1)[0].body) == [event()]


@marked
def test_a_worker_comes_to_what_processing_in_place_would_have_come_to() -> None:
    publish(metric("kills"))
    send({"events": [event("a"), event("b"), event("a")]})
    [outcome] = work_off(1)
    assert (outcome.accepted, outcome.duplicates) == (2, 0)
    assert Tally.objects.get(metric_id="kills", scope="").count == 2
    assert send({"events": [event("a"), event("b")]}, Prefer="wait").json()["duplicates"] == 2


@marked
def test_bad_events_are_named_and_only_good_ones_are_handed_over() -> None:
    future = instant(timezone.now() + timedelta(minutes=6))
    batch = [event("a"), event("b", type="X"), 7, event("c", type="reward.claimed"), event("d", timestamp=future)]
    batch.append(event("e"))
    answer = send({"events": batch}).json()
    assert (answer["accepted"], answer["duplicates"]) == (2, 0)
    assert [(bad["index"], bad["code"]) for bad in answer["rejected"]] == [
        (1, "bad_type"), (2, "invalid"), (3, "reserved_type"), (4, "from_the_future"),
    ]  # fmt: skip
    assert json.loads(waiting(1)[0].body) == [event("a"), event("e")]


@marked
def test_a_bad_single_event_is_refused_and_nothing_is_handed_over() -> None:
    assert_problem(send(event(type="X")), 400, "bad_type", "type")
    assert_problem(send(event(type="metrics.reported")), 400, "reserved_type", "type")
    assert_problem(send(b"{"), 400, "bad_json")
    assert topology.events().name not in declared() or not waiting(0)


@marked
@pytest.mark.parametrize("body", [{"events": []}, {"events": [7]}])
def test_where_nothing_is_good_nothing_is_handed_over(body: dict[str, Any]) -> None:
    broker.publisher().warm_up()
    until(lambda: broker.publisher().state is State.UP)
    response = send(body)
    assert (response.status_code, response.json()["accepted"]) == (202, 0)
    assert waiting(0) == []


@marked
def test_repeats_within_a_request_are_counted_and_what_contradicts_itself_is_left_to_the_worker() -> None:
    publish(metric("kills"))
    same_but_written_otherwise = event("a", data={"damage": 5.0})
    batch = [event("a"), event("b"), same_but_written_otherwise, event("a", data={"damage": 6}), event("a", "bob")]
    answer = send({"events": batch}).json()
    assert answer == {"accepted": 4, "duplicates": 1, "rejected": []}
    [outcome] = work_off(1)
    assert (outcome.accepted, outcome.duplicates, [code for _, code, _ in outcome.refused]) == (3, 0, ["id_reused"])


@marked
def test_who_prefers_to_wait_is_told_what_came_of_it() -> None:
    broker.publisher().warm_up()
    until(lambda: broker.publisher().state is State.UP)
    response = send(event(), Prefer="wait")
    assert (response.status_code, response["Preference-Applied"]) == (200, "wait")
    assert response.json()["accepted"] == 1
    assert set(response.json()["results"]) == {"ann"}
    assert Event.objects.count() == 1
    assert waiting(0) == []


@marked
def test_the_first_answer_is_given_again_and_nothing_handed_over_twice() -> None:
    client = game_server("events:write")
    answers = [
        client.post("/api/v1/events", event(), format="json", headers={"Idempotency-Key": "k1"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert len(waiting(1)) == 1


@marked
def test_what_is_too_long_when_written_again_is_processed_in_place() -> None:
    number = b"1e14"  # 100000000000000.0
    data = b'{"n":[' + b",".join([number] * 800) + b"]}"
    rows = [
        b'{"id":"%d","player_id":"ann","type":"t","data":%b,"timestamp":"%b"}'
        % (index, data, instant(NOW).encode())
        for index in range(250)
    ]  # fmt: skip
    body = b'{"events":[' + b",".join(rows) + b"]}"
    assert len(body) <= MAX_BODY < len(handover.encode([good for _, good in decode(body, now=NOW).good]))
    response = send(body)
    assert (response.status_code, response.json()["accepted"]) == (200, 250)


# -- what is handed over says what was sent ----------------------------------------------------------------------------

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(
    data=st.dictionaries(texts, values, max_size=4),
    at=st.datetimes(min_value=NOW.replace(tzinfo=None, year=1900), max_value=NOW.replace(tzinfo=None)),
)
def test_an_event_that_is_handed_over_keeps_its_digest(data: dict[str, Any], at: Any) -> None:
    sent = json.dumps(event(data=data, timestamp=f"{at.isoformat()}+02:00")).encode()
    for _, good in decode(sent, now=timezone.now()).good:  # none, where it is nested too deeply
        [(_, taken)] = decode(handover.encode([good]), now=timezone.now(), lists=True).good
        assert (taken.digest(), taken.player_id, taken.id) == (good.digest(), good.player_id, good.id)


def test_a_body_of_500_is_made_ready_in_little_time() -> None:
    events = [
        good for _, good in decode(json.dumps({"events": [event(str(n)) for n in range(500)]}).encode(), now=NOW).good
    ]
    began = time.process_time()
    handover.encode(handover.distinct(events))
    assert time.process_time() - began < 0.2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [None, "k1"])
def test_no_transaction_is_open_while_the_broker_is_waited_for(
    name: str | None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RABBITMQ_URL = "amqp://silent"
    open_ones = []

    def hand_over(decoded: Decoded) -> dict[str, int] | None:
        open_ones.append(connection.in_atomic_block)
        return {"accepted": 1, "duplicates": 0} if len(open_ones) == 1 else None

    monkeypatch.setattr(handover, "hand_over", hand_over)
    client, headers = game_server("events:write"), {"Idempotency-Key": name} if name else {}
    first, again = (client.post("/api/v1/events", event("a"), format="json", headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202 if name else 200)  # its first answer, or in place
    assert not any(open_ones)
