"""What is thrown away must cost nothing: memory, files and sockets of `manage.py serve`, read from /proc."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.service import free_port, serving, without_servers
from tests.support.waiting import until


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return without_servers(tmp_path_factory.mktemp("serve") / "empty.sqlite3") | {"REQUEST_TIMEOUT": "3"}


@pytest.fixture(scope="module")
def served(env: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The process and its port."""
    port = free_port()
    with serving(env, port) as process:
        yield process.pid, port


def memory(process: int) -> int:
    """Bytes that it has ever held at once."""
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(kilobytes) * 1024


def sockets(process: int) -> int:
    found = 0
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += file.readlink().name.startswith("socket:")
    return found


def pour(port: int, head: bytes, megabytes: int) -> None:
    """Send on, for as long as anybody listens."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(head)
        for _ in range(megabytes):
            client.sendall(b"x" * 1024 * 1024)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 314572800\r\n\r\n",
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n12c00000\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: ",
    ],
    ids=["length", "chunked", "header"],
)
def test_what_is_refused_takes_no_memory(served: tuple[int, int], head: bytes) -> None:
    process, port = served
    pour(port, head, 1)
    before = memory(process)
    pour(port, head, 300)
    assert memory(process) - before < 16 * 1024 * 1024


def test_three_hundred_who_do_not_finish_are_gone_after_a_while(served: tuple[int, int]) -> None:
    process, port = served
    halves = (b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for place, client in enumerate(clients):
        client.sendall(halves[place % 3])
    until(lambda: sockets(process) > 250)
    until(lambda: sockets(process) < 20)
    for client in clients:
        client.close()
