from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings

from anticheat.models import Finding
from gamification import clock
from gamification.celery import Steady, app
from gamification.feed.models import Message
from gamification.kernel.models import Event, Head, RejectedEvent
from progress.models import Player
from tests import rabbit, workers

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def chores(monkeypatch: pytest.MonkeyPatch) -> list[clock.Chore]:
    own: list[clock.Chore] = []
    monkeypatch.setattr(clock, "CHORES", own)
    return own


def keep_event(id_: str, at: datetime, state: int = Event.State.COUNTED) -> None:
    Event.objects.create(
        player_id="p", event_id=id_, type="t", data={}, timestamp=at, received_at=at, digest=b"", state=state
    )


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


def test_beat_goes_on_ticking_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = Steady(app)
    sent: list[str] = []
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, producer: sent.append(entry.name))
    monkeypatch.setattr(Steady, "producer", None)
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
import time; time.sleep(1.5)
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


@pytest.mark.django_db
def test_events_past_retention_go_and_the_cut_is_remembered(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    keep_event("old", NOW - timedelta(days=31))
    keep_event("old-but-held", NOW - timedelta(days=31), Event.State.HELD)
    keep_event("young", NOW - timedelta(days=29))
    clock.forget_events(NOW)
    assert set(Event.objects.values_list("event_id", flat=True)) == {"old-but-held", "young"}
    cut = Head.objects.get(pk=1).retention_cut
    assert cut == NOW - timedelta(days=30) - clock.CUT_MARGIN


@pytest.mark.django_db
def test_what_anti_cheat_found_goes_with_its_event_unless_nobody_has_decided(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    for days in (31, 29):
        for status in Finding.Status.values:
            at, id_ = NOW - timedelta(days=days), f"{status.lower()}-{days}"
            keep_event(id_, at, Event.State.HELD if status == "HELD" else Event.State.COUNTED)
            Finding.objects.create(
                player_id="p", event_id=id_, type="t", rule="r", status=status, timestamp=at, found_at=at
            )
    clock.forget_events(NOW)
    assert set(Finding.objects.filter(event_id__endswith="31").values_list("event_id", flat=True)) == {"held-31"}
    assert Finding.objects.filter(event_id__endswith="29").count() == 4


@pytest.mark.django_db
def test_refused_events_are_listed_for_thirty_days() -> None:
    for id_, days in (("old", 31), ("young", 29)):
        at = NOW - timedelta(days=days)
        RejectedEvent.objects.create(
            player_id="p", event_id=id_, type="t", code="id_reused", detail="", timestamp=NOW, rejected_at=at
        )
    clock.forget_rejected(NOW)
    assert RejectedEvent.objects.get().event_id == "young"


@pytest.mark.django_db
def test_a_longer_retention_later_does_not_take_the_cut_back(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    keep_event("old", NOW - timedelta(days=60))
    clock.forget_events(NOW)
    settings.EVENT_RETENTION_DAYS = 50
    keep_event("older", NOW - timedelta(days=70))
    clock.forget_events(NOW)
    assert not Event.objects.exists()
    assert Head.objects.get(pk=1).retention_cut == NOW - timedelta(days=30) - clock.CUT_MARGIN


@pytest.mark.django_db
def test_without_a_retention_every_event_stays(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 0
    keep_event("ancient", NOW - timedelta(days=9_000))
    clock.forget_events(NOW)
    assert Event.objects.count() == 1
    assert not Head.objects.filter(retention_cut__isnull=False).exists()


@pytest.mark.django_db
def test_the_newest_thousand_messages_of_thirty_days_stay() -> None:
    Player.objects.bulk_create([Player(player_id="loud", last_seq=1_003), Player(player_id="quiet", last_seq=2)])

    def message(player_id: str, seq: int, at: datetime) -> Message:
        return Message(player_id=player_id, seq=seq, type="t", data={}, timestamp=at, created_at=at)

    Message.objects.bulk_create(message("loud", seq, NOW) for seq in range(1, 1_004))
    Message.objects.bulk_create([message("quiet", 1, NOW - timedelta(days=31)), message("quiet", 2, NOW)])
    clock.forget_messages(NOW)
    assert list(Message.objects.filter(player_id="loud").order_by("seq").values_list("seq", flat=True)) == list(
        range(4, 1_004)
    )
    assert list(Message.objects.filter(player_id="quiet").values_list("seq", flat=True)) == [2]
