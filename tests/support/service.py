"""`manage.py serve` as a process of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from django.conf import settings

from tests.support.waiting import until


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


def without_servers(database: Path) -> dict[str, str]:
    """The environment of a machine without any server, with a database that holds the tables and nothing else."""
    servers = ("DB_HOST", "DB_USER", "DB_PASSWORD", "DB_PORT", "REDIS_HOST", "RABBITMQ_URL", "WS_PORT", "PORT")
    env = {name: value for name, value in os.environ.items() if name not in servers} | {"DB_NAME": str(database)}
    manage("migrate", "--verbosity", "0", env=env)
    return env


@contextmanager
def serving(env: dict[str, str], port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        # Not a pipe: who logs into one that nobody reads stands still.
        log = stack.enter_context((Path(folder) / "log").open("a"))
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port), *arguments],
            cwd=settings.BASE_DIR,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        process.stdout = stack.enter_context(Path(log.name).open())
        stack.callback(process.wait)
        stack.callback(process.kill)
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/healthz").is_success, despite=httpx.TransportError)
        yield process


def key_in(text: str) -> str:
    keys: set[str] = set(re.findall(r"Api-Key ([0-9a-f]{12}\.[\w-]{40,})", text))
    [key] = keys
    return key
