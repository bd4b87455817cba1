"""Whoever counts or sends may be killed anywhere: the figures are the same, and the sink misses nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings
from django.utils import timezone

from gamification.analytics import following, sinking
from gamification.analytics.logs import OF_EVENTS
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import outbox
from gamification.kernel.messaging.followers import FACTS
from tests.support import figures, game
from tests.support.content import NOON
from tests.support.killing import kill_again_and_again
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

FOLLOWING = """
from django.utils import timezone
from gamification.analytics import following
following.PAGE, following.TIME_SLICE = 2, 60.0

def turn():
    following.follow(timezone.now())
"""
SENDING = """
from gamification.analytics import sinking
sinking.BATCH = 3

def turn():
    sinking.send_all()
"""
SINK = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
file, port, left, before = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "before"

class Sink(BaseHTTPRequestHandler):
    def do_POST(self):
        global left
        left -= 1
        said = self.rfile.read(int(self.headers["Content-Length"]))
        if not left and before:
            os.kill(os.getpid(), signal.SIGKILL)
        with open(file, "ab") as out:
            out.write(said + b"\\n")
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", port), Sink)
print("ready", flush=True)
server.serve_forever()
"""


def follow_the_rest() -> None:
    def is_followed() -> bool:
        following.follow(timezone.now())
        return following.is_done()

    until(is_followed)


def test_a_follower_that_is_killed_twenty_times_comes_to_the_same_figures() -> None:
    game.make()
    assert kill_again_and_again(FOLLOWING, times=20, most=60) == 20
    assert OF_EVENTS.cursor() > 0
    follow_the_rest()
    grown = {key: n for key, n in figures.grown().items() if not key[3].startswith(("seconds ", "played "))}
    assert grown == {key: n for key, n in figures.obvious().items() if n}


class Sink:
    """A process that takes what is posted, and is killed at its nth batch: before it is on disk, or before it is
    answered."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "got"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None

    def start(self, dies_at: int = 0, *, before: bool = False) -> None:
        self.stop()
        line = [sys.executable, "-c", SINK, str(self.file), str(self.port), str(dies_at), "before" if before else ""]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    @property
    def got(self) -> list[tuple[str, str]]:
        """(id of the message, its content), in order."""
        batches = [json.loads(line)["batch"] for line in self.file.read_text().splitlines()]
        return [(each["messageId"], json.dumps(each)) for batch in batches for each in batch]


@pytest.fixture
def sink(tmp_path: Path, settings: LazySettings) -> Iterator[Sink]:
    found = Sink(tmp_path)
    settings.ANALYTICS_SINK_URL = f"http://127.0.0.1:{found.port}/batch"
    settings.ANALYTICS_SINK_FORMAT = "segment"
    yield found
    found.stop()


def state(facts: int) -> list[str]:
    ids = [f"~f{number}" for number in range(facts)]
    outbox.put([Fact(id_, "ann", FactType.ACHIEVEMENT_COMPLETED, {"id": id_}, NOON) for id_ in ids], NOON)
    until(lambda: FACTS.horizon.look()[0] >= (FACTS.rows.values_list("pk", flat=True).last() or 0))
    return ids


def send_the_rest() -> None:
    def is_sent() -> bool:
        sinking.send_all()
        return not sinking.SINK.behind()

    until(is_sent)


def assert_all_is_there(sink: Sink, ids: list[str]) -> None:
    """Each, in order, and what came twice is the same message."""
    seen = dict.fromkeys(id_ for id_, _ in sink.got)
    assert list(seen) == ids
    assert len(set(sink.got)) == len(ids)


def test_a_sender_that_is_killed_misses_nothing(sink: Sink, settings: LazySettings) -> None:
    sink.start()
    ids = state(60)
    where = {"ANALYTICS_SINK_URL": settings.ANALYTICS_SINK_URL, "ANALYTICS_SINK_FORMAT": "segment"}
    assert kill_again_and_again(SENDING, times=8, most=20, **where) == 8
    assert kill_again_and_again(SENDING, times=8, most=2, at="UPDATE", **where) == 8  # as it notes what has arrived
    send_the_rest()
    assert_all_is_there(sink, ids)
    assert len(sink.got) > len(ids)  # some were killed before they could note what had arrived


def test_a_sink_that_is_killed_misses_nothing(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinking, "BATCH", 3)
    ids = state(30)
    for dies_at, before in ((1, True), (2, False), (1, False), (3, True)):
        sink.start(dies_at, before=before)
        with pytest.raises(httpx.HTTPError):
            sinking.send_all()
        with pytest.raises(httpx.HTTPError):  # nobody is there
            sinking.send_all()
    sink.start()
    send_the_rest()
    assert_all_is_there(sink, ids)
    assert len(sink.got) == len(ids) + 6  # two batches were on disk, and not answered
