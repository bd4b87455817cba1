"""The worker as a process: told to stop, killed, or killed by what it reads."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from gamification.kernel.messaging import topology
from tests.support import rabbit, workers
from tests.support.letters import deadletters
from tests.support.playing import count
from tests.support.receiving import happened, parked, send, waiting

pytestmark = [pytest.mark.rabbitmq, pytest.mark.django_db(transaction=True)]


def test_a_worker_that_is_told_to_stop_finishes_what_it_holds_and_leaves(kills: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    send(*[[happened(f"e{n}-{i}") for i in range(50)] for n in range(40)])
    with workers.running(log) as worker:
        rabbit.until(lambda: count() > 0, seconds=60)
        worker.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert worker.wait(timeout=30) == 0, log.read_text()
        assert time.monotonic() - began < 30
    counted = count()
    assert counted % 50 == 0
    assert waiting() * 50 + counted == 2_000  # what was counted was acknowledged, the rest is there
    with workers.running(log):
        rabbit.until(lambda: count() == 2_000, seconds=60)
    assert parked() == {}


KILLED_BEFORE_ACK = """
from gamification.intake.worker import Receiver
Receiver._acknowledge = lambda self, batch: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_killed_between_commit_and_acknowledgement_counts_once(kills: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    send(*[happened(f"e{i}") for i in range(20)])
    with workers.running(log, KILLED_BEFORE_ACK) as worker:
        assert worker.wait(timeout=60) == -signal.SIGKILL
    assert count() > 0
    rabbit.until(lambda: waiting() == 20)
    with workers.running(log) as worker:
        rabbit.until(lambda: waiting() == 0 and count() == 20, seconds=60)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
    assert (waiting(), count(), parked()) == (0, 20, {})


KILLER = """
from gamification import pipeline
process = pipeline.process
def fatal(events, **options):
    if any(event.id == "killer" for event in events):
        os.kill(os.getpid(), signal.SIGKILL)
    return process(events, **options)
pipeline.process = fatal
"""


def test_an_event_that_kills_its_worker_is_parked_at_last_and_takes_nobody_along(
    kills: None, tmp_path: Path, exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "DELIVERY_LIMIT", 3)  # each time takes a worker's life
    fewer = """
from gamification.kernel.messaging import topology
from gamification.intake import worker
topology.DELIVERY_LIMIT, worker.SUSPECT_AFTER = 3, 1
"""
    log = tmp_path / "worker.log"
    send(*[happened(f"e{i}") for i in range(10)], happened("killer"), *[happened(f"f{i}") for i in range(10)])
    lives = 0
    while waiting(topology.dead().name) == 0:
        lives += 1
        assert lives < 12, log.read_text()[-2000:]
        with workers.running(log, fewer, KILLER) as worker:
            rabbit.until(lambda: worker.poll() is not None or waiting(topology.dead().name) > 0, seconds=60)
    with workers.running(log, fewer, KILLER):
        rabbit.until(lambda: count() == 20, seconds=60)
    assert [json.loads(body)["id"] for body in parked()] == ["killer"]
    assert "delivery_limit" in deadletters("list")
