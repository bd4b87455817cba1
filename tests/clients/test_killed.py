"""What a client was told to keep counts once, wherever its process is killed: around any call of the system in Node, at
any line in Python. Each kill is a process, which is what the seconds go to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from gamification.kernel.models import Event
from gamification.kernel.web.access import create_key
from tests.support.content import metric, publish
from tests.support.packages import PYTHON, TYPESCRIPT

pytestmark = pytest.mark.once

GAMES = Path(__file__).parent / "games"
GAMES_KILLED = 24
Kept = set[tuple[int, int]]


@pytest.fixture
def service(live_server: LiveServer, transactional_db: None) -> tuple[str, str]:
    publish(metric("kills"))
    return live_server.url, create_key("a game", ["events:write"])[1]


def kept(told: str) -> Kept:
    return {(int(game), int(n)) for game, n in (line.split() for line in told.splitlines())}


def assert_each_counted_once(told: Kept) -> None:
    counted = [
        (data["game"], data["n"]) for data in Event.objects.filter(player_id="killed").values_list("data", flat=True)
    ]
    assert len(counted) == len(set(counted))
    assert told <= set(counted)
    assert len(told) >= GAMES_KILLED


def test_in_python(service: tuple[str, str], tmp_path: Path) -> None:
    played = subprocess.run(
        [sys.executable, str(GAMES / "killed.py"), *service, str(tmp_path / "events.sqlite3")],
        env={**os.environ, "PYTHONPATH": str(PYTHON)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert played.returncode == 0, played.stderr
    assert int(played.stderr.split()[-2]) >= 20, played.stderr
    assert_each_counted_once(kept(played.stdout))


@pytest.mark.node
def test_in_node(service: tuple[str, str], tmp_path: Path) -> None:
    if not shutil.which("node"):
        pytest.skip("needs Node: apt-get install nodejs")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "gamification-client").symlink_to(TYPESCRIPT)
    shutil.copy(GAMES / "killed.mjs", tmp_path)
    told: Kept = set()
    for game in range(1, GAMES_KILLED + 1):
        told |= kept(played(tmp_path, service, game, 2 * game + 5, expected=-9))
    told |= kept(played(tmp_path, service, 0, 0, expected=0))
    assert list((tmp_path / "events").iterdir()) == []
    assert_each_counted_once(told)


def played(folder: Path, service: tuple[str, str], game: int, call: int, expected: int) -> str:
    done = subprocess.run(
        ["node", "--preserve-symlinks", "killed.mjs", *service, "events", str(game), str(call)],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == expected, done.stderr
    return done.stdout
