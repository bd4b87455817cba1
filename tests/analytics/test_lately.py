"""What happened lately is counted after the commit, each event and fact once, by its own time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.conf import LazySettings
from django.utils import timezone

from gamification.analytics import lately, sketches
from gamification.analytics.models import ActiveDay, Hour
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.messaging import outbox
from gamification.kernel.models import Event
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NOW = timezone.now().replace(minute=30, second=0, microsecond=0)
_numbers = count(1)


def play(player_id: str, at: datetime = NOW, type_: str = "foe.beaten") -> None:
    id_ = f"e{next(_numbers)}"
    Event.objects.create(player_id=player_id, event_id=id_, type=type_, data={}, timestamp=at, received_at=at)


def state(type_: FactType, at: datetime = NOW, **data: object) -> None:
    outbox.put([Fact(f"f{next(_numbers)}", "ann", type_, data, at)], at)


def follow() -> None:
    def done() -> bool:
        lately.follow(timezone.now())
        return lately.OF_EVENTS.behind() == lately.OF_FACTS.behind() == 0

    until(done)  # others write on this server, too


def test_events_are_counted_by_the_hour_they_are_of_and_once() -> None:
    play("ann")
    play("bob")
    play("ann", NOW - timedelta(hours=1))
    follow()
    follow()
    assert dict(Hour.objects.values_list("at", "events")) == {
        lately.hour_of(NOW): 2,
        lately.hour_of(NOW - timedelta(hours=1)): 1,
    }


def test_a_player_who_plays_all_day_is_one_player() -> None:
    noon = NOW.replace(hour=12) - timedelta(days=1)
    for hour in range(3):
        play("ann", noon + timedelta(hours=hour))
        play(f"player-{hour}", noon + timedelta(hours=hour))
    follow()
    [row] = ActiveDay.objects.all()
    assert row.by_hour == {"12": 2, "13": 3, "14": 4}
    play("late", noon)
    follow()
    row.refresh_from_db()
    assert row.by_hour["14"] == 5
    assert b"ann" not in bytes(row.sketch)


def test_what_was_unlocked_and_paid_is_read_off_the_facts() -> None:
    state(FactType.ACHIEVEMENT_COMPLETED)
    state(FactType.QUEST_COMPLETED)
    state(FactType.QUEST_STARTED)
    state(FactType.REWARD_CLAIMED, type="CURRENCY", currency="gold", value=10)
    state(FactType.REWARD_CLAIMED, type="CURRENCY", currency="gold", value=5)
    state(FactType.REWARD_CLAIMED, type="XP", currency=None, value=99)
    follow()
    [row] = Hour.objects.all()
    assert (row.completions, row.paid) == (2, {"gold": 15})


def test_nobody_is_active_by_what_the_service_states_itself() -> None:
    play("ann", type_="achievement.completed")
    follow()
    assert not Hour.objects.exists()
    assert not ActiveDay.objects.exists()


def test_what_is_long_past_is_neither_counted_nor_kept() -> None:
    play("ann", NOW - timedelta(days=60))
    follow()
    assert not Hour.objects.exists()
    Hour.objects.create(at=NOW - timedelta(days=60))
    ActiveDay.objects.create(day=(NOW - timedelta(days=60)).date())
    Hour.objects.create(at=NOW)
    lately.forget(timezone.now())
    assert (Hour.objects.count(), ActiveDay.objects.count()) == (1, 0)


def test_with_analytics_switched_off_nothing_is_counted(settings: LazySettings) -> None:
    settings.ENABLE_ANALYTICS = False
    play("ann")
    lately.follow(timezone.now())
    assert not Hour.objects.exists()


def test_an_hour_begins_by_the_deployments_clocks(settings: LazySettings) -> None:
    settings.PLAYER_TIME_ZONE = "Asia/Kolkata"  # half an hour off
    assert lately.hour_of(datetime(2026, 5, 1, 12, 10, tzinfo=UTC)) == datetime(2026, 5, 1, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize("players", [1, 100, 3_000, 50_000])
def test_a_sketch_is_near_whatever_the_order_and_however_often(players: int) -> None:
    ids = [f"player-{number}" for number in range(players)]
    sketch = sketches.add(sketches.add(b"", ids), reversed(ids))
    assert abs(sketches.count(sketch) - players) <= max(1, 0.05 * players)
    assert len(sketch) == sketches.REGISTERS
    assert sketches.count(b"") == 0
