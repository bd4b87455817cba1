"""`manage.py serve --processes N`: several processes on one port, on the test's own database."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from gamification.kernel.web.access import create_key
from tests.support.nodes import environment
from tests.support.servers import ESTABLISHED
from tests.support.service import free_port, serving
from tests.support.waiting import until

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.django_db(transaction=True)]


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def command(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")


def is_alive(process: int) -> bool:
    with suppress(FileNotFoundError):
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    return False


def holds_a_connection(process: int, port: int) -> bool:
    """Whether it has accepted a connection to this port that is still open, as Linux counts it."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    accepted = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}") and line[3] == ESTABLISHED}
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if file.readlink().name in accepted:
                return True
    return False


def all_take_connections(parent: int, port: int, count: int) -> bool:
    """Whether so many processes take connections: of a heap of them, each is given some."""
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        return len([pid for pid in children(parent) if holds_a_connection(pid, port)]) == count


def test_two_processes_answer_at_one_port_one_has_the_clock_and_both_end_when_asked_to() -> None:
    env, port = environment(REDIS_HOST=settings.REDIS_HOST), free_port()
    with serving(env, port, "--processes", "2") as parent:
        until(lambda: all_take_connections(parent.pid, port, 2))
        pair = children(parent.pid)
        assert len(pair) == 2
        assert len([pid for pid in pair if "--no-clock" not in command(pid)]) == 1
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(timeout=30) == 0
        assert not any(map(is_alive, pair))
        assert parent.stdout is not None
        output = parent.stdout.read()
        assert "and 2 of its own" in output
        assert "Traceback" not in output
        assert "has ended" not in output


def test_a_process_that_dies_is_started_again_and_the_port_answers_all_the_while() -> None:
    env, port = environment(REDIS_HOST=settings.REDIS_HOST), free_port()
    with serving(env, port, "--processes", "2") as parent:
        until(lambda: all_take_connections(parent.pid, port, 2))
        first, other = children(parent.pid)
        with_clock = first if "--no-clock" not in command(first) else other
        os.kill(with_clock, signal.SIGKILL)
        until(lambda: not is_alive(with_clock))
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
        until(lambda: set(children(parent.pid)) - {first, other})
        [new] = set(children(parent.pid)) - {first, other}
        until(lambda: "--inherited" in command(new))
        assert "--no-clock" not in command(new)
        until(lambda: all_take_connections(parent.pid, port, 2))
        assert parent.stdout is not None
        assert f"web process {with_clock} (number 1) has ended, by signal 9" in parent.stdout.read()


def counted(port: int, way: str) -> float:
    """How many requests with events `/metrics` says there were."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = [line for line in text.splitlines() if line.startswith(f'gamification_event_requests_total{{way="{way}"}}')]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def test_what_is_counted_is_that_of_all_processes_whichever_is_asked() -> None:
    env, port = environment(REDIS_HOST=settings.REDIS_HOST), free_port()
    key = create_key("game", ["events:write"])[1]
    headers = {"Authorization": f"Api-Key {key}"}
    with serving(env, port, "--processes", "2") as parent:
        until(lambda: all_take_connections(parent.pid, port, 2))
        served = set()
        for number in range(40):
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:  # a connection each
                assert client.post("/api/v1/events", json={"events": []}).is_success
                served |= {pid for pid in children(parent.pid) if holds_a_connection(pid, port)}
            assert counted(port, "in_place") == number + 1
        assert len(served) == 2
        os.kill(served.pop(), signal.SIGKILL)
        assert counted(port, "in_place") == 40


def test_no_process_outlives_a_parent_that_was_killed() -> None:
    env, port = environment(REDIS_HOST=settings.REDIS_HOST), free_port()
    with serving(env, port, "--processes", "2") as parent:
        until(lambda: all_take_connections(parent.pid, port, 2))
        pair = children(parent.pid)
        parent.kill()
        until(lambda: not any(map(is_alive, pair)))
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
