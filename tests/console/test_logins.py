"""Guessing passwords at the console costs more and more time, and leaves lines in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.test import Client

from gamification.console import logins
from gamification.console.logins import FIRST_PAUSE, MAX_PAUSE, WINDOW, InMemory, InRedis, Logins

LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def five(settings: LazySettings) -> Iterator[None]:
    settings.RATE_LIMIT_LOGIN = 5
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": f"test-{uuid4().hex}"}}
    logins.begin_anew()
    yield
    logins.begin_anew()


@pytest.fixture
def mia(db: None) -> None:
    get_user_model().objects.create_superuser("mia", password="a-long-good-one")


def try_to_log_in(name: str = "mia", password: str = "wrong", address: str = "10.0.0.1") -> Any:
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


@pytest.mark.usefixtures("mia")
def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "gamification.console.site"):
        answers = [try_to_log_in() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert answers[0]["RateLimit-Policy"] == '"login";q=5;w=900'
    assert len(caplog.records) == 5
    assert "mia from 10.0.0.1" in caplog.text
    refused = try_to_log_in(password="a-long-good-one")
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= FIRST_PAUSE
    assert "Too many wrong passwords by this name from here." in refused.content.decode()
    assert try_to_log_in(password="a-long-good-one", address="10.0.0.2").status_code == 302  # mia herself, elsewhere
    assert try_to_log_in("ann").status_code == 200


@pytest.mark.usefixtures("mia")
def test_a_name_that_nobody_has_is_treated_the_same() -> None:
    known, unknown = ([try_to_log_in(name) for _ in range(6)] for name in ("mia", "nobody"))
    assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
    assert try_to_log_in(" MIA".strip()).status_code == 429  # however it is spelled


@pytest.mark.usefixtures("mia")
def test_the_right_password_wipes_the_slate() -> None:
    for _ in range(3):
        for _ in range(4):
            assert try_to_log_in().status_code == 200
        assert try_to_log_in(password="a-long-good-one").status_code == 302


@pytest.mark.usefixtures("mia")
def test_a_limit_of_none_limits_nothing(settings: LazySettings) -> None:
    settings.RATE_LIMIT_LOGIN = 0
    answers = [try_to_log_in() for _ in range(10)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0]


def test_each_wrong_password_after_a_pause_doubles_the_next_pause() -> None:
    now = 1000.0
    attempts, pauses = InMemory(lambda: now), []
    for _ in range(5):
        assert attempts.begin("k", 5)[1] == 0
    for _ in range(10):
        pauses.append(attempts.begin("k", 5)[1] - 1)
        now += pauses[-1] + 1
        assert attempts.begin("k", 5)[1] == 0
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, MAX_PAUSE, MAX_PAUSE, MAX_PAUSE]
    now += MAX_PAUSE + WINDOW + 1
    assert attempts.begin("k", 5) == (1, 0)


def test_wrong_passwords_far_apart_make_nobody_wait() -> None:
    now = 1000.0
    attempts = InMemory(lambda: now)
    for _ in range(20):
        assert attempts.begin("k", 5)[1] == 0
        now += WINDOW / 3
    assert attempts.begin("k", 5)[1] == 0


@pytest.mark.redis
def test_in_redis_thirty_at_once_get_five_looks(settings: LazySettings) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    prefix = f"test-{uuid4().hex}"
    nodes = [InRedis(client, prefix) for _ in range(3)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: nodes[n % 3].begin("k", 5)[1], range(30)))
    assert answers.count(0) == 5
    assert 0 < max(answers) <= FIRST_PAUSE
    [key] = client.keys(f"{prefix}:*")
    assert WINDOW < client.ttl(key) <= WINDOW + FIRST_PAUSE
    nodes[0].forget("k")
    assert nodes[1].begin("k", 5) == (1, 0)


def test_while_redis_is_away_each_process_counts_alone() -> None:
    class Away(InRedis):
        def __init__(self) -> None: ...

        def begin(self, key: str, most: int) -> tuple[int, int]:
            raise redis.ConnectionError("refused")

        forget = begin  # type: ignore[assignment]

    here = Logins(Away())
    assert [here.begin("k", 5)[1] > 0 for _ in range(6)] == [False] * 5 + [True]
