"""How much a caller may ask for: counted by processes that share a bucket, and said in every answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import LazySettings
from rest_framework.test import APIClient

from gamification.kernel.web import limits
from gamification.kernel.web.access import create_key
from gamification.kernel.web.limits import InMemory, InRedis, Limit, Limiter, per_minute, per_second
from tests.support.callers import assert_problem, game_server, player

ME = "/api/v1/players/me"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Away:
    """A Redis that does not answer."""

    asked = 0

    def draw(self, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        self.asked += 1
        raise redis.TimeoutError("Timeout reading from socket")


class Counted(InMemory):
    """A bucket that several processes share, and how often it was asked."""

    asked = 0

    def draw(self, key: str, limit: Limit, wanted: int, returned: int) -> tuple[int, float]:
        self.asked += 1
        return super().draw(key, limit, wanted, returned)


def granted(limiter: Limiter, limit: Limit, number: int, caller: str = "ann") -> int:
    return sum(limiter.take(limit, caller).wait is None for _ in range(number))


# -- counting ----------------------------------------------------------------------------------------------------------


def test_a_burst_is_granted_and_then_as_much_as_time_fills_in() -> None:
    clock = Clock()
    limiter, limit = Limiter(None, clock), per_second("player-writes", 5, 4)
    assert granted(limiter, limit, 100) == 20
    assert limiter.take(limit, "ann").wait == 1
    clock.now += 1
    assert granted(limiter, limit, 100) == 5
    assert granted(limiter, limit, 100, "bob") == 20
    clock.now += 3600
    assert granted(limiter, limit, 100) == 20


def test_ten_a_minute_is_one_every_six_seconds_after_them() -> None:
    clock = Clock()
    limiter, limit = Limiter(None, clock), per_minute("token", 10)
    assert granted(limiter, limit, 150) == 10
    assert limiter.take(limit, "ann").wait == 6
    clock.now += 5.9
    assert granted(limiter, limit, 10) == 0
    clock.now += 0.2
    assert granted(limiter, limit, 10) == 1


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_that_share_a_bucket_grant_no_more_than_it_holds(processes: int) -> None:
    clock = Clock()
    shared, limit = Counted(clock), per_second("key", 100)
    nodes = [Limiter(shared, clock) for _ in range(processes)]
    asked = 0
    for second in range(5):
        there = sum(granted(node, limit, 1) for _ in range(200) for node in nodes)
        assert there <= 100
        assert second == 0 or there >= 100 - 5 * processes
        asked, shared.asked = shared.asked, 0
        clock.now += 1
    assert asked <= 3 * processes  # not once a request, though most of them are refused


def test_what_a_process_did_not_use_of_its_lease_is_the_others_again() -> None:
    clock = Clock()
    shared, limit = Counted(clock), Limit("slow", 100, 10)
    one, other = Limiter(shared, clock), Limiter(shared, clock)
    assert granted(one, limit, 19) == 19
    in_hand = 100 - 19 - granted(other, limit, 200)
    assert in_hand > 0
    clock.now += 1
    assert granted(one, limit, 1) + granted(other, limit, 200) + granted(one, limit, 200) == in_hand + 10


def test_a_bucket_that_does_not_answer_is_not_asked_again_at_once_and_nobody_is_refused_for_it() -> None:
    clock, away = Clock(), Away()
    limiter, limit = Limiter(away, clock), per_second("player-reads", 20, 4)
    assert granted(limiter, limit, 100) == 80  # by what this process alone has counted
    assert away.asked == 1
    clock.now += limits.REDIS_RETRY_AFTER
    assert granted(limiter, limit, 10) == 10
    assert away.asked == 2


def test_whoever_was_not_heard_of_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CALLERS", 10)
    limiter, limit = Limiter(None, Clock()), per_second("key", 1)
    for n in range(100):
        limiter.take(limit, f"p{n}")
    assert len(limiter._leases) == len(limiter._own._buckets) == 10
    assert limiter.take(limit, "p99").wait is not None


@pytest.mark.redis
def test_in_redis_it_is_the_same_however_many_ask_at_once(settings: LazySettings) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    prefix = f"test-{uuid4().hex}"
    limit = Limit("token", 10, 600)
    nodes = [Limiter(InRedis(client, prefix)) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        taken = pool.map(lambda n: nodes[n % 4].take(limit, "ann").wait, range(80))
        assert sum(wait is None for wait in taken) == 10
    assert nodes[0].take(limit, "ann").wait is not None
    [key] = client.keys(f"{prefix}:*")
    assert 0 < client.ttl(key) <= 601
    client.delete(key)


def test_a_redis_that_hangs_costs_one_caller_a_moment_and_the_next_ones_nothing(settings: LazySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel takes connections, nobody answers
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.CACHES = {"default": {"KEY_PREFIX": "test", "OPTIONS": {"socket_timeout": 1}}}
        limiter, limit = Limiter(InRedis(limits.redis_with_timeout(), "test")), per_second("player-reads", 20, 4)
        began = time.monotonic()
        assert limiter.take(limit, "ann").wait is None
        assert time.monotonic() - began < 5 * limits.REDIS_TIMEOUT + 1
        silent.close()  # whoever asked again now would be told that nobody is there
        assert granted(limiter, limit, 100) == 79


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(settings: LazySettings) -> Iterator[Callable[..., None]]:
    """Sets limits; and each test begins with full buckets."""

    def limit(**to: int) -> None:
        for name, value in to.items():
            setattr(settings, f"RATE_LIMIT_{name.upper()}", value)

    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": f"test-{uuid4().hex}"}}
    limits.begin_anew()
    yield limit
    limits.begin_anew()


def read(client: APIClient) -> Any:
    return client.get(ME)


@pytest.mark.django_db
def test_a_player_is_told_how_much_is_left_and_refused_beyond_it(limited: Callable[..., None]) -> None:
    limited(player_reads=1)
    ann = player("ann")
    first = read(ann)
    assert first.status_code == 200
    assert first["RateLimit-Policy"] == '"player-reads";q=4;w=4'
    assert first["RateLimit"] == '"player-reads";r=3;t=1'
    refused = next(answer for answer in (read(ann) for _ in range(500)) if answer.status_code == 429)
    assert_problem(refused, 429, "rate_limited")
    assert refused["RateLimit"] == '"player-reads";r=0;t=4'
    assert refused["Retry-After"] == "1"
    assert read(player("bob")).status_code == 200
    assert ann.post("/api/v1/players/me/messages/read", {"up_to": 1}).status_code == 400  # writes are another matter


@pytest.mark.django_db
def test_a_key_may_ask_as_much_as_it_likes_unless_it_was_given_a_limit(limited: Callable[..., None]) -> None:
    limited(key=0)
    free = game_server()
    assert "RateLimit" not in free.get("/api/v1/players/ann")
    limited(key=2)
    answers = (free.get("/api/v1/players/ann") for _ in range(500))
    assert next(answers)["RateLimit-Policy"] == '"key";q=2;w=1'
    assert any(answer.status_code == 429 for answer in answers)
    own, text = create_key("its own", ["players:read"])
    client = APIClient(headers={"Authorization": f"Api-Key {text}"})
    for rate, policy in ((7, '"key";q=7;w=1'), (0, None)):
        own.rate_limit = rate
        own.save()
        assert client.get("/api/v1/players/ann").headers.get("RateLimit-Policy") == policy


@pytest.mark.django_db
def test_one_player_is_given_so_many_tokens_a_minute_by_whichever_key(limited: Callable[..., None]) -> None:
    limited(token=3)
    answers = [game_server().post("/api/v1/players/ann/token") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0]["RateLimit"] == '"token";r=2;t=20'
    assert 1 <= int(answers[-1]["Retry-After"]) <= 20
    assert game_server().post("/api/v1/players/bob/token").status_code == 200


@pytest.mark.django_db
def test_a_player_exports_once_a_minute_and_a_game_server_whenever_it_wants(limited: Callable[..., None]) -> None:
    limited(export=1, player_reads=20)
    server, ann = game_server(), player("ann")
    server.patch("/api/v1/players/ann", {"display_name": "Ann"})
    first, second = ann.get(f"{ME}/export"), ann.get(f"{ME}/export")
    assert (first.status_code, second.status_code) == (200, 429)
    assert second["RateLimit-Policy"] == '"player-reads";q=80;w=4, "export";q=1;w=60'
    assert read(ann).status_code == 200
    assert [server.get("/api/v1/players/ann/export").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.django_db
def test_a_page_of_another_origin_may_read_how_much_is_left(settings: LazySettings) -> None:
    exposed = settings.CORS_EXPOSE_HEADERS
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= set(exposed)
