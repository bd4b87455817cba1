"""A call that takes too long is given up; whether the database is taken to be away depends on what else is known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.db import connection

from gamification.kernel.storage import database_timeout
from gamification.kernel.storage.postgresql import base
from gamification.kernel.storage.postgresql.base import Connection

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why the breaker opened, each time."""
    found: list[str] = []
    monkeypatch.setattr(database_timeout.breaker, "open", lambda why, **named: found.append(why))
    return found


@pytest.fixture
def apart() -> Iterator[Connection]:
    with closing(Connection.connect(**connection.get_connection_params())) as made:
        yield made


def sleep(on: Connection) -> None:
    with database_timeout.within(0.5), pytest.raises(psycopg.OperationalError, match="given up"):
        on.execute("SELECT pg_sleep(30)")
    assert on.closed


def mute(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: Connection, **named: Any) -> None:
        raise psycopg.errors.CancellationTimeout

    monkeypatch.setattr(Connection, "cancel_safe", silent)


def test_who_waits_without_a_limit_waits(apart: Connection) -> None:
    assert apart.execute("SELECT pg_sleep(0.2), 1").fetchone() == ("", 1)


def test_a_server_that_takes_the_cancellation_is_there(apart: Connection, opened: list[str]) -> None:
    sleep(apart)
    assert opened == []


def test_a_server_that_takes_no_cancellation_is_away(
    apart: Connection, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mute(monkeypatch)
    sleep(apart)
    assert opened == ["nothing came for 0.5 s"]


def test_a_server_that_answers_somebody_else_meanwhile_is_not_away(
    apart: Connection, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mute(monkeypatch)
    done = threading.Event()

    def ask_on() -> None:
        while not done.wait(0.05):
            base.ask()

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        sleep(apart)
    finally:
        done.set()
        asking.join()
    assert opened == []
