"""`manage.py serve` as a process of its own, on a database of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from gamification.kernel.encoding import instant


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def manage(*arguments: str, env: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=env,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


@contextmanager
def serving(env: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)],
        cwd=settings.BASE_DIR,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").is_success)
        yield process
    finally:
        process.kill()
        process.wait()


def until(holds: object, seconds: float = 30) -> None:
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A machine without any server, and an empty database."""
    servers = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_PORT", "REDIS_HOST", "RABBITMQ_URL", "WS_PORT", "PORT")
    kept = {name: value for name, value in os.environ.items() if name not in servers}
    return {**kept, "DB_NAME": str(tmp_path / "sample.sqlite3")}


@pytest.fixture
def sample(env: dict[str, str]) -> str:
    """What setting up says."""
    manage("migrate", "--verbosity", "0", env=env)
    return manage("setup_sample", env=env)


def key_in(text: str) -> str:
    [key] = set(re.findall(r"Api-Key ([0-9a-f]{12}\.[\w-]{40,})", text))
    return key


def first_event() -> dict[str, object]:
    return {
        "id": "hello-1",
        "player_id": "you",
        "type": "session.started",
        "data": {"platform": "desktop"},
        "timestamp": instant(datetime.now(UTC)),
    }


def test_a_first_event_sent_to_a_fresh_service_unlocks_an_achievement(env: dict[str, str], sample: str) -> None:
    port = free_port()
    headers = {"Authorization": f"Api-Key {key_in(sample)}"}
    with serving(env, port), httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
        answer = http.post("/api/v1/events", json=first_event()).json()
        assert answer["accepted"] == 1
        facts = answer["results"]["you"]["facts"]
        assert "first-steps" in [fact["data"].get("id") for fact in facts if fact["type"] == "achievement.completed"]
        shown = http.get("/api/v1/players/you/achievements", params={"state": "COMPLETED"}).json()
        assert [row["achievement_id"] for row in shown["results"]] == ["first-steps"]
        again = http.post("/api/v1/events", json=first_event() | {"timestamp": shown["results"][0]["completed_at"]})
        assert again.json()["duplicates"] == 1


def test_asked_to_end_it_ends_at_once_and_well(env: dict[str, str], sample: str) -> None:
    with serving(env, free_port()) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        output = process.stdout.read() if process.stdout else ""
        assert "Traceback" not in output


def test_a_second_port_serves_the_same(env: dict[str, str], sample: str) -> None:
    port, second = free_port(), free_port()
    with serving({**env, "WS_PORT": str(second)}, port):
        assert httpx.get(f"http://127.0.0.1:{second}/healthz").status_code == 200


def test_a_port_in_use_is_one_clear_line(env: dict[str, str], sample: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = subprocess.run(
            [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=settings.BASE_DIR,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == f"CommandError: cannot listen at 127.0.0.1:{port}: Address already in use"


def test_setting_up_again_shows_no_secret_and_changes_nothing(env: dict[str, str], sample: str) -> None:
    again = manage("setup_sample", env=env)
    assert key_in(sample) not in again
    assert "create_api_key" in again
    assert "changepassword admin" in again
    assert manage("dump_content", env=env) == manage("dump_content", env=env)
