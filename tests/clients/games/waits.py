"""A service that asks for patience, and a game's own function that fails: calls end, and what is kept is sent."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gamification_client import AsyncGameServer, GameServer, Problem

asked: list[str] = []
taken: list[str] = []
retry_after = "3600"


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(self.path)
        self.answer(503, {"code": "unavailable"}, {"Retry-After": retry_after})

    def do_POST(self) -> None:
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["events"]
        taken.extend(event["id"] for event in events)
        bad = [index for index, event in enumerate(events) if event["id"] == "bad"]
        self.answer(202, {"rejected": [{"index": index, "code": "invalid", "detail": "It is bad."} for index in bad]})

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def mistake(item: dict[str, Any], code: str, detail: str) -> None:
    raise TypeError("a mistake of the game's")


def wait_for_one_more(before: int) -> None:
    while len(asked) == before:
        time.sleep(0.01)


def problem_of(game: GameServer) -> Problem:
    try:
        game.wallet("ann")
    except Problem as problem:
        return problem
    raise AssertionError("it was answered")


def main() -> None:
    global retry_after
    service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{service.server_port}"
    game = GameServer(address, "key", on_rejected=mistake)

    # Whoever is asked to wait for an hour is told so at once, be it in seconds or by a date.
    for said in ("3600", formatdate(time.time() + 3600, usegmt=True), "9" * 9):
        retry_after = said
        before = len(asked)
        assert (problem_of(game).retry_after or 0) > 3500
        assert len(asked) == before + 1

    # What makes no sense says nothing: it is tried again, and soon.
    for said in ("inf", "-5"):
        retry_after = said
        before = len(asked)
        assert problem_of(game).retry_after is None
        assert len(asked) == before + 4

    # A number that JSON has not is a mistake of whoever calls, and of nobody later.
    for value in (math.nan, math.inf):
        try:
            game.track("ann", "foe.beaten", {"deep": [{"damage": value}]})
        except ValueError:
            continue
        raise AssertionError("it was kept")

    # The game's own function fails when it hears of a refusal: the events behind are sent, and nothing is sent twice.
    for id_ in ("bad", "good"):
        game.track("ann", "foe.beaten", id=id_)
        game.flush()
    assert taken == ["bad", "good"], taken

    # A wait ends with the client.
    retry_after = "20"
    before = len(asked)
    waiting = threading.Thread(target=problem_of, args=[game])
    waiting.start()
    wait_for_one_more(before)
    began = time.monotonic()
    game.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert time.monotonic() - began < 5
    asyncio.run(with_asyncio(address))


async def with_asyncio(address: str) -> None:
    game = AsyncGameServer(address, "key", on_rejected=mistake)
    before = len(asked)
    waiting = asyncio.create_task(game.wallet("ann"))
    await asyncio.to_thread(wait_for_one_more, before)
    game.track("ann", "foe.beaten", id="bad")
    began = time.monotonic()
    await game.close()
    [problem] = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(problem, Problem)
    assert time.monotonic() - began < 5
    assert taken[-1] == "bad"


if __name__ == "__main__":
    main(*sys.argv[1:])
