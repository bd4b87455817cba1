"""Reads of the API in threads of their own answer as Django's own handler does."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import threading
from typing import Any

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.db import connection

from gamification.kernel.web.access import create_key
from gamification.serving import reads
from gamification.serving.reads import Reads
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

django = get_asgi_application()


class Counted:
    """Django's handler, and how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await django(scope, receive, send)


@pytest.fixture
def key() -> str:
    return create_key("game", ["players:read", "content:read"])[1]


def ask(application: Any, method: str, path: str, *, times: int = 1, **headers: str) -> list[httpx.Response]:
    async def play() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application)
        said = {"X-Request-ID": "r-1"} | headers  # or each answer would have a name of its own
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=said) as client:
            return await asyncio.gather(*(client.request(method, path) for _ in range(times)))

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/players/ann", 200),
        ("HEAD", "/api/v1/players/ann", 200),
        ("GET", "/api/v1/players/ann/wallet", 200),
        ("GET", "/api/v1/quests?available_to=ann", 200),
        ("GET", "/api/v1/quests?avialable_to=ann", 400),
        ("GET", "/api/v1/players/ann/token", 405),
        ("GET", "/api/v1/facts", 403),
        ("GET", "/api/v1/nothing", 404),
    ],
)
def test_what_is_read_without_django_is_answered_as_django_does(key: str, method: str, path: str, status: int) -> None:
    behind = Counted()
    said: Any = {"Authorization": f"Api-Key {key}", "Origin": "http://localhost:3000"}
    [ours] = ask(Reads(behind), method, path, **said)
    [theirs] = ask(django, method, path, **said)
    assert (ours.status_code, behind.asked) == (status, 0)
    assert (ours.status_code, ours.content, ours.headers) == (theirs.status_code, theirs.content, theirs.headers)


def test_whom_nobody_knows_and_which_host_nobody_serves_is_refused_as_by_django() -> None:
    callers: list[Any] = [{}, {"Authorization": "Api-Key a.b"}, {"Host": "elsewhere.example"}]
    for said in callers:
        [ours], [theirs] = (ask(each, "GET", "/api/v1/players/ann", **said) for each in (Reads(django), django))
        assert ours.status_code in (400, 401)
        assert (ours.status_code, ours.content, ours.headers) == (theirs.status_code, theirs.content, theirs.headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/players/ann/export"), ("POST", "/api/v1/events"), ("GET", "/healthz"), ("GET", "/admin/login/")],
)
def test_what_is_no_read_of_the_api_is_handed_on_to_django(key: str, method: str, path: str) -> None:
    behind = Counted()
    ask(Reads(behind), method, path, Authorization=f"Api-Key {key}")
    assert behind.asked == 1


def test_many_at_once_share_a_few_threads(key: str) -> None:
    answers = ask(Reads(django), "GET", "/api/v1/players/ann", times=50, Authorization=f"Api-Key {key}")
    assert [answer.status_code for answer in answers] == [200] * 50
    assert sum(thread.name == "reads" for thread in threading.enumerate()) <= reads.THREADS


def test_a_thread_that_nobody_needs_ends(key: str) -> None:
    ask(Reads(django), "GET", "/api/v1/players/ann", Authorization=f"Api-Key {key}")
    until(lambda: not any(thread.name == "reads" for thread in threading.enumerate()))


@pytest.mark.postgres
def test_a_connection_that_the_server_closed_is_made_anew(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    application = Reads(django)

    def is_answered() -> bool:
        return ask(application, "GET", "/api/v1/players/ann", Authorization=f"Api-Key {key}")[0].is_success

    with monkeypatch.context() as patch:
        patch.setattr(reads, "IDLE", 10.0)
        patch.setattr(reads, "THREADS", 1)
        assert is_answered()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.rowcount
        until(is_answered)
    assert is_answered()


def test_a_connection_among_thousands_of_open_files_can_be_looked_at() -> None:
    near, far = socket.socketpair()
    number = 3_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + 1), hard))
    os.dup2(near.fileno(), number)
    try:
        assert not reads._has_something_to_read(number)
        far.send(b"\0")
        assert reads._has_something_to_read(number)
    finally:
        os.close(number)
        near.close()
        far.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
