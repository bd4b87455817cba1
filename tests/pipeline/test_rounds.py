"""What a batch causes, round by round, and what waits for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from achievements.models import ProgressMark
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import Finding, Rule
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event
from progress.models import MetricDay, Player, Tally
from rewards.models import Wallet
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward
from tests.support.playing import DAY, completed, count, kills, process

pytestmark = pytest.mark.django_db


def hold_rule(**fields: Any) -> None:
    Rule.objects.create(**{"name": "greed", "kind": "VALUE_RANGE", "metric_id": "loot", "maximum": 100, **fields})


@pytest.fixture
def loot() -> None:
    """Loot over 100 is held."""
    from progress.models import Metric

    publish(metric("loot", "loot.found", value_field="gold"), achievement("rich", requirement("SUM", "loot", 150)))
    Metric.objects.create(id="loot", name="loot", event_type="loot.found", value_field="gold")
    hold_rule()


# -- rounds ------------------------------------------------------------------------------------------------------------


def chain(length: int) -> list[Any]:
    links: list[Any] = [metric("kills"), achievement("l00", requirement("COUNT", "kills", 1))]
    for n in range(1, length):
        listens = [{"field": "id", "op": "eq", "value": f"l{n - 1:02}"}]
        links += [
            metric(f"m{n:02}", "achievement.completed", conditions=listens),
            achievement(f"l{n:02}", requirement("COUNT", f"m{n:02}", 1)),
        ]
    return links


def test_own_events_form_the_next_round_and_bear_the_time_of_their_cause() -> None:
    publish(
        metric("kills"), metric("done", "achievement.completed"),
        achievement("one", requirement("COUNT", "kills", 1)), achievement("two", requirement("COUNT", "kills", 2)),
        achievement("both", requirement("COUNT", "done", 2)), achievement("all", requirement("COUNT", "done", 3)),
    )  # fmt: skip
    outcome = process(*kills(9, step=10))
    assert completed() == [("one", "0", 0), ("all", "0", 10), ("both", "0", 10), ("two", "0", 10)]
    assert outcome.metrics["ann"]["done"]["count"] == 4


def test_own_events_are_kept_under_ids_of_their_own() -> None:
    publish(metric("kills"), achievement("one", requirement("COUNT", "kills", 1)))
    process(event("a", at=7))
    own = Event.objects.get(type="achievement.completed")
    assert own.event_id.startswith("~")
    assert len(own.event_id) <= 64
    assert own.timestamp == NOON + timedelta(seconds=7)
    assert own.data == {"id": "one", "type": "MILESTONE", "category": "GENERAL", "points": 10}
    process(event("b", at=8))
    assert Event.objects.filter(event_id__startswith="~").count() == 1


def test_a_cascade_of_eight_rounds_runs_to_its_end() -> None:
    publish(*chain(8))
    assert process(event("a")).held == {}
    assert len(completed()) == 8


def test_what_a_longer_cascade_leaves_is_held_and_goes_on_when_released() -> None:
    publish(*chain(12))
    outcome = process(event("a", at=3))
    assert [id_ for id_, _, _ in completed()] == [f"l{n:02}" for n in range(8)]
    [held] = Finding.objects.filter(status="HELD")
    assert (held.rule, held.type) == ("cascade", "achievement.completed")
    assert outcome.held == {"ann": [held.event_id]}
    assert Event.objects.get(event_id=held.event_id).state == Event.State.HELD
    assert count("m08") == 0
    bus.handle(ReleaseEvent(finding_id=held.pk), actor=SYSTEM, now=NOON + timedelta(hours=1))
    assert completed()[8:] == [(f"l{n:02}", "0", 3) for n in range(8, 12)]
    assert Event.objects.filter(state=Event.State.HELD).count() == 0


def test_an_endless_loop_of_rewards_stops() -> None:
    publish(
        metric("kills"), metric("paid", "reward.claimed"), reward("coin"),
        achievement("one", requirement("COUNT", "kills", 1), rewards=["coin"]),
        achievement("loop", requirement("COUNT", "paid", 1), repeat="ALWAYS", rewards=["coin"]),
    )  # fmt: skip
    process(event("a"))
    assert Wallet.objects.get().balance == 8 * 5
    held = Finding.objects.get()
    assert (held.rule, held.type, held.values) == ("cascade", "reward.claimed", {"rounds": 8})


# -- held events -------------------------------------------------------------------------------------------------------


def loot_event(id_: str, gold: int | None, at: float = 0) -> GameEvent:
    return GameEvent(id_, "ann", "loot.found", {"gold": gold}, NOON + timedelta(seconds=at))


@pytest.mark.usefixtures("loot")
def test_a_held_event_leaves_no_trace() -> None:
    outcome = process(loot_event("a", 500))
    assert (outcome.accepted, outcome.held, outcome.facts, outcome.metrics) == (1, {"ann": ["a"]}, [], {})
    assert completed() == []
    assert not Tally.objects.exists()
    assert not MetricDay.objects.exists()
    assert not ProgressMark.objects.exists()
    assert Event.objects.get().state == Event.State.HELD
    assert process(loot_event("a", 500)).duplicates == 1


@pytest.mark.usefixtures("loot")
def test_a_released_event_counts_with_its_own_timestamp() -> None:
    process(loot_event("a", 500, at=-DAY), loot_event("b", 10))
    finding = Finding.objects.get()
    assert finding.rule == "greed"
    bus.handle(ReleaseEvent(finding_id=finding.pk), actor=SYSTEM, now=NOON + timedelta(hours=1))
    assert completed() == [("rich", "0", -DAY)]
    assert Tally.objects.get(scope="").latest == 10
    assert Event.objects.get(event_id="a").state == Event.State.COUNTED
    assert process(loot_event("a", 500, at=-DAY)).duplicates == 1
    assert Tally.objects.get(scope="").sum == 510


@pytest.mark.usefixtures("loot")
def test_a_dismissed_event_never_counts() -> None:
    process(loot_event("a", 500))
    bus.handle(DismissEvent(finding_id=Finding.objects.get().pk), actor=SYSTEM, now=NOON)
    process(loot_event("a", 500))
    assert completed() == []
    assert not Tally.objects.exists()


@pytest.mark.usefixtures("loot")
@override_settings(ENABLE_ANTI_CHEAT=False)
def test_without_anti_cheat_everything_passes() -> None:
    assert process(loot_event("a", 500)).held == {}
    assert completed() == [("rich", "0", 0)]


def test_the_events_of_a_banned_player_are_held() -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    Player.objects.create(player_id="ann", banned=True, backfilled_to=99)
    outcome = process(event("a"), event("b", "bob"))
    assert outcome.held == {"ann": ["a"]}
    assert (completed("ann"), completed("bob")) == ([], [("first", "0", 0)])
    assert Finding.objects.get().rule == "banned"


@pytest.mark.usefixtures("loot")
def test_an_event_without_a_value_is_no_sample_and_noted_in_the_metrics_health() -> None:
    outcome = process(loot_event("a", None), loot_event("b", 5))
    assert outcome.metrics["ann"]["loot"]["count"] == 1
    day = MetricDay.objects.get()
    assert (day.samples, day.no_value) == (1, 1)
