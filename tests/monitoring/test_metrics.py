"""What `/metrics` tells of requests, events, sockets, followers and backfills, from web processes, workers and beat."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from anticheat import profiling
from gamification import pipeline
from gamification.asgi import application
from gamification.kernel.core import liveness
from gamification.kernel.messaging import followers
from gamification.kernel.web.access import create_key
from gamification.monitoring import deployment
from gamification.serving import counting
from progress.models import Backfill
from tests.support import workers
from tests.support.content import NOON, achievement, event, metric, publish, requirement
from tests.support.nodes import environment
from tests.support.service import free_port, serving
from tests.support.waiting import until

Samples = dict[str, float]


def samples(text: str) -> Samples:
    """`name{a=1,b=2}` → value, but for the buckets of histograms."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if "le" not in sample.labels:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def told() -> Samples:
    deployment.DEPLOYMENT._read_at = float("-inf")
    return samples(counting.shown(deployment.DEPLOYMENT).decode())


@contextmanager
def growing() -> Iterator[Callable[[str], float]]:
    before = told()
    yield lambda name: told().get(name, 0) - before.get(name, 0)


@pytest.mark.django_db(transaction=True)
def test_requests_are_counted_by_their_route_whoever_answers_them_and_events_by_what_became_of_them() -> None:
    headers = {"Authorization": f"Api-Key {create_key('game', ['events:write', 'players:read'])[1]}"}

    async def ask() -> None:
        transport = httpx.ASGITransport(cast(Any, application))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            first = {
                "id": "e1",
                "player_id": "ann",
                "type": "foe.beaten",
                "data": {},
                "timestamp": "2026-06-01T12:00:00Z",
            }
            await client.post("/api/v1/events", json={"events": [first, first, {"id": "e2"}]})  # Django looks it up
            await client.post("/api/v1/events", json={"events": [first]})
            for player in ("ann", "bob", "cid"):
                await client.get(f"/api/v1/players/{player}/wallet")
            await client.get("/nothing/here")
            await client.get("/admin/login/")
            await client.request("BREW", "/healthz")

    with growing() as more:
        asyncio.run(ask())

        def requests(route: str, method: str, status: str) -> float:
            return more(f"gamification_http_request_seconds_count{{method={method},route={route},status={status}}}")

        assert requests("/api/v1/events", "POST", "2xx") == 2
        assert requests("/api/v1/players/<player_id>/wallet", "GET", "2xx") == 3
        assert requests("none", "GET", "4xx") == 1
        assert requests("/admin", "GET", "2xx") == 1
        assert requests("/healthz", "other", "4xx") == 1
        outcomes = ("accepted", "duplicate", "invalid", "refused")
        assert [more(f"gamification_events_total{{outcome={each}}}") for each in outcomes] == [1, 2, 1, 0]


@pytest.mark.django_db
def test_it_says_how_far_behind_each_follower_is_and_what_backfills_have_to_do() -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    pipeline.process([event("e1")], now=NOON)
    profiling.follow(NOON)
    pipeline.process([event("e2"), event("e3")], now=NOON)
    Backfill.objects.create(state="RUNNING", players_done=3, players_total=10)
    Backfill.objects.create(state="FAILED", players_total=10)
    found = told()
    assert found["gamification_database_up"] == 1
    assert found["gamification_follower_behind_rows{follower=profiler}"] == 2
    assert found["gamification_follower_behind_seconds{follower=profiler}"] > 0
    assert found["gamification_follower_behind_rows{follower=webhooks}"] > 0
    assert found["gamification_backfills{state=running}"] == 1
    assert found["gamification_backfills{state=failed}"] == 1
    assert found["gamification_backfill_players_left"] == 7


@pytest.mark.django_db
def test_what_is_told_of_followers_costs_few_queries_however_many_they_are(
    django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]],
) -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    pipeline.process([event("e1")], now=NOON)
    with django_assert_max_num_queries(4):  # their cursors, the ends of all logs, the oldest row of two of them
        behind = followers.lags()
    assert sum(lag.rows > 0 for lag in behind.values()) >= 4


def test_without_a_database_the_rest_is_told() -> None:
    found = told()  # pytest-django lets nobody near the database here, which fails as one that is away does
    assert found["gamification_database_up"] == 0
    assert "gamification_facts_total" in found


def test_a_process_is_stuck_when_it_is_not_heard_of_in_the_time_that_it_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not liveness.is_stuck()
    monkeypatch.setattr(liveness, "STUCK_AFTER", -1)
    with liveness.busy():
        assert liveness.is_stuck()
        monkeypatch.setattr(liveness, "STUCK_AFTER", 60)
        liveness.still_busy()
        assert not liveness.is_stuck()
    liveness.still_busy()
    assert liveness._due is None
    assert not liveness.is_stuck()
    monkeypatch.setattr(liveness, "_due", None)
    liveness.expect_within(60)
    assert not liveness.is_stuck()


def scraped(port: int, path: str = "metrics") -> str:
    answer = httpx.get(f"http://127.0.0.1:{port}/{path}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.django_db(transaction=True)
def test_a_web_process_tells_it_on_a_port_of_its_own_that_knows_nothing_else() -> None:
    port, other = free_port(), free_port()
    with serving(environment(METRICS_PORT=str(other)), port):
        found = samples(scraped(other))
        assert found["gamification_database_up"] == 1
        assert found["gamification_http_request_seconds_count{method=GET,route=/healthz,status=2xx}"] >= 1
        assert scraped(other, "healthz") == '{"status": "ok"}'
        assert httpx.get(f"http://127.0.0.1:{other}/api/v1/events").status_code == 404
        if settings.DB_HOST:
            until(lambda: "gamification_database_connections_max 16.0" in scraped(other))


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_tells_of_all() -> None:
    port, other = free_port(), free_port()
    env = environment(REDIS_HOST=settings.REDIS_HOST, METRICS_PORT=str(other))
    with serving(env, port, "--processes", "2"):
        for _ in range(20):
            httpx.get(f"http://127.0.0.1:{port}/nothing")
        # Each answers some: what one has counted is told by the other.
        until(lambda: samples(scraped(other))["gamification_database_connections_max"] == 32, despite=Exception)
        name = "gamification_http_request_seconds_count{method=GET,route=none,status=4xx}"
        assert samples(scraped(other))[name] == 20


@pytest.mark.postgres
@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_a_worker_tells_of_its_batches_and_beat_when_it_last_sent_a_tick(exchange: str, tmp_path: Path) -> None:
    of_worker, of_beat = free_port(), free_port()
    with (
        workers.own_tasks() as own,
        workers.running(tmp_path / "log", own, METRICS_PORT=str(of_worker)),
        beating(own, METRICS_PORT=str(of_beat)),
    ):
        until(lambda: scraped(of_worker, "healthz"), despite=httpx.TransportError)
        found = samples(scraped(of_worker))
        assert found["gamification_stage_seconds_count{stage=commit}"] == 0
        assert found["gamification_database_up"] == 1
        last = "gamification_beat_last_tick_timestamp_seconds"
        until(lambda: samples(scraped(of_beat))[last], despite=httpx.TransportError)
        assert scraped(of_beat, "healthz") == '{"status": "ok"}'
        assert "gamification_database_up" not in scraped(of_beat)


@contextmanager
def beating(*code: str, **changes: str) -> Iterator[None]:
    beat = subprocess.Popen(
        [sys.executable, "-c", "\n".join([workers.FIRST, *code, "app.start(argv=['beat'])"])],
        cwd=settings.BASE_DIR,
        env=workers.environment() | changes,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        beat.kill()
        beat.wait()
