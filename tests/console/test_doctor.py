"""`manage.py doctor` says what is wrong, and what to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import kombu
import pytest
import time_machine
from django.conf import LazySettings, settings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from kombu import Queue

from gamification import clock, relay
from gamification.console import at_rabbit
from gamification.console.management.commands import doctor
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import outbox, topology
from gamification.kernel.models import Event
from progress.models import Backfill, LeftOut
from tests.support.rabbit import BLOCKED, BROKER, Proxy, channel
from tests.support.waiting import until

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clean(settings: LazySettings) -> Iterator[None]:
    settings.ALLOWED_HOSTS = ["localhost"]
    cache.delete(clock.LAST_TICK_KEY)
    yield
    cache.delete(clock.LAST_TICK_KEY)


@pytest.fixture
def jobs(exchange: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The queue of Celery's tasks, under a name of this test's own."""
    name = f"{exchange}.tasks"
    monkeypatch.setattr(doctor, "tasks", Queue(name))
    monkeypatch.setattr(at_rabbit, "parked", Queue(f"{name}.dead"))
    with channel() as rabbit:
        for each in (name, f"{name}.dead"):
            rabbit.queue_declare(each, durable=True, auto_delete=False)
        yield name
        for each in (name, f"{name}.dead"):
            rabbit.queue_delete(each)


@contextmanager
def workers(*queues: str) -> Iterator[None]:
    """Take one message of each queue, and settle none."""
    with kombu.Connection(BROKER) as client:
        rabbit: Any = client.channel()
        topology.declare(rabbit)
        rabbit.basic_qos(0, 1, False)
        for queue in queues:
            rabbit.basic_consume(queue, callback=lambda message: None)
        yield


def examine(patience: float = 0.3) -> tuple[dict[str, tuple[str, str]], dict[str, str], str]:
    """Of each check its verdict and what it said; what to do about those in trouble; and how it ended."""
    out = StringIO()
    ended = "All is well."
    try:
        call_command("doctor", patience=patience, stdout=out)
    except CommandError as troubles:
        ended = str(troubles)
    said, todo, last = {}, {}, ""
    for line in out.getvalue().splitlines():
        if line.lstrip().startswith("→ "):
            todo[last] = line.strip()[2:]
        elif line != "All is well.":
            last, rest = line.split(maxsplit=1)
            verdict = next(each for each in ("ok", "TROUBLE", "not examined") if rest.startswith(each))
            said[last] = (verdict, rest.removeprefix(verdict).strip())
    return said, todo, ended


def troubles(patience: float = 0.3) -> list[str]:
    return [name for name, (verdict, _) in examine(patience)[0].items() if verdict == "TROUBLE"]


def run(**env: str) -> subprocess.CompletedProcess[str]:
    servers = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_PORT", "DB_NAME", "REDIS_HOST", "RABBITMQ_URL")
    kept = {name: value for name, value in os.environ.items() if name not in servers}
    return subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=settings.BASE_DIR,
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_a_deployment_in_which_all_is_well_is_told_so() -> None:
    said, todo, ended = examine()
    assert {verdict for verdict, _ in said.values()} == {"ok"}
    assert list(said) == [name for name, *_ in doctor.CHECKS]
    assert (todo, ended) == ({}, "All is well.")


def test_a_machine_with_nothing_on_it_is_told_to_migrate(tmp_path: Path) -> None:
    done = run(DB_NAME=str(tmp_path / "new.sqlite3"))
    assert done.returncode == 1
    assert "TROUBLE" in done.stdout
    assert "→ Run: manage.py migrate" in done.stdout
    assert "facts       not examined" in done.stdout
    assert done.stderr == f"CommandError: 1 of {len(doctor.CHECKS)} are in trouble.\n"


def test_servers_that_are_away_are_named_and_what_rests_on_them_left_out() -> None:
    port = str(free_port())
    done = run(
        DB_HOST="127.0.0.1", DB_PORT=port, REDIS_HOST="127.0.0.1", REDIS_PORT=port,
        RABBITMQ_URL=f"amqp://guest:hidden@127.0.0.1:{port}/",
    )  # fmt: skip
    assert done.returncode == 1
    verdicts = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert {name for name, verdict in verdicts.items() if verdict == "TROUBLE"} == {"database", "cache", "broker"}
    assert {name for name, verdict in verdicts.items() if verdict == "ok"} == {"settings"}
    assert "hidden" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_that_everyone_can_read_is_no_matter_until_strangers_come(settings: LazySettings) -> None:
    settings.SECRET_KEY, settings.PRODUCTION = settings.INSECURE_SECRET_KEY, False
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    assert troubles() == ["settings"]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    assert troubles() == []
    settings.PRODUCTION, settings.ALLOWED_HOSTS = True, ["*"]
    assert troubles() == ["settings"]


def test_missing_migrations_keep_what_rests_on_them_from_being_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *args: [("quests.0002_more", False)])
    said, todo, ended = examine()
    assert said["migrations"] == ("TROUBLE", "1 migrations are missing, quests.0002_more first.")
    assert {said[name][0] for name in ("workers", "clock", "facts")} == {"not examined"}
    assert (todo["migrations"], ended) == ("Run: manage.py migrate", f"1 of {len(doctor.CHECKS)} are in trouble.")


@pytest.mark.postgres
@pytest.mark.parametrize(("hours", "which"), [(-1, "ahead of"), (1, "behind")])
def test_a_database_whose_clock_differs_is_trouble(hours: int, which: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        said, _, _ = examine()
    assert said["time"] == ("TROUBLE", f"The database's clock is 3600 s {which} this machine's.")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_session_that_stands_still_within_a_transaction_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LATE_AFTER", timedelta(seconds=0.2))
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        until(lambda: "sessions" in troubles())
        assert f"pg_terminate_backend({pid})" in examine()[1]["sessions"]
    finally:
        other.close()


def test_a_cache_that_forgets_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "get", lambda *args: None)
    assert troubles() == ["cache"]


def test_a_clock_that_stands_or_runs_ahead_is_trouble() -> None:
    clock.note_tick(timezone.now())
    assert examine()[0]["clock"] == ("ok", "ticked 0 s ago, nothing is overdue")
    cache.set(clock.LAST_TICK_KEY, "2026-05-01T12:00:00+00:00")
    assert examine()[0]["clock"] == ("TROUBLE", "The clock last ticked at 2026-05-01 12:00:00 UTC.")
    clock.note_tick(timezone.now() + timedelta(hours=1))
    verdict, what = examine()[0]["clock"]
    assert verdict == "TROUBLE"
    assert "which is yet to come" in what


def test_a_failed_backfill_and_a_player_left_out_of_one_are_trouble() -> None:
    assert examine()[0]["backfills"] == ("ok", "none is under way")
    LeftOut.objects.create(player_id="ann", backfilled_to=1, reason="KeyError: 'id'", tried_at=NOW)
    verdict, what = examine()[0]["backfills"]
    assert (verdict, "ann (KeyError: 'id')" in what) == ("TROUBLE", True)
    Backfill.objects.create(state=Backfill.State.FAILED)
    assert examine()[0]["backfills"][1].startswith("A backfill failed")


# -- with a broker -----------------------------------------------------------------------------------------------------


@pytest.mark.rabbitmq
def test_a_broker_with_a_worker_that_has_nothing_to_do_is_well(exchange: str, jobs: str) -> None:
    with workers(topology.events().name, jobs):
        said, todo, ended = examine()
    assert (todo, ended) == ({}, "All is well.")
    assert said["broker"][1].endswith("confirms")
    assert said["workers"] == ("ok", "1 take events, none waits")
    assert said["letters"] == ("ok", "none")


@pytest.mark.rabbitmq
def test_without_workers_events_and_clock_are_in_trouble(jobs: str) -> None:
    said, todo, _ = examine()
    assert said["workers"] == ("TROUBLE", "No worker takes events, and 0 messages wait.")
    assert said["clock"] == ("TROUBLE", "No worker takes what the clock asks for.")
    assert todo["workers"] == "Start one for each core: celery -A gamification worker"


@pytest.mark.rabbitmq
def test_workers_that_settle_nothing_are_told_from_those_that_do(exchange: str, jobs: str) -> None:
    queue = topology.events().name
    with workers(queue, jobs), channel() as rabbit:
        for _ in range(30):
            rabbit.basic_publish(rabbit.prepare_message(b"[]"), exchange, topology.EVENT_KEY)
        until(lambda: rabbit.queue_declare(queue, passive=True).message_count == 29)
        said, todo, _ = examine()
        assert said["workers"] == (
            "TROUBLE", "29 messages with events wait for 1 workers that settle none of them; no event was ever kept."
        )  # fmt: skip
        assert "restarting" in todo["workers"]
        taking = threading.Timer(0.5, rabbit.basic_get, [queue], {"no_ack": True})
        taking.start()
        assert examine(patience=5)[0]["workers"][0] == "ok"
        taking.join()
        Event.objects.create(player_id="p", event_id="e", type="t", data={}, timestamp=NOW, received_at=NOW, state=0)
        assert "the last event was kept at 2026-05-01 12:00:00 UTC" in examine()[0]["workers"][1]


@pytest.mark.rabbitmq
def test_what_could_not_be_processed_waits_for_a_person(exchange: str, jobs: str) -> None:
    with workers(topology.events().name, jobs), channel() as rabbit:
        rabbit.basic_publish(rabbit.prepare_message(b"poison"), topology.dead().exchange.name, "")
        until(lambda: rabbit.queue_declare(topology.dead().name, passive=True).message_count)
        said, todo, _ = examine()
        assert said["letters"] == ("TROUBLE", "1 messages could not be processed.")
        assert todo["letters"].startswith("manage.py deadletters list")


@pytest.mark.rabbitmq
def test_a_queue_of_that_name_but_of_another_kind_is_trouble(exchange: str, jobs: str) -> None:
    with channel() as rabbit:
        rabbit.queue_declare(topology.events().name, durable=True, auto_delete=False)
    said, _, _ = examine()
    assert said["topology"][0] == "TROUBLE"
    assert topology.events().name in said["topology"][1]
    assert said["workers"][0] == "not examined"


@pytest.mark.rabbitmq
def test_an_alarm_is_told_from_a_broker_that_is_away(exchange: str, jobs: str, settings: LazySettings) -> None:
    settings.RABBITMQ_URL = (network := Proxy(first_word=BLOCKED)).url
    over = threading.Event()

    def alarm() -> None:
        while not over.wait(0.01):
            network.say(BLOCKED)

    threading.Thread(target=alarm).start()
    said, todo, _ = examine()
    over.set()
    network.close()
    assert said["broker"][0] == "TROUBLE"
    assert "an alarm blocks it" in said["broker"][1]
    assert "rabbitmq-diagnostics alarms" in todo["broker"]
    assert "does not answer" in examine()[0]["broker"][1]


@pytest.mark.rabbitmq
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_facts_that_wait_for_a_transaction_are_told_from_those_that_the_broker_refuses(
    exchange: str, jobs: str
) -> None:
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), pg_current_xact_id()")
            pid = cursor.fetchone()[0]
        outbox.put([Fact("one", "ann", FactType.ACHIEVEMENT_COMPLETED, {}, NOW)], NOW)
        said, todo, _ = examine(patience=1.5)
        assert said["facts"][0] == "TROUBLE"
        assert "Facts wait for a transaction" in said["facts"][1]
        assert f"SELECT pg_terminate_backend({pid})" in todo["facts"]
    finally:
        other.close()


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_facts_that_stay_are_told_from_facts_that_leave(exchange: str, jobs: str) -> None:
    outbox.put([Fact("one", "ann", FactType.ACHIEVEMENT_COMPLETED, {}, NOW)], NOW)
    with workers(topology.events().name, jobs):
        said, _, _ = examine()
        assert said["facts"][0] == "TROUBLE"
        assert "achievement.completed of 2026-05-01 12:00:00 UTC" in said["facts"][1]
        relay.sweep(NOW)
        assert examine(patience=5)[0]["facts"][0] == "ok"
        until(lambda: examine()[0]["facts"] == ("ok", "none waits"))
