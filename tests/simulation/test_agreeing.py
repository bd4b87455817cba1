"""Whatever designers write and games report, a simulation says beforehand what processing the events then says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import achievements.reading
import quests.reading
from anticheat.models import Rule
from gamification import pipeline
from gamification.intake import answering
from gamification.kernel.content.publishing import Change, Unpublishable
from gamification.kernel.core.messages import GameEvent
from gamification.players import profile
from gamification.simulation.simulating import Simulation, simulate
from progress.models import Metric, Tally
from progress.serializers import show_tally
from rewards import queries
from tests.support.any_quests import BEGINNING, lines
from tests.support.any_quests import quests as any_quests
from tests.support.content import achievement, level, metric, publish, quest, requirement, reward, step
from tests.support.made_up import METRICS, START, batches, histories
from tests.support.made_up import achievements as any_achievements
from tests.support.playing import undone

pytestmark = pytest.mark.django_db

NOW = max(START, BEGINNING) + timedelta(days=10)
OTHERS = [
    metric("hard", "hit", value_field="v", conditions=[{"field": "v", "op": "gt", "value": 2}]),
    metric("finished", "quest.completed", member_field="id"),
    metric("unlocked", "achievement.completed", member_field="id"),
    metric("paid", "reward.claimed", value_field="value"),
    reward("coin"),
    reward("chest", value=7, claim="MANUAL"),
    reward("wisdom", "XP", 60),
    reward("luck", "RANDOM", 0, table=[{"reward": "coin", "weight": 1}, {"reward": "wisdom", "weight": 2}]),
    level(1, 0),
    level(2, 100, "coin"),
    level(3, 150, "wisdom"),
    quest("q0", step("a", requirement("COUNT", "hits", 2), rewards=["coin"]), auto_start=True, repeat="DAILY"),
    achievement("first", requirement("COUNT", "hits", 2), rewards=["luck"]),
    achievement("second", requirement("COUNT", "finished", 2), rewards=["wisdom"]),
    achievement("hero", {"type": "QUEST", "target": "q0"}, requirement("COUNT", "runs", 1)),
]


def shown(player_id: str) -> dict[str, Any]:
    """What the player's own routes show."""
    now = NOW
    whole: Any = {"state": None, "for_player": False}
    tallies = Tally.objects.filter(player_id=player_id, scope="").order_by("metric_id")
    return {
        "metrics": [show_tally(row) for row in tallies],
        "achievements": achievements.reading.rows(player_id, now, **whole),
        "quests": quests.reading.rows(player_id, now, **whole),
        "wallet": queries.wallet(player_id),
        "inventory": queries.inventory(player_id),
        "statistics": profile.show(player_id)["statistics"],
    }


def rewarded(content: Sequence[Change], lines: Sequence[list[str]]) -> list[Change]:
    return [
        replace(change, definition={**(change.definition or {}), "rewards": rewards})
        for change, rewards in zip(content, lines, strict=False)
    ]


def is_published(changes: Sequence[Change]) -> bool:
    try:
        publish(*changes, now=START)
    except Unpublishable:
        return False
    return True


def events_of(batch: Sequence[Any], after: timedelta) -> list[GameEvent]:
    return [GameEvent(each.id, "ann", each.type, dict(each.data), each.at + after) for each in batch]


@settings(max_examples=200, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(
    any_achievements(),
    st.lists(lines(), min_size=7, max_size=7),
    st.lists(st.sampled_from(["q1", "q2"]).flatmap(any_quests), max_size=4),
    batches(histories(size=20)),
    st.booleans(),
    st.sampled_from(["UTC", "Pacific/Auckland", "America/Los_Angeles"]),
)
def test_a_simulation_says_what_processing_then_says(
    content: list[Change],
    paying: list[list[str]],
    quests: list[Change],
    arriving: list[list[Any]],
    is_screened: bool,
    zone: str,
) -> None:
    """Twice the players' own routes are asked, too: what they show is what it began and ended with."""
    with undone(zone):
        publish(*METRICS, *OTHERS, now=START)
        if not is_published(rewarded(content, paying)):
            return
        for each in quests:
            is_published([replace(each, definition={**(each.definition or {}), "auto_start": True})])
        if is_screened:
            Metric.objects.get_or_create(pk="hits", defaults={"name": "hits", "event_type": "hit"})
            Rule.objects.create(name="few", kind="MAX_PER_WINDOW", metric_id="hits", maximum=9, seconds=86_400)
        after = NOW - START - timedelta(days=8)
        for batch in arriving:
            events = events_of(batch, after)
            said = simulate(Simulation(player_id="ann", events=events_of(batch, after), now=NOW, drafts="none"))
            assert said["before"] == shown("ann")
            outcome = pipeline.process(events, now=NOW)
            assert said["results"] == {"ann": answering.result(outcome, "ann")}
            assert said["after"] == shown("ann")
            own = [fact for step in said["steps"] for fact in step["facts"]]
            assert [fact for fact in said["results"]["ann"]["facts"] if fact not in own] == [
                fact for fact in said["results"]["ann"]["facts"] if fact["type"] == "quest.expired"
            ]
