"""Workers as processes, each with shares of its own: one that is killed is replaced."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gamification.kernel.models import Event, ShareLease, WorkerHeartbeat
from tests.support import rabbit, workers
from tests.support.content import achievement, metric, publish, requirement
from tests.support.receiving import happened, send
from tests.support.sharing import everywhere, one_of_each

pytestmark = [pytest.mark.rabbitmq, pytest.mark.usefixtures("exchange")]


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
