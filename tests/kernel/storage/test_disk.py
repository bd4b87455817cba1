"""A file that may not grow is as good as a full disk."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.conf import settings

from gamification import probes
from gamification.kernel.storage import disk
from tests.support.service import free_port, manage, serving, without_servers
from tests.support.waiting import until


@pytest.mark.django_db(transaction=True)
def test_a_database_that_can_write_does_and_keeps_nothing() -> None:
    disk.try_to_write()
    disk.try_to_write()


@contextmanager
def full(process: int) -> Iterator[None]:
    _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (100_000, most))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (most, most))


def test_on_a_full_disk_a_service_is_not_ready_until_there_is_room(sqlite_env: dict[str, str]) -> None:
    port = free_port()
    with serving(sqlite_env, port) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/readyz").status_code == 200
        with full(process.pid):
            until(lambda: client.get("/readyz").status_code == 503, seconds=2 * probes.DISK_CHECK_INTERVAL + 10)
            assert client.get("/readyz").json()["errors"][0]["path"] == "disk"
        until(lambda: client.get("/readyz").status_code == 200, seconds=2 * probes.DISK_CHECK_INTERVAL + 10)


def test_on_a_full_disk_the_doctor_says_so(sqlite_env: dict[str, str]) -> None:
    doctor = [sys.executable, "manage.py", "doctor"]
    limit = "import os, resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))"
    run = subprocess.run(
        [sys.executable, "-c", f"{limit}; os.execv({doctor[0]!r}, {doctor!r})"],
        env=sqlite_env,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "The database cannot write" in run.stdout
    assert "The database cannot write" not in manage("doctor", env=sqlite_env)


@pytest.fixture(scope="module")
def sqlite_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return without_servers(tmp_path_factory.mktemp("full") / "game.sqlite3")
