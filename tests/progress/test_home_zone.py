"""The deployment's time zone has a history of its own: changing it farms nothing and breaks nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from achievements.models import Standing
from gamification import pipeline
from gamification.console.management.commands import doctor
from gamification.console.trouble import Trouble
from gamification.kernel.content import publishing
from progress import zones
from progress.models import HomeZone, Player, Tally
from progress.periods import PeriodKind, period
from progress.rules.tallies import load_runs
from progress.zones import Home
from rewards.models import Wallet
from tests.support.callers import game_server
from tests.support.content import achievement, event, live_in, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db

BERLIN, AUCKLAND = "Europe/Berlin", "Pacific/Auckland"
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def daily() -> None:
    publish(
        metric("logins", "login"),
        reward("coin"),
        achievement("daily", requirement("COUNT", "logins", 1), repeat="DAILY", rewards=["coin"]),
        achievement("in-a-row", requirement("STREAK", "logins", 6)),
    )


def play(*hours: float) -> None:
    """One login at each of these hours after Monday's beginning, as it happens."""
    for hour in hours:
        at = MONDAY + timedelta(hours=hour)
        one = event(f"e{hour}", type_="login")
        one.timestamp = at
        pipeline.process([one], now=at)


def test_a_change_of_the_deployments_zone_neither_pays_a_day_twice_nor_breaks_a_streak() -> None:
    live_in("UTC")
    daily()
    play(*(24 * day + 23.5 for day in range(5)))
    zones.record(BERLIN, MONDAY + timedelta(days=4, hours=23.6))
    play(5 * 24 + 23.5, 6 * 24 + 1)  # Saturday's period began by UTC; it ends at Berlin's midnight, on Sunday at 23:00
    assert Wallet.objects.get().balance == 6 * 5
    [tally] = Tally.objects.filter(scope="")
    assert [days for _, _, days in load_runs(tally.runs)] == [6]
    assert Standing.objects.filter(achievement_id="in-a-row", completed_at__isnull=False).exists()


def test_flipping_the_zone_at_every_start_farms_nothing() -> None:
    live_in("UTC")
    daily()
    for hour in range(48):
        play(hour)
        zones.record((AUCKLAND, "UTC")[hour % 2], MONDAY + timedelta(hours=hour))
    assert Wallet.objects.get().balance == 2 * 5


def test_every_process_goes_by_what_is_recorded_whatever_its_environment_says(settings: LazySettings) -> None:
    live_in("UTC")
    before = publishing.current()[Home]
    settings.PLAYER_TIME_ZONE = BERLIN
    assert publishing.current()[Home] == before
    assert game_server().get("/api/v1/players/ada").json()["timezone"] == "UTC"
    with pytest.raises(Trouble, match="TIME_ZONE is Europe/Berlin here, but UTC is recorded"):
        doctor.the_zone(0)
    call_command("migrate", verbosity=0)
    assert doctor.the_zone(0) == BERLIN
    assert game_server().get("/api/v1/players/ada").json()["timezone"] == BERLIN
    assert [name for _, name in publishing.current()[Home]] == ["UTC", BERLIN]


def test_recording_the_same_zone_again_changes_nothing() -> None:
    live_in(BERLIN)
    token = publishing.lock().token
    zones.record(BERLIN, MONDAY)
    assert (HomeZone.objects.count(), publishing.lock().token) == (1, token)


def test_who_chooses_a_zone_later_keeps_the_deployments_history_until_then() -> None:
    live_in("UTC")
    daily()
    play(1)
    zones.record(BERLIN, MONDAY + timedelta(hours=30))
    home = publishing.current()[Home]
    game_server().patch("/api/v1/players/ann", {"timezone": "Asia/Tokyo"})
    mine: Any = tuple(map(tuple, Player.objects.get().zones))
    assert [name for _, name in mine] == ["UTC", BERLIN, "Asia/Tokyo"]
    for hour in range(0, 200, 7):
        at = MONDAY + timedelta(hours=hour)
        assert period(PeriodKind.DAILY, mine, at) == period(PeriodKind.DAILY, home, at)
