"""A game whose own functions and whose file fail now and then, and that begins nothing by `with`: what it was told is
kept is sent all the same.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gamification_client import AsyncGameServer, DiskQueue, GameServer, Player

EXPECTED = 3
taken: list[str] = []
proxied: list[str] = []
all_taken = threading.Event()


class Service(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "metrics" in body and not proxied:
            proxied.append("report")
            self.send_error(404)  # a page of a proxy, for a moment
            return
        taken.extend(event["id"] for event in body.get("events", ()))
        if "metrics" in body:
            taken.append("report")
        # Events have ids of their own; a report takes its id from the key.
        assert ("Idempotency-Key" in self.headers) == ("metrics" in body), body
        answer = b'{"rejected": []}'
        self.send_response(202)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        if len(taken) >= EXPECTED:
            all_taken.set()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main(folder: str) -> None:
    service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{service.server_port}"

    tokens = iter([None, "good"])

    def token() -> str:
        given = next(tokens, "good")
        if given is None:
            raise KeyError("token")  # the game's own server answered something else
        return given

    def on_trouble(problem: Exception) -> None:
        raise TypeError(f"a mistake in the game, when it heard of {problem!r}")

    game = GameServer(address, "key", queue=Path(folder) / "events.sqlite3")
    game.track("ann", "enemy.killed", id="e-1")
    with Player(address, token, on_trouble=on_trouble) as me:
        me.report("walker", {"steps": 5})
        asyncio.run(with_asyncio(address))
    game.close()
    keep_through_a_locked_file(Path(folder) / "locked.sqlite3")


async def with_asyncio(address: str) -> None:
    game = AsyncGameServer(address, "key")
    game.track("ann", "enemy.killed", id="e-2")
    assert await asyncio.to_thread(all_taken.wait, 10), taken
    await game.close()


def keep_through_a_locked_file(file: Path) -> None:
    queue, other = DiskQueue(file, timeout=0.05), sqlite3.connect(file, isolation_level=None)
    queue.add({"n": 1})
    other.execute("BEGIN IMMEDIATE")
    try:
        queue.remove([1])
    except sqlite3.OperationalError:
        pass
    else:
        raise AssertionError("it was not locked")
    other.execute("ROLLBACK")
    queue.add({"n": 2})
    assert other.execute("SELECT count(*) FROM item").fetchone() == (2,)
    queue.remove([1])
    assert [item for _, item in queue.first(10, 1000)] == [{"n": 2}]
    queue.close()
    other.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
