"""What is deleted because it has had its time, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session

from achievements.models import Standing
from anticheat.models import Finding, StatisticalFinding
from gamification import pipeline, retention
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import Event, PublicationHead, RejectedEvent
from progress.models import Backfill, MemberSeen, Player, Tally, WindowSample
from quests.commands import AbandonQuest, StartQuest
from quests.models import Run
from quests.reading import HISTORY, ShownQuests
from tests.support.content import achievement, event, metric, publish, quest, requirement, step

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = {"duration": 1, "unit": "minutes"}


def keep_event(id_: str, at: datetime, state: int = Event.State.COUNTED) -> None:
    Event.objects.create(player_id="p", event_id=id_, type="t", data={}, timestamp=at, received_at=at, state=state)


def play(id_: str, at: datetime, **data: Any) -> None:
    one = event(id_, **data)
    one.timestamp = at
    pipeline.process([one], now=at)


# -- events and what is about them -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_events_past_retention_go_and_the_cut_is_remembered(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    keep_event("old", NOW - timedelta(days=31))
    keep_event("old-but-held", NOW - timedelta(days=31), Event.State.HELD)
    keep_event("young", NOW - timedelta(days=29))
    retention.forget_events(NOW)
    assert set(Event.objects.values_list("event_id", flat=True)) == {"old-but-held", "young"}
    cut = PublicationHead.objects.get(pk=1).retention_cut
    assert cut == NOW - timedelta(days=30) - retention.CUT_MARGIN


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
    retention.forget_events(NOW)
    assert set(Finding.objects.filter(event_id__endswith="31").values_list("event_id", flat=True)) == {"held-31"}
    assert Finding.objects.filter(event_id__endswith="29").count() == 4


@pytest.mark.django_db
def test_what_was_found_of_how_somebody_played_goes_with_the_events_of_that_day(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    for days in (31, 29):
        at = NOW - timedelta(days=days)
        keep_event(f"{days}", at)
        StatisticalFinding.objects.create(player_id="p", rule="pace", day=at.date(), found_at=at)
    retention.forget_events(NOW)
    assert StatisticalFinding.objects.get().found_at == NOW - timedelta(days=29)


@pytest.mark.django_db
def test_refused_events_are_listed_for_thirty_days() -> None:
    for id_, days in (("old", 31), ("young", 29)):
        at = NOW - timedelta(days=days)
        RejectedEvent.objects.create(
            player_id="p", event_id=id_, type="t", code="id_reused", detail="", timestamp=NOW, rejected_at=at
        )
    retention.forget_rejected(NOW)
    assert RejectedEvent.objects.get().event_id == "young"


@pytest.mark.django_db
def test_a_longer_retention_later_does_not_take_the_cut_back(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 30
    keep_event("old", NOW - timedelta(days=60))
    retention.forget_events(NOW)
    settings.EVENT_RETENTION_DAYS = 50
    keep_event("older", NOW - timedelta(days=70))
    retention.forget_events(NOW)
    assert not Event.objects.exists()
    assert PublicationHead.objects.get(pk=1).retention_cut == NOW - timedelta(days=30) - retention.CUT_MARGIN


@pytest.mark.django_db
def test_without_a_retention_every_event_stays(settings: LazySettings) -> None:
    settings.EVENT_RETENTION_DAYS = 0
    keep_event("ancient", NOW - timedelta(days=9_000))
    retention.forget_events(NOW)
    assert Event.objects.count() == 1
    assert not PublicationHead.objects.filter(retention_cut__isnull=False).exists()


@pytest.mark.django_db
def test_the_newest_thousand_messages_of_thirty_days_stay() -> None:
    Player.objects.bulk_create([Player(player_id="loud", last_seq=1_003), Player(player_id="quiet", last_seq=2)])

    def message(player_id: str, seq: int, at: datetime) -> Message:
        return Message(player_id=player_id, seq=seq, type="t", data={}, timestamp=at, created_at=at)

    Message.objects.bulk_create(message("loud", seq, NOW) for seq in range(1, 1_004))
    Message.objects.bulk_create([message("quiet", 1, NOW - timedelta(days=31)), message("quiet", 2, NOW)])
    retention.forget_messages(NOW)
    assert list(Message.objects.filter(player_id="loud").order_by("seq").values_list("seq", flat=True)) == list(
        range(4, 1_004)
    )
    assert list(Message.objects.filter(player_id="quiet").values_list("seq", flat=True)) == [2]


# -- window samples ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_samples_go_that_no_window_can_hold_by_the_players_newest_not_by_the_clock() -> None:
    publish(metric("kills"), achievement("burst", requirement("COUNT", "kills", 9, timeframe=MINUTE)))
    memory = timedelta(days=35, minutes=1)
    for id_, before in (("older", memory + timedelta(seconds=1)), ("old", memory), ("newest", timedelta())):
        play(id_, NOW - before)
    retention.forget_window_samples(NOW + timedelta(days=400))
    assert set(WindowSample.objects.values_list("event_id", flat=True)) == {"old", "newest"}


@pytest.mark.django_db
def test_samples_of_a_metric_go_that_no_time_frame_asks_for_any_more() -> None:
    burst = achievement("burst", requirement("COUNT", "kills", 9, timeframe=MINUTE))
    publish(metric("kills"), burst)
    play("a", NOW)
    retention.forget_window_samples(NOW)
    assert WindowSample.objects.count() == 1
    publish(achievement("burst", requirement("COUNT", "kills", 9)))
    retention.forget_window_samples(NOW)
    assert WindowSample.objects.count() == 0


# -- periods -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("held", [False, True], ids=["none held", "one held"])
def test_what_was_counted_in_periods_goes_once_no_event_can_reach_them(settings: LazySettings, held: bool) -> None:
    publish(
        metric("kinds", member_field="kind"),
        achievement("five", requirement("DISTINCT", "kinds", 5), repeat="DAILY"),
        achievement("one", requirement("COUNT", "kinds", 1), repeat="DAILY"),
        achievement("burst", requirement("COUNT", "kinds", 3, timeframe=MINUTE), repeat="DAILY"),
    )
    past, young = NOW - timedelta(days=100), NOW - timedelta(days=20)
    play("old", past, kind="a")
    play("young", young, kind="a")
    if held:
        keep_event("held", past, Event.State.HELD)
        Event.objects.filter(event_id="held").update(player_id="ann")
    kept = [model._default_manager.count() for model in (Tally, MemberSeen, Standing)]
    retention.forget_periods(NOW)  # as long as every event is kept, so are they
    assert [model._default_manager.count() for model in (Tally, MemberSeen, Standing)] == kept
    settings.EVENT_RETENTION_DAYS = 30
    retention.forget_events(NOW)
    retention.forget_periods(NOW)
    left = {scope.partition("#")[2][:10] for scope in Tally.objects.values_list("scope", flat=True)}
    assert left == {"", f"{young:%Y-%m-%d}"} | ({f"{past:%Y-%m-%d}"} if held else set())
    assert MemberSeen.objects.count() == (2 if held else 1)
    assert Standing.objects.filter(achievement_id="one", completed_at__isnull=False).count() == 2
    assert Standing.objects.filter(achievement_id="burst").count() == (2 if held else 1)


# -- closed runs -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_closed_runs_that_are_shown_stay_and_the_last_completed_one() -> None:
    publish(metric("kills"), quest("hunt", step("one", requirement("COUNT", "kills", 1)), repeat="ALWAYS"))
    for n in range(HISTORY + 5):
        bus.handle(StartQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOW + timedelta(minutes=n))
        if n in (0, 2):
            play(f"e{n}", NOW + timedelta(minutes=n, seconds=30))
        else:
            bus.handle(AbandonQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOW + timedelta(minutes=n))
    shown = ShownQuests("ann", NOW, only="hunt").of("hunt")
    retention.forget_runs(NOW)
    assert set(Run.objects.values_list("run", flat=True)) == {3, *range(5, HISTORY + 6)}
    assert ShownQuests("ann", NOW, only="hunt").of("hunt") == shown


# -- the rest ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_backfills_go_after_a_while_but_for_the_newest_of_a_publication() -> None:
    old = NOW - timedelta(days=91)
    for number in (1, 2):
        Backfill.objects.create(publication=number, state="DONE", finished_at=old)
    Backfill.objects.create(preview={"id": "x"}, state="DONE", finished_at=old)
    Backfill.objects.create(preview={"id": "y"}, state="FAILED", finished_at=old)
    retention.forget_jobs(NOW)
    assert [(job.publication, job.state) for job in Backfill.objects.order_by("pk")] == [(2, "DONE"), (0, "FAILED")]


@pytest.mark.django_db
def test_sessions_at_the_console_go_when_they_have_ended() -> None:
    for key, days in (("ended", -1), ("open", 1)):
        Session.objects.create(session_key=key, session_data="", expire_date=NOW + timedelta(days=days))
    retention.forget_sessions(NOW)
    assert Session.objects.get().session_key == "open"


@pytest.mark.django_db
def test_more_than_one_bite_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 3)
    for n in range(10):
        at = NOW - timedelta(days=31 if n % 3 else 1)
        RejectedEvent.objects.create(
            player_id="p", event_id=str(n), type="t", code="too_old", detail="", timestamp=NOW, rejected_at=at
        )
    retention.forget_rejected(NOW)
    assert set(RejectedEvent.objects.values_list("event_id", flat=True)) == {"0", "3", "6", "9"}
