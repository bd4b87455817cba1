"""A backup that is taken while players play, restored into another database, is whole: what was acknowledged before it
began is there, what is sent again counts where it did not, and the two databases come to the same.

The commands are those of docs/operators.md.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from gamification import pipeline
from gamification.intake import handover
from gamification.intake.decoding import decode
from gamification.kernel.core.encoding import dumps, instant
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.messaging import broker
from tests.support import workers
from tests.support.content import NOON, event
from tests.support.rabbit import Listener
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

PLAYERS = ("ann", "bob", "cid")


GAME = {
    "currencies": [{"id": "coins"}],
    "rewards": [{"id": "purse", "type": "CURRENCY", "value": 5, "currency": "coins", "claim": "AUTO"}],
    "metrics": [{"id": "kills", "event_type": "enemy.killed"}],
    "achievements": [
        {
            "id": "third",
            "title": "Three more",
            "requirements": [{"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3}],
            "rewards": ["purse"],
            "repeat": "ALWAYS",
        }
    ],
}


@pytest.fixture(autouse=True)
def game(tmp_path: Path) -> None:
    """Whoever has killed three more is given coins, again and again."""
    (tmp_path / "game.json").write_text(dumps(GAME))
    call_command("load_content", tmp_path / "game.json", stdout=StringIO())


class Play:
    """A thread that lets events count, one batch after the other, and notes which are acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[GameEvent] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Play:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            batch = [event(f"e{number}", player, at=number) for player in PLAYERS]
            pipeline.process(batch, now=timezone.now())
            self.acknowledged += batch
            number += 1
        connection.close()


def back_up(to: Path) -> None:
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(connection.settings_dict["NAME"])) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy, pages=50)  # as sqlite3's `.backup`, which copies while others write
    else:
        run("pg_dump", "--format=custom", f"--file={to}", database=str(connection.settings_dict["NAME"]))


@contextmanager
def restored(backup: Path) -> Iterator[dict[str, str]]:
    """The environment of a service on another database, made of the backup."""
    if connection.vendor == "sqlite":
        yield environment(str(backup))
        return
    name = f"{connection.settings_dict['NAME']}_restored"
    with psycopg.connect(**reaching("postgres"), autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={name}", str(backup), database=name)
            yield environment(name)
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def reaching(database: str) -> dict[str, Any]:
    named = connection.settings_dict
    return {"host": named["HOST"], "port": named["PORT"], "user": named["USER"], "dbname": database}


def run(program: str, *arguments: str, database: str) -> None:
    there = reaching(database)
    env = {**os.environ, "PGHOST": str(there["host"]), "PGPORT": str(there["port"]), "PGUSER": there["user"]}
    found = shutil.which(program) or program
    done = subprocess.run(
        [found, *arguments], env=env | {"PGDATABASE": database}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def environment(database: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("RABBITMQ_URL", "REDIS_HOST")}
    return {**kept, "DB_NAME": database}


def manage(*arguments: str, env: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


STATE = """
import json, django
django.setup()
from achievements.models import Standing
from gamification.kernel.models import Event
from rewards.models import Wallet, Distribution
print(json.dumps({
    "events": sorted(each for each in Event.objects.values_list("player_id", "event_id") if each[1][0] != "~"),
    "wallets": sorted(Wallet.objects.values_list("player_id", "balance")),
    "given": sorted(map(str, Distribution.objects.values_list("id", flat=True))),
    "completed": Standing.objects.filter(completed_at__isnull=False).count(),
}))
"""


def state(env: dict[str, str]) -> dict[str, Any]:
    env = {**env, "DJANGO_SETTINGS_MODULE": "gamification.settings"}
    done = subprocess.run(
        [sys.executable, "-c", STATE], cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def shown(event: GameEvent) -> dict[str, Any]:
    """As a game server sends it."""
    at = instant(event.timestamp)
    return {"id": event.id, "player_id": event.player_id, "type": event.type, "data": event.data, "timestamp": at}


def counted(database: str) -> int:
    """How many events of game servers are in it."""
    with psycopg.connect(**reaching(database)) as there:
        [count] = there.execute("SELECT count(*) FROM kernel_event WHERE event_id NOT LIKE '~%'").fetchone() or [0]
        return int(count)


def ids(events: list[GameEvent]) -> set[tuple[str, str]]:
    return {(each.player_id, each.id) for each in events}


def test_a_backup_under_play_is_whole_and_what_is_sent_again_counts_once(tmp_path: Path) -> None:
    with Play() as play:
        until(lambda: len(play.acknowledged) > 30)
        before = list(play.acknowledged)
        back_up(tmp_path / "backup")
        after = len(play.acknowledged)
        until(lambda: len(play.acknowledged) > after + 30)
    with restored(tmp_path / "backup") as there:
        assert "All of it adds up." in manage("check_invariants", env=there)
        kept = {tuple(each) for each in state(there)["events"]}
        assert ids(before) <= kept < ids(play.acknowledged)
        lines = [dumps(shown(each)) for each in play.acknowledged]
        (tmp_path / "events.jsonl").write_text("\n".join(lines))
        said = manage("import_events", str(tmp_path / "events.jsonl"), env=there)
        assert f"{len(play.acknowledged) - len(kept)} accepted, {len(kept)} duplicates" in said
        assert "All of it adds up." in manage("check_invariants", env=there)
        assert state(there) == state(environment(str(connection.settings_dict["NAME"])))


@pytest.mark.postgres
@pytest.mark.rabbitmq
def test_what_waited_in_rabbitmq_counts_in_the_restored_database(exchange: str, tmp_path: Path) -> None:
    """Some of it had counted before the backup and is in the queue still: its acknowledgement was lost, say."""
    batch = [event(f"e{number}", player) for number in range(5) for player in PLAYERS]
    pipeline.process(batch[:6], now=NOON)
    lines = [
        {"id": e.id, "player_id": e.player_id, "type": e.type, "data": {}, "timestamp": instant(NOON)} for e in batch
    ]
    with Listener():  # which declares the queues
        assert handover.hand_over(decode(dumps({"events": lines}).encode(), now=timezone.now()))
        broker.stop()
    run("pg_dump", "--format=custom", f"--file={tmp_path / 'backup'}", database=str(connection.settings_dict["NAME"]))
    with restored(tmp_path / "backup") as there, workers.own_tasks() as own:
        with workers.running(tmp_path / "log", own, DB_NAME=there["DB_NAME"]):
            until(lambda: counted(there["DB_NAME"]) == len(batch), seconds=180)
        assert state(there)["wallets"] == [[player, 5] for player in PLAYERS]
        assert "All of it adds up." in manage("check_invariants", env=there)
