from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from gamification import clock
from gamification.celery import MonotonicScheduler, app
from gamification.kernel.core import liveness
from gamification.kernel.models import Event
from tests.support import rabbit, workers

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def chores(monkeypatch: pytest.MonkeyPatch) -> list[clock.Chore]:
    own: list[clock.Chore] = []
    monkeypatch.setattr(clock, "CHORES", own)
    return own


def keep_event(id_: str, at: datetime, state: int = Event.State.COUNTED) -> None:
    Event.objects.create(player_id="p", event_id=id_, type="t", data={}, timestamp=at, received_at=at, state=state)


def test_a_chore_runs_when_it_is_due_and_not_before(chores: list[clock.Chore]) -> None:
    ran: list[datetime] = []
    chores.append(clock.Chore("note the time", 10, ran.append))
    for second in range(25):
        clock.tick(NOW + timedelta(seconds=second))
    assert ran == [NOW, NOW + timedelta(seconds=10), NOW + timedelta(seconds=20)]


def test_a_chore_that_fails_is_logged_and_keeps_no_other_from_running(
    chores: list[clock.Chore], caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[datetime] = []

    def fail(now: datetime) -> None:
        raise RuntimeError("no")

    chores += [clock.Chore("fail", 1, fail), clock.Chore("note the time", 1, ran.append)]
    clock.tick(NOW)
    clock.tick(NOW + timedelta(seconds=1))
    assert len(ran) == 2
    assert [record.getMessage() for record in caplog.records] == ["could not fail"] * 2


def test_waking_runs_the_backfills_at_once(chores: list[clock.Chore]) -> None:
    ran: list[datetime] = []
    chores.append(clock.Chore("backfills", 60, ran.append))
    clock.tick(NOW)
    clock.wake()
    clock.tick(NOW + timedelta(milliseconds=1))
    assert len(ran) == 2


def test_a_clock_set_back_does_not_stop_the_chores(chores: list[clock.Chore]) -> None:
    ran: list[datetime] = []
    chores.append(clock.Chore("note the time", 10, ran.append))
    clock.tick(NOW)
    clock.tick(NOW - timedelta(days=1))
    assert ran == [NOW, NOW - timedelta(days=1)]


def test_beat_is_not_stuck_while_it_waits_for_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_due", None)
    due: list[float | None] = []
    monkeypatch.setattr(MonotonicScheduler, "producer", property(lambda _: due.append(liveness._due)))
    scheduler = MonotonicScheduler(app)
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, producer: None)
    scheduler.tick()
    assert due == [None]
    assert liveness._due is not None


def test_beat_goes_on_ticking_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = MonotonicScheduler(app)
    sent: list[str] = []
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, producer: sent.append(entry.name))
    monkeypatch.setattr(MonotonicScheduler, "producer", None)
    monkeypatch.setitem(app.conf.beat_schedule["tick"], "schedule", 0.05)
    for hours in (0, -1, 1, 0):
        with time_machine.travel(NOW + timedelta(hours=hours)):
            before = len(sent)
            deadline = time.perf_counter() + 5
            while len(sent) < before + 3:
                assert time.perf_counter() < deadline, "it does not tick"
                scheduler.tick()
    assert set(sent) == {"tick"}


BEAT_ALONE = """
from celery.beat import Scheduler
scheduler = Scheduler(app)
for _ in range(5):
    scheduler.apply_entry(scheduler.schedule["tick"], producer=scheduler.producer)
import time
longer_than_a_tick_is_good_for = 1.5
time.sleep(longer_than_a_tick_is_good_for)
"""


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
def test_ticks_that_no_worker_took_in_time_leave_no_dead_letters(exchange: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with workers.own_tasks() as own, workers.running(log, own, BEAT_ALONE), rabbit.channel() as channel:

        def holds(queue: str) -> Any:
            return channel.queue_declare(f"{exchange}.{queue}", passive=True).message_count

        rabbit.until(lambda: "clock.tick" in log.read_text() and "succeeded" in log.read_text(), seconds=60)
        assert (holds("ticks"), holds("tasks"), holds("tasks.dead")) == (0, 0, 0)
    assert log.read_text().count("succeeded") == 1


@pytest.mark.django_db
def test_the_real_chores_run_on_an_empty_database(caplog: pytest.LogCaptureFixture) -> None:
    for chore in clock.CHORES:
        chore.due = None
    clock.tick(NOW)
    assert caplog.records == []
