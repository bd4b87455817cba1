"""Several batches in one transaction come to what they come to one after the other, each in its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from achievements.models import ProgressMark
from anticheat.models import Rule
from gamification import pipeline
from gamification.kernel.content.publishing import Change, Unpublishable
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent, Outcome
from gamification.players.erasing import tables
from progress.models import MetricDay, Player
from tests.support.any_quests import QUESTS, quests
from tests.support.content import NOON, achievement, event, level, metric, publish, quest, requirement, reward, step
from tests.support.made_up import METRICS, achievements, data
from tests.support.playing import undone
from tests.support.queries import MAX_QUERIES, queries_of

pytestmark = pytest.mark.django_db

GAME = [
    *METRICS,
    metric("hard", "hit", value_field="v", conditions=[{"field": "v", "op": "gt", "value": 2}]),
    metric("finished", "quest.completed", member_field="id"),
    metric("unlocked", "achievement.completed", member_field="id"),
    reward("coin"),
    reward("chest", value=7, claim="MANUAL"),
    reward("wisdom", "XP", 60),
    level(1, 0),
    level(2, 100, "coin"),
    level(3, 150),
    quest("q0", step("a", requirement("COUNT", "hits", 1)), rewards=["coin"], auto_start=True),
    achievement("first", requirement("COUNT", "hits", 2), rewards=["coin"]),
    achievement("second", requirement("COUNT", "finished", 2), rewards=["wisdom"]),
    achievement("hero", {"type": "QUEST", "target": "q0"}, requirement("COUNT", "runs", 1), rewards=["wisdom"]),
]
RULES = [
    {"name": "too-hard", "kind": "VALUE_RANGE", "metric_id": "hits", "maximum": 7},
    {"name": "too-many", "kind": "MAX_PER_WINDOW", "event_type": "run", "maximum": 3, "seconds": 3600},
    {"name": "too-soon", "kind": "COOLDOWN", "event_type": "rest", "seconds": 60, "action": "FLAG"},
]
Batches = list[list[GameEvent]]


# -- whatever is sent --------------------------------------------------------------------------------------------------


@st.composite
def streams(draw: st.DrawFn) -> Batches:
    """Batches about few players, of few ids, close to each other in time: so much of it is about the same."""
    found: Batches = []
    ids = st.integers(0, 25).map(lambda n: f"e{n}")
    for _ in range(draw(st.integers(3, 8))):
        batch = []
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
            at = NOON - timedelta(seconds=draw(st.sampled_from([0, 1, 30, 61, 600, 5000, 90_000, 200_000])))
            type_ = draw(st.sampled_from(["hit", "hit", "hit", "run", "run", "rest"]))
            player = draw(st.sampled_from(["ann", "ann", "bob", "cid"]))
            batch.append(GameEvent(draw(ids), player, type_, draw(data), at))
        found.append(batch)
    return found


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(achievements(most=5), st.tuples(*map(quests, QUESTS[1:])), streams())
def test_any_batches_come_to_what_they_come_to_one_by_one(
    content: list[Change], more: tuple[Change, ...], batches: Batches
) -> None:
    """The first of them, half a day ago: what it began may be over by now."""
    together = played(pipeline.process_each, [*content, *more], batches)
    assert together == played(one_by_one, [*content, *more], batches)


def one_by_one(batches: Batches, *, now: Any) -> list[Outcome]:
    return [pipeline.process(batch, now=now) for batch in batches]


def played(process: Callable[..., list[Outcome]], content: Sequence[Change], batches: Batches) -> dict[str, Any]:
    """What each batch came to, and what stands in the tables afterwards, in a game with this content."""
    with undone("Europe/Berlin"):
        publish(*GAME, now=NOON - timedelta(days=30))
        for change in content:
            try:
                publish(change, now=NOON - timedelta(days=30))
            except Unpublishable:
                continue
        Rule.objects.bulk_create(Rule(**fields) for fields in RULES)
        Player.objects.create(player_id="cid", banned=True, backfilled_to=10_000, created_at=NOON)
        copies = [[GameEvent(e.id, e.player_id, e.type, e.data, e.timestamp) for e in batch] for batch in batches]
        pipeline.process(copies[0], now=NOON - timedelta(hours=12))
        outcomes = process(copies[1:], now=NOON)
        found: dict[str, Any] = {"outcomes": [told(outcome) for outcome in outcomes]}
        kept: list[type[models.Model]] = [*tables(), MetricDay]
        return found | {model.__name__: rows(model) for model in kept}


def told(outcome: Outcome) -> dict[str, Any]:
    return {
        "fresh": [(e.player_id, e.id) for e in outcome.fresh],
        "repeated": [(e.player_id, e.id) for e in outcome.repeated],
        "refused": [(e.player_id, e.id, code) for e, code, _ in outcome.refused],
        "facts": [(fact.player_id, fact.id, fact.type, fact.data, instant(fact.timestamp)) for fact in outcome.facts],
        "metrics": dict(outcome.metrics),
        "held": outcome.held,
    }


def rows(model: type[models.Model]) -> list[str]:
    """The rows in the order in which they were written where that has a meaning; their own numbers do not."""
    numbered = [f.attname for f in model._meta.concrete_fields if isinstance(f, models.AutoField | models.BigAutoField)]
    names = [f.attname for f in model._meta.concrete_fields if f.attname not in numbered]
    found = [repr(row) for row in model._default_manager.order_by(*numbered).values_list(*names)]
    return found if model.__name__ == "OutboxFact" else sorted(found)


# -- sentence by sentence ----------------------------------------------------------------------------------------------


def process_each(*batches: Sequence[GameEvent]) -> list[Outcome]:
    return pipeline.process_each(batches, now=NOON)


def kinds(outcome: Outcome) -> list[str]:
    return [fact.type for fact in outcome.facts]


def test_each_batch_is_told_the_facts_that_its_own_events_caused() -> None:
    publish(metric("kills"), achievement("two", requirement("COUNT", "kills", 2)))
    first, second, third = process_each([event("a")], [event("b")], [event("c")])
    assert [kinds(first), kinds(second), kinds(third)] == [[], ["achievement.completed"], []]


def test_each_batch_is_told_the_metrics_as_they_were_after_it() -> None:
    publish(metric("kills"), metric("chests", "chest.opened"))
    first, second = process_each([event("a")], [event("b", type_="chest.opened"), event("c")])
    assert {name: each["count"] for name, each in first.metrics["ann"].items()} == {"kills": 1}
    assert {name: each["count"] for name, each in second.metrics["ann"].items()} == {"kills": 2, "chests": 1}


def test_batches_count_in_the_order_in_which_they_are_given_whatever_their_timestamps() -> None:
    publish(metric("kills", value_field="n"), achievement("low", requirement("MIN", "kills", 1, "lte"), repeat="NEVER"))
    late, early = process_each([event("late", at=10, n=1)], [event("early", at=0, n=1)])
    assert (kinds(late), kinds(early)) == (["achievement.completed"], [])


def test_an_event_that_comes_again_in_a_later_batch_is_a_duplicate_there() -> None:
    publish(metric("kills"))
    first, again, other = process_each([event("a")], [event("a"), event("b")], [event("a", n=2)])
    assert [(each.accepted, each.duplicates, len(each.refused)) for each in (first, again, other)] == [
        (1, 0, 0),
        (1, 1, 0),
        (0, 0, 1),
    ]


def test_what_is_held_is_named_to_the_batch_that_it_came_in() -> None:
    publish(metric("kills"))
    Rule.objects.create(name="pace", kind="COOLDOWN", event_type="enemy.killed", seconds=60)
    first, second = process_each([event("a"), event("b", at=1)], [event("c", at=2)])
    assert (first.held, second.held) == ({"ann": ["b"]}, {"ann": ["c"]})


def test_a_quarter_is_marked_as_it_was_read_after_the_batch_that_reached_it() -> None:
    publish(metric("kills"), achievement("eight", requirement("COUNT", "kills", 8)))
    process_each([event("a", at=1), event("b", at=2)], [event("c", at=3), event("d", at=4)])
    marks = ProgressMark.objects.order_by("quarter").values_list("quarter", "progress", "at")
    assert list(marks) == [(1, 0.25, NOON + timedelta(seconds=2)), (2, 0.5, NOON + timedelta(seconds=4))]


def test_what_a_cascade_that_was_too_long_left_unsaid_is_known_to_the_next_batch() -> None:
    publish(
        metric("kills"),
        metric("done", "achievement.completed"),
        achievement("a0", requirement("COUNT", "kills", 1)),
        *(achievement(f"a{n}", requirement("COUNT", "done", n)) for n in range(1, 12)),
        quest("q", step("s", {"type": "ACHIEVEMENT", "target": "a7"}), auto_start=True),
    )
    first, second = process_each([event("a")], [event("b")])
    assert "quest.completed" not in kinds(first)
    assert kinds(second) == ["quest.advanced", "quest.completed"]


def test_a_run_whose_time_is_up_ends_with_the_first_batch_about_its_player() -> None:
    publish(metric("kills"), quest("q", step("s", requirement("COUNT", "kills", 9)), auto_start=True, time_limit=60))
    pipeline.process([event("a", "bob", at=-600)], now=NOON - timedelta(seconds=600))
    outcomes = process_each([event("a", at=-1000)], [event("b", "bob", at=-1000)], [event("c", "bob", at=-1000)])
    assert [kinds(outcome) for outcome in outcomes] == [[], ["quest.expired"], []]


def test_fifty_batches_ask_no_more_queries_than_one() -> None:
    publish(*GAME)
    one = queries_of(lambda: process_each([event(f"a{n}", f"a{n}", type_="hit") for n in range(50)]))
    many = queries_of(lambda: process_each(*([event(f"b{n}", f"b{n}", type_="hit")] for n in range(50))))
    assert many <= one <= MAX_QUERIES
