"""`POST /events` over a network or with a broker that fails: events are processed in place, and nobody is sent away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings
from django.test import Client

from gamification.intake import handover
from gamification.kernel.messaging import broker, topology
from gamification.kernel.messaging.broker import State
from gamification.kernel.models import Event
from progress.models import Tally
from tests.support.content import metric, publish
from tests.support.handing_over import declared, event, send, waiting, work_off
from tests.support.rabbit import BLOCKED, UNBLOCKED, Listener, Proxy, channel
from tests.support.service import free_port, manage, serving
from tests.support.waiting import until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db, pytest.mark.usefixtures("exchange")]


@pytest.fixture
def network(settings: LazySettings) -> Iterator[Proxy]:
    """The way to the broker, which the publisher has found already."""
    settings.RABBITMQ_URL = (proxy := Proxy()).url
    broker.publisher().warm_up()
    until(lambda: broker.publisher().state is State.UP)
    yield proxy
    proxy.flow()
    broker.stop()
    proxy.close()


def test_without_its_broker_events_are_processed_in_place_and_those_who_watch_are_told(
    network: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    assert Client().get("/readyz").json() == {"status": "ok", "broker": "up"}
    network.cut()
    until(lambda: broker.publisher().state is State.DOWN)
    began = time.monotonic()
    responses = [send(event(f"e{number}")) for number in range(3)]
    assert time.monotonic() - began < 3 * handover.CONFIRM_TIMEOUT
    assert [response.status_code for response in responses] == [200] * 3
    assert [response.json()["accepted"] for response in responses] == [1] * 3
    assert set(responses[0].json()["results"]) == {"ann"}
    assert Event.objects.count() == 3

    ready = Client().get("/readyz")
    assert ready.status_code == 200  # what it is there for, it does
    assert ready.json()["status"] == "degraded"
    assert ready.json()["broker"] == "down"
    assert "in place" in ready.json()["detail"]
    said = [record.getMessage() for record in caplog.records if record.name == "gamification.intake.handover"]
    assert len(said) == 1
    assert said[0].startswith("events are processed in place: ")

    network.flow()
    until(lambda: broker.publisher().state is State.UP)
    assert send(event("later")).status_code == 202


def test_a_broker_that_hangs_costs_one_client_a_second_and_no_event_counts_twice(network: Proxy) -> None:
    publish(metric("kills"))
    network.hang()
    began = time.monotonic()
    answer = send({"events": [event("a"), event("b")]})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    assert handover.CONFIRM_TIMEOUT <= time.monotonic() - began < handover.CONFIRM_TIMEOUT + 3
    assert quickest(10) < handover.CONFIRM_TIMEOUT  # a busy machine may hold up some, but the broker holds up none
    assert Client().get("/readyz").json()["broker"] == "down"

    network.flow()  # and the first message arrives after all
    [outcome] = work_off(1)
    assert (outcome.accepted, outcome.duplicates) == (0, 2)
    assert Tally.objects.get(metric_id="kills", scope="").count == 12


def quickest(requests: int) -> float:
    """The seconds that the quickest of so many took, all of them processed in place."""
    took = []
    for number in range(requests):
        began = time.monotonic()
        assert send(event(f"e{number}")).status_code == 200
        took.append(time.monotonic() - began)
    return min(took)


def test_an_alarm_sends_no_client_away(network: Proxy) -> None:
    network.say(BLOCKED)
    until(lambda: broker.publisher().state is State.BLOCKED)
    assert quickest(3) < handover.CONFIRM_TIMEOUT
    ready = Client().get("/readyz").json()
    assert (ready["status"], ready["broker"]) == ("degraded", "blocked")
    network.say(UNBLOCKED)
    until(lambda: broker.publisher().state is State.UP)
    assert send(event("b")).status_code == 202


def test_without_its_queue_what_comes_is_parked_until_it_is_declared_anew() -> None:
    assert send(event("a")).status_code == 202
    with channel() as rabbit:
        rabbit.queue_delete(topology.events().name)
    assert send(event("b")).status_code == 202
    with Listener() as listener:
        assert listener.bodies(1, topology.dead().name) == [[event("b")]]
    broker.publisher().start_over("no queue takes the events")
    until(declared)
    until(lambda: send(event("c")).status_code == 202)
    assert len(waiting(1)) == 1


def test_without_its_exchange_events_are_processed_in_place_until_it_is_declared_anew() -> None:
    assert send(event("a")).status_code == 202
    with channel() as rabbit:
        rabbit.exchange_delete(topology.incoming().name)
    assert send(event("b")).status_code == 200
    assert Event.objects.get().event_id == "b"
    assert Client().get("/readyz").json()["status"] == "degraded"
    until(lambda: send(event("c")).status_code == 202)


def test_a_queue_that_is_full_sends_no_client_away(settings: LazySettings) -> None:
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    with Listener(topology.EVENT_KEY, arguments=full, exchange=topology.incoming().name):  # any queue has a say
        response = send(event("a"))
    assert (response.status_code, response.json()["accepted"]) == (200, 1)


def test_a_server_whose_broker_hangs_answers_and_ends_when_it_is_told_to(
    tmp_path: Path, settings: LazySettings
) -> None:
    proxy = Proxy()
    servers = ("DB_HOST", "REDIS_HOST", "WS_PORT", "PORT")
    env = {name: value for name, value in os.environ.items() if name not in servers} | {
        "DB_NAME": str(tmp_path / "handover.sqlite3"),
        "RABBITMQ_URL": proxy.url,
        "RABBITMQ_EXCHANGE": settings.RABBITMQ_EXCHANGE,
    }
    manage("migrate", "--verbosity", "0", env=env)
    key = manage("create_api_key", "game", "--scope", "events:write", env=env).split()[-1]
    port = free_port()
    with serving(env, port) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:

        def report(id_: str) -> int:
            headers = {"Authorization": f"Api-Key {key}"}
            return http.post("/api/v1/events", json=event(id_), headers=headers).status_code

        assert report("a") == 202
        assert http.get("/readyz").json() == {"status": "ok", "broker": "up"}
        proxy.hang()
        assert [report("b"), report("c")] == [200, 200]
        assert http.get("/readyz").json()["broker"] == "down"
        assert 'gamification_event_requests_total{way="fallback"} 2.0' in http.get("/metrics").text
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert time.monotonic() - began < 20
    proxy.close()
