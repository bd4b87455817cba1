"""Home: what waits for this person, what somebody should see to, and today beside last week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from anticheat.models import Finding
from gamification.analytics.models import ActiveDay, Hour
from gamification.console import figures
from gamification.kernel.models import Event, Release
from gamification.kernel.web.access import create_key
from progress.models import Backfill, LeftOut
from tests.support.authoring import achievement, coins, designer, metric, quest, send
from tests.support.console_forms import logged_in, of_achievement, requirement

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 30, 10, 30, tzinfo=UTC)


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("keeper", rewards=["ten-coins"]))
    send(designer(), "quests", quest())


def waits(client: Client, part: str = "for_somebody") -> list[str]:
    return [each.what for each in client.get("/admin/").context[part]]


def held(number: int) -> None:
    now = timezone.now()
    for each in range(number):
        Finding.objects.create(
            player_id="ann", event_id=f"e{each}", type="foe.beaten", rule="slow-down", timestamp=now, found_at=now
        )


@pytest.mark.usefixtures("game")
def test_a_draft_waits_for_whoever_saved_it_last(client: Client) -> None:
    mia = logged_in(client, "mia", "designers")
    mia.post("/admin/achievements/achievement/add/", of_achievement(requirement()))
    [waiting] = mia.get("/admin/").context["for_you"]
    assert waiting.what == "Hunter"
    assert "a draft of yours that was never published" in waiting.detail
    assert waiting.address == "/admin/achievements/achievement/hunter/change/"
    other = logged_in(Client(), "max", "designers")
    assert waits(other, "for_you") == []
    assert "Achievements not published as they stand" in waits(other)


def test_held_events_wait_for_those_who_decide_them(client: Client) -> None:
    held(3)
    [waiting] = logged_in(client, "rae", "reviewers").get("/admin/").context["for_somebody"]
    assert (waiting.what, waiting.count) == ("Held events", "3")
    assert waits(logged_in(Client(), "ana", "analysts")) == []


def test_a_backfill_that_failed_and_who_was_left_out_are_said(client: Client) -> None:
    Backfill.objects.create(publication=1, state=Backfill.State.FAILED)
    LeftOut.objects.create(player_id="ann", backfilled_to=0, reason="too much", tried_at=timezone.now())
    found = waits(logged_in(client, "sue", "support"))
    assert found == ["Backfills that failed", "Players whose past could not be counted"]


@pytest.mark.usefixtures("game")
def test_an_event_type_that_nothing_listens_to_is_said_to_who_designs(client: Client) -> None:
    now = timezone.now()
    for number, type_ in enumerate(
        ["enemy.killed", "enemy.kiled", "enemy.kiled", "achievement.completed", "metrics.reported"]
    ):
        Event.objects.create(
            player_id="ann", event_id=f"e{number}", type=type_, data={}, timestamp=now, received_at=now
        )
    [waiting] = [each for each in logged_in(client, "mia", "designers").get("/admin/").context["for_somebody"]
                 if "listens" in each.what]  # fmt: skip
    assert (waiting.what, waiting.detail.split()[0]) == ("Nothing listens to enemy.kiled", "2")
    assert not any("listens" in what for what in waits(logged_in(Client(), "sue", "support")))


def test_a_key_that_ends_soon_is_for_whoever_may_rotate_it(admin_client: Client, client: Client) -> None:
    create_key("shard 1", [], timezone.now() + timedelta(days=3))
    assert any("shard 1" in what for what in waits(admin_client))
    assert waits(logged_in(Client(), "mia", "designers")) == []


# -- figures -----------------------------------------------------------------------------------------------------------


def hours(day: datetime, **counts: Any) -> None:
    for hour in range(24):
        Hour.objects.create(at=day.replace(hour=hour, minute=0), **counts)


def test_today_stands_beside_the_same_time_of_last_week() -> None:
    hours(MONDAY - timedelta(days=7), events=60, completions=10, paid={"salt": 100})
    for hour in range(11):
        Hour.objects.create(at=MONDAY.replace(hour=hour, minute=0), events=90, completions=5, paid={"salt": 150})
    ActiveDay.objects.create(day=MONDAY.date(), by_hour={"3": 40, "10": 90})
    ActiveDay.objects.create(day=(MONDAY - timedelta(days=7)).date(), by_hour={"9": 100, "23": 900})
    found = figures.figures(MONDAY)
    said = {figure.label: (figure.value, figure.beside) for figure in found.figures}
    assert said == {
        "Events a minute today": ("1.6", "+50 % on this time last Monday"),
        "Players active today": ("90", "−10 % on this time last Monday"),  # noqa: RUF001 - a minus
        "Unlocks today": ("55", "−50 % on this time last Monday"),  # noqa: RUF001 - a minus
        "Salt paid today": ("1,650", "+50 % on this time last Monday"),
    }
    assert [bar.count for bar in found.bars] == [0] * 6 + [240] + [0] * 6 + [55]
    assert [bar.is_today for bar in found.bars] == [False] * 13 + [True]


def test_before_anything_was_played_it_says_so() -> None:
    found = figures.figures(MONDAY)
    assert {figure.value for figure in found.figures} == {"0"}
    assert len(found.bars) == figures.DAYS


def test_a_day_is_that_of_the_deployments_zone(settings: LazySettings) -> None:
    settings.PLAYER_TIME_ZONE = "Pacific/Auckland"
    Hour.objects.create(at=datetime(2026, 11, 29, 12, tzinfo=UTC), completions=3)  # 01:00 there, on the 30th
    assert figures.figures(MONDAY.replace(hour=1)).bars[-1].count == 3


@pytest.mark.usefixtures("game")
def test_home_is_read_in_a_fixed_number_of_queries(admin_client: Client) -> None:
    held(50)
    hours(MONDAY, events=1)
    admin_client.get("/admin/")
    with CaptureQueriesContext(connection) as captured:
        assert admin_client.get("/admin/").status_code == 200
    assert len(captured) <= 25, [query["sql"][:80] for query in captured]


def test_without_analytics_home_has_no_figures(admin_client: Client, settings: LazySettings) -> None:
    settings.ENABLE_ANALYTICS = False
    assert admin_client.get("/admin/").context["lately"] is None


def test_a_release_waits_for_whoever_has_to_approve_it(client: Client, settings: LazySettings) -> None:
    settings.REVIEWS_REQUIRED = 1
    designer().post("/api/v1/metrics", metric(draft=True))
    mia, tom = logged_in(client, "mia", "designers"), logged_in(Client(), "tom", "designers")
    mia.post("/admin/progress/metric/kills/release/", {"title": "Autumn"})
    chosen = {"_selected_action": [str(Release.objects.get().pk)]}
    mia.post("/admin/kernel/release/", {"action": "submit_selected", **chosen})
    assert "for your approval" not in mia.get("/admin/").content.decode()
    assert "1 piece that mia put together asks for your approval" in tom.get("/admin/").content.decode()
    tom.post("/admin/kernel/release/", {"action": "approve_selected", **chosen})
    assert "for your approval" not in tom.get("/admin/").content.decode()
    tom.post("/admin/kernel/release/", {"action": "schedule_selected", "publish_at": "2099-01-02T03:04", **chosen})
    assert "goes live 02 Jan 03:04 UTC" in mia.get("/admin/").content.decode()
