import time
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from pytest_django import Settings

from gamification import probes
from gamification.kernel.storage import disk
from tests.support.callers import assert_problem
from tests.support.servers import Redis


def test_a_living_process_says_so_without_a_database() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_service_that_has_what_it_needs_is_ready() -> None:
    response = Client().get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_service_without_its_cache_is_ready_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "set", fail)
    response = Client().get("/readyz")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["cache"]) == ("degraded", "down")


@pytest.mark.redis
@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["killed", "hung"])
def test_a_redis_that_is_away_or_hangs_takes_no_node_out(fault: str, tmp_path: Path, settings: Settings) -> None:
    server = Redis(tmp_path)
    server.start()
    location = f"redis://127.0.0.1:{server.port}/0"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": location}}
    try:
        assert Client().get("/readyz").json() == {"status": "ok"}
        server.kill() if fault == "killed" else server.pause()
        began = time.monotonic()
        response = Client().get("/readyz")
        assert (response.status_code, response.json()["status"]) == (200, "degraded")
        assert time.monotonic() - began < 3
    finally:
        if server.process is not None:
            server.go_on()
            server.kill()


@pytest.mark.django_db
def test_a_service_whose_database_cannot_write_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(probes, "_last_write", (float("-inf"), None))
    monkeypatch.setattr(disk, "try_to_write", full)
    assert_problem(Client().get("/readyz"), 503, "not_ready", "disk")
    monkeypatch.undo()
    monkeypatch.setattr(probes, "_last_write", (float("-inf"), None))
    assert Client().get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_service_whose_migrations_are_missing_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_migrated", False)
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *args: ["one"])
    assert_problem(Client().get("/readyz"), 503, "not_ready", "migrations")


def test_prometheus_reads_what_is_counted() -> None:
    response = Client().get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert b"python_info" in response.content


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_only_read(path: str) -> None:
    response = Client(enforce_csrf_checks=True).post(path)
    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


def test_the_root_leads_to_the_docs() -> None:
    response = Client().get("/")
    assert (response.status_code, response["Location"]) == (302, "/api/docs/")


def test_the_docs_are_read_without_a_network() -> None:
    page = Client().get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "https://" not in page.replace("https://github.com", "")


def test_the_docs_draw_every_group_at_once() -> None:
    """Swagger UI draws what is open as it is scrolled to: most groups would seem not to be there."""
    script = Client().get("/api/docs/", {"script": ""}).content.decode()
    assert '"docExpansion": "none"' in script


@pytest.mark.django_db
def test_the_schema_describes_every_route_and_how_it_refuses() -> None:
    schema = Client().get("/api/schema/").json()
    assert schema["openapi"].startswith("3.1")
    paths = schema["paths"]
    assert {"/api/v1/players/{player_id}", "/api/v1/players/{player_id}/export", "/api/v1/events"} <= set(paths)
    for path in paths.values():
        for operation in path.values():
            assert operation["responses"]["default"]["content"]["application/problem+json"]
            assert "ApiKey" in {name for scheme in operation["security"] for name in scheme}
