"""PostgreSQL is there and says nothing, or is not there at all: nobody waits long, and events are taken all the same.

It hangs for HANG_SECONDS (8); `make hang` lets it hang for 30.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from gamification.kernel.core.encoding import instant
from tests.support import rabbit
from tests.support.servers import Missing, PostgreSQL, program
from tests.support.service import free_port, manage, serving
from tests.support.waiting import until

HANGS_FOR = float(os.environ.get("HANG_SECONDS", "8"))
SLACK = 1.5
"""Seconds that a busy machine may add to what is promised."""

Env = dict[str, str]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    home = Path(tempfile.mkdtemp(prefix="hanging-"))
    home.chmod(0o755)
    try:
        server = PostgreSQL(home)
    except Missing as missing:
        pytest.skip(str(missing))
    server.start()
    yield server
    server.go_on()
    server.kill()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def env(database: PostgreSQL) -> Env:
    own = {"DB_HOST": "127.0.0.1", "DB_PORT": str(database.port), "DB_USER": "postgres", "DB_NAME": "postgres"}
    kept = {name: value for name, value in os.environ.items() if name not in ("RABBITMQ_URL", "REDIS_HOST", "WS_PORT")}
    env = {**kept, **own, "LOG_LEVEL": "WARNING"}
    manage("migrate", "--verbosity", "0", env=env)
    return env


@contextmanager
def a_client(env: Env) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    scopes = [part for scope in ("events:write", "players:read", "players:write") for part in ("--scope", scope)]
    key = manage("create_api_key", "game", *scopes, env=env).split()[-1]
    port = free_port()
    with serving(env, port) as process:
        headers = {"Authorization": f"Api-Key {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            until(lambda: client.get("/readyz").is_success)
            yield process, client


@contextmanager
def hanging(database: PostgreSQL) -> Iterator[None]:
    database.pause()
    try:
        yield
    finally:
        database.go_on()


def event(number: int) -> dict[str, object]:
    return {"id": f"e{number}", "player_id": "ann", "type": "a", "data": {}, "timestamp": instant(datetime.now(UTC))}


def timed(client: httpx.Client, method: str, path: str, **named: object) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    response = client.request(method, path, **named)  # type: ignore[arg-type]
    return response, time.monotonic() - began


def test_while_it_hangs_every_request_is_refused_soon_and_answered_again_when_it_does_not(
    env: Env, database: PostgreSQL
) -> None:
    with a_client(env) as (_, client):
        assert client.get("/api/v1/players/ann").status_code == 200
        with hanging(database):
            answers = []
            until_then = time.monotonic() + HANGS_FOR
            while time.monotonic() < until_then:
                for method, path, body in (
                    ("GET", "/api/v1/players/ann", None),
                    ("POST", "/api/v1/events", event(1)),
                    ("GET", "/readyz", None),
                ):
                    response, seconds = timed(client, method, path, json=body)
                    assert (response.status_code, seconds < 3 + SLACK) == (503, True), (path, seconds)
                    assert response.headers["Retry-After"]
                    answers.append(seconds)
        assert sorted(answers)[len(answers) // 2] < 0.5  # once it is known, nobody waits
        until(lambda: client.get("/api/v1/players/ann").is_success, seconds=10)
        assert client.post("/api/v1/events", json=event(2)).json()["accepted"] == 1


@pytest.mark.rabbitmq
def test_while_it_hangs_events_go_to_the_broker(env: Env, database: PostgreSQL) -> None:
    exchange = rabbit.own_name()
    try:
        with a_client({**env, "RABBITMQ_URL": rabbit.BROKER, "RABBITMQ_EXCHANGE": exchange}) as (_, client):
            assert client.post("/api/v1/events", json=event(0)).status_code == 202
            with hanging(database):
                until_then = time.monotonic() + HANGS_FOR
                number = 0
                while time.monotonic() < until_then:
                    number += 1
                    response, seconds = timed(client, "POST", "/api/v1/events", json=event(number))
                    assert (response.status_code, seconds < 1.5 + SLACK) == (202, True), seconds
                    time.sleep(0.1)
            assert number > 10
    finally:
        rabbit.remove(exchange)


def test_however_many_ask_at_once_none_waits_longer(env: Env, database: PostgreSQL) -> None:
    with a_client(env) as (_, client), ThreadPoolExecutor(40) as many:  # more than there are connections

        def ask(_: int) -> tuple[int, float]:
            response, seconds = timed(client, "GET", "/api/v1/players/ann")
            return response.status_code, seconds

        assert {status for status, _ in many.map(ask, range(40))} == {200}
        with hanging(database):
            answers = list(many.map(ask, range(40)))
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 3 + 2 * SLACK
        until(lambda: client.get("/api/v1/players/ann").is_success, seconds=10)
        assert {status for status, _ in many.map(ask, range(40))} == {200}  # no dead connection is left


def test_asked_to_end_while_it_hangs_the_service_ends_and_says_so(env: Env, database: PostgreSQL) -> None:
    answers: list[httpx.Response] = []

    def ask_the_console(client: httpx.Client) -> None:
        answers.append(
            client.get("/admin/", headers={"Cookie": f"sessionid={'x' * 32}"})
        )  # it waits as long as it takes

    with a_client(env) as (process, client), hanging(database):
        asking = threading.Thread(target=ask_the_console, args=(client,))
        asking.start()
        until(database.has_unread)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait(timeout=60) == 0
        assert time.monotonic() - began < 11 + SLACK
        asking.join(timeout=10)
        assert [response.status_code for response in answers] == [503]
        assert answers[0].headers["Retry-After"]


def test_where_there_is_none_a_request_is_refused_at_once(env: Env, database: PostgreSQL) -> None:
    with a_client(env) as (_, client):
        database.kill()
        try:
            until(lambda: client.get("/api/v1/players/ann").status_code == 503)
            for _ in range(5):
                response, seconds = timed(client, "GET", "/api/v1/players/ann")
                assert (response.status_code, seconds < 1 + SLACK) == (503, True), seconds
        finally:
            database.start()
        until(lambda: client.get("/api/v1/players/ann").is_success, seconds=10)


@pytest.mark.parametrize("command", ["serve", "migrate", "dump_content"])
def test_without_a_database_a_command_says_so_in_one_line(env: Env, command: str) -> None:
    nowhere = {**env, "DB_PORT": str(free_port())}
    with pytest.raises(subprocess.CalledProcessError) as failed:
        manage(command, env=nowhere)
    [line] = failed.value.stderr.splitlines()
    assert "database" in line
    assert "refused" in line


def test_a_call_that_is_slow_is_given_up_and_nobody_else_with_it(env: Env) -> None:
    script = """
import django, os, time
django.setup()
from django.db import OperationalError, connection
from gamification.kernel.storage import database_timeout
with database_timeout.within(0.5):
    began = time.monotonic()
    try:
        connection.cursor().execute("SELECT pg_sleep(30)")
    except OperationalError as failure:
        print(failure, time.monotonic() - began < 2, database_timeout.breaker.is_open)
    connection.close()
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
    print(cursor.fetchone())
"""
    said = subprocess.run(
        [sys.executable, "-c", script],
        cwd=settings.BASE_DIR,
        env={**env, "DJANGO_SETTINGS_MODULE": "gamification.settings"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said.splitlines() == ["the call was given up: nothing came for 0.5 s True False", "(0,)"]


def test_a_database_that_cannot_grow_a_table_says_so(env: Env, database: PostgreSQL) -> None:
    script = """
import django
django.setup()
from django.db import connection
from gamification.kernel.storage import disk
disk.PROBE_BYTES = 64 * 1024 * 1024
disk.try_to_write()
print("wrote")
"""

    def tried() -> str:
        run = subprocess.run(
            [sys.executable, "-c", script],
            cwd=settings.BASE_DIR,
            env={**env, "DJANGO_SETTINGS_MODULE": "gamification.settings"},
            check=False,
            capture_output=True,
            text=True,
        )
        return run.stdout + run.stderr

    assert tried() == "wrote\n"
    assert database.process is not None
    limit = [*database.prefix, program("prlimit"), "--pid", str(database.process.pid)]
    subprocess.run([*limit, f"--fsize={40 * 1024 * 1024}:"], check=True)  # as good as a full disk
    try:
        assert "could not extend file" in tried()
    finally:
        subprocess.run([*limit, "--fsize=unlimited:"], check=True)
    assert tried() == "wrote\n"
