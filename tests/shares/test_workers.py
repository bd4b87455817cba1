"""Workers as processes, each with shares of its own: one that is killed is replaced, none waits for another's lock."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from gamification.kernel.messaging import topology
from gamification.kernel.models import Event, ShareLease, WorkerHeartbeat
from gamification.kernel.storage import shares
from tests.support import rabbit, workers
from tests.support.content import achievement, metric, publish, requirement
from tests.support.receiving import happened, publish_to, send, waiting
from tests.support.sharing import everywhere, one_of_each, player_of

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("exchange")]

not_on_citus = pytest.mark.skipif(bool(os.environ.get("CITUS_HOST")), reason="the coordinator sees no lock of a node")


def holders() -> list[int]:
    """How many shares each worker holds, whose lease has not run out."""
    held = [lease.worker for lease in ShareLease.objects.all() if lease.worker]
    return sorted(held.count(worker) for worker in set(held))


def counted(*event_ids: str) -> int:
    return len(everywhere(Event.objects.filter(event_id__in=event_ids)))


@contextmanager
def two_workers(tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """Each holds half of the shares. The first, and the other's log."""
    with (
        workers.own_tasks() as own,
        workers.running(tmp_path / "a", own) as first,
        workers.running(tmp_path / "b", own),
    ):
        rabbit.until(lambda: holders() == [settings.SHARES // 2] * 2, seconds=180)
        yield first, tmp_path / "b"


def test_a_worker_that_is_killed_is_replaced_and_each_player_s_facts_keep_their_order(tmp_path: Path) -> None:
    names = [f"a{n}" for n in range(1, 9)]
    publish(metric("kills"), *(achievement(name, requirement("COUNT", "kills", n)) for n, name in enumerate(names, 1)))
    players, told = one_of_each(), [f"e{n}" for n in range(8)]
    with rabbit.Listener("achievement.completed") as listener, two_workers(tmp_path) as (first, log):
        for event_id in told[:4]:
            send([happened(event_id, player) for player in players])
        rabbit.until(lambda: counted(*told[:4]) > 0, seconds=60)
        first.send_signal(signal.SIGKILL)  # with what it had in hand
        began = time.monotonic()
        for event_id in told[4:]:
            send([happened(event_id, player) for player in players])
        rabbit.until(lambda: counted(*told) == 8 * len(players), seconds=30)
        took = time.monotonic() - began
        heard: dict[str, list[str]] = {player: [] for player in players}
        while min(map(len, heard.values())) < 8:  # a fact may come twice: it is the first time that counts
            [fact] = listener.bodies(1)
            names_of = heard[fact["subject"]]
            names_of += [fact["data"]["id"]] if fact["data"]["id"] not in names_of else []
        assert took < 10, f"{took:.1f} s\n{log.read_text()}"
        assert heard == dict.fromkeys(players, names)
        assert "Traceback" not in log.read_text()
        assert WorkerHeartbeat.objects.count() == 2


@contextmanager
def lock_waits() -> Iterator[Counter[str]]:
    """Who waits for a lock of which kind in this database, as often as a look at `pg_stat_activity` finds them.

    Without two that no batch waits for: advisory locks, by which processes agree on who acts as a follower, and the
    row of a metric and day, to which each adds its samples once a batch has committed.
    """
    found: Counter[str] = Counter()
    stopped = threading.Event()

    def look() -> None:
        with connection.cursor() as cursor:
            while not stopped.is_set():
                cursor.execute(
                    "SELECT wait_event || ' ' || left(query, 80) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND wait_event <> 'advisory' AND query NOT LIKE '%metricday%'"
                    " AND datname = current_database()"
                )
                found.update(row[0] for row in cursor.fetchall())
                time.sleep(0.002)
        connection.close()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        stopped.set()
        looking.join()


def by_zipf(events: int) -> list[str]:
    """Whose each event is: the busiest of a share has every ninth of it, as players of a game do."""
    dice = random.Random(7)
    crowd = [player_of(share, nth) for nth in range(50) for share in shares.every()]
    return dice.choices(crowd, [1 / (1 + place // settings.SHARES) for place in range(len(crowd))], k=events)


@not_on_citus
def test_workers_of_different_shares_wait_for_no_lock(tmp_path: Path) -> None:
    publish(metric("kills"), achievement("one", requirement("COUNT", "kills", 20)))
    players = by_zipf(6_000)
    with two_workers(tmp_path), lock_waits() as waits:
        for start in range(0, len(players), 200):
            of_shares = shares.by_share(enumerate(players[start : start + 200], start), lambda each: each[1])
            for share, part in of_shares.items():
                publish_to(f"game.event.{share}", [happened(f"z{n}", player) for n, player in part])
        events = Event.objects.filter(event_id__startswith="z")
        rabbit.until(lambda: sum(shares.each(events.count)) == len(players), seconds=120)
    assert not waits, waits
    assert [waiting(topology.events_of(share).name) for share in shares.every()] == [0] * settings.SHARES


@not_on_citus
def test_who_does_wait_for_a_player_is_seen() -> None:
    """That the test before can fail."""
    player = player_of(1)
    with shares.of(player), connection.cursor() as cursor:
        cursor.execute("INSERT INTO progress_erasedplayer (hash, erased_at, erased_by) VALUES ('h', now(), '')")

    def locked() -> None:
        with shares.of(player), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM progress_erasedplayer FOR UPDATE")
        connection.close()

    with lock_waits() as waits:
        with shares.of(player), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM progress_erasedplayer FOR UPDATE")
            other = threading.Thread(target=locked)
            other.start()
            rabbit.until(lambda: waits)
        other.join()
