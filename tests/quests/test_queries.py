"""A batch costs a fixed number of queries, whatever the number of players who are in quests, and of quests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from progress.models import Player
from quests.commands import StartQuest
from quests.models import Run
from tests.support.content import NOON, achievement, event, metric, pool, publish, quest, requirement, reward, step
from tests.support.queries import MAX_QUERIES, queries

pytestmark = pytest.mark.django_db


def content(quests: int) -> list[Change]:
    """Quests of every nature; most start themselves, so that half of their steps lie before every player."""
    target = {"type": "ACHIEVEMENT", "target": "first"}
    minute = {"duration": 1, "unit": "minutes"}
    return [
        metric("hits", value_field="hp", member_field="weapon"),
        metric("quests-done", "quest.completed"),
        reward("coin"),
        achievement("first", requirement("COUNT", "hits", 3)),
        achievement("questing", {"type": "QUEST", "target": "chain-a"}, rewards=["coin"]),
        achievement("finisher", requirement("COUNT", "quests-done", 2)),
        quest("chain-a", step("s", requirement("COUNT", "hits", 1), rewards=["coin"]), auto_start=True),
        quest(
            "chain-b", step("s", requirement("SUM", "hits", 1)), auto_start=True,
            requirements=[{"type": "QUEST", "target": "chain-a"}],
        ),
        quest("daily", step("s", requirement("COUNT", "hits", 2)), auto_start=True, repeat="DAILY", rewards=["coin"]),
        quest("veteran", step("s"), auto_start=True, requirements=[requirement("DISTINCT", "hits", 3)]),
        quest("burst", step("s", requirement("COUNT", "hits", 5, timeframe=minute)), auto_start=True),
        quest("waits", step("s", target), step("t", requirement("COUNT", "hits", 9), order=2), auto_start=True),
        quest("timed", step("s", requirement("COUNT", "hits", 900)), auto_start=True, time_limit=3600),
        quest("fragile", step("s"), fail_conditions=[requirement("MIN", "hits", 0, "lte")], auto_start=True),
        *(quest(f"q{i}", step("s", requirement("COUNT", "hits", i + 4)), auto_start=True) for i in range(quests)),
        pool("some", "daily", *(f"q{i}" for i in range(quests)), pick=max(1, quests // 2)),
    ]  # fmt: skip


def batch(name: str, players: int, turns: range, day: int = 0) -> list[GameEvent]:
    """So many events of each player; all players do the same."""
    return [
        event(f"{name}{turn}-{n}", f"{name}{n}", at=day * 86_400 + turn, hp=turn % 5, weapon=f"w{turn % 3}")
        for turn in turns
        for n in range(players)
    ]


def test_500_players_in_mid_quest_ask_no_more_queries_than_one() -> None:
    publish(*content(4))
    days_later = NOON + timedelta(days=2)
    asked = []
    for name, players in (("a", 1), ("b", 500)):
        asked.append(
            [
                queries(batch(name, players, range(2))),
                queries(batch(name, players, range(2, 4))),
                queries(batch(name, players, range(2), day=2), now=days_later),
            ]
        )
    assert Run.objects.filter(status="IN_PROGRESS", player_id__startswith="b").count() > 1500
    assert Run.objects.filter(status="EXPIRED", quest_id="timed").count() == 501
    assert asked[1] == asked[0]
    assert max(asked[1]) <= MAX_QUERIES + 4


def test_40_quests_ask_no_more_queries_than_4() -> None:
    publish(*content(4))
    queries(batch("a", 5, range(10)))
    few = queries(batch("a", 5, range(10, 20)))
    publish(*content(40))
    Player.objects.update(backfilled_to=10_000)
    queries(batch("b", 7, range(10)))
    assert queries(batch("b", 7, range(10, 20))) <= few


def test_runs_on_many_older_versions_ask_one_query_more() -> None:
    publish(metric("hits"))
    for version in range(1, 9):
        publish(quest("hunt", step("s", requirement("COUNT", "hits", 90 + version))))
        bus.handle(StartQuest(player_id=f"p{version}", quest_id="hunt"), actor=SYSTEM, now=NOON)
    newest = queries([event("e", "p8", at=1)], now=NOON + timedelta(seconds=5))
    publish(metric("other"))
    older = queries([event("e", f"p{n}", at=1) for n in range(1, 8)], now=NOON + timedelta(seconds=5))
    assert older == newest + 1
    assert pipeline.process([event("f", "p1", at=2)], now=NOON + timedelta(seconds=5)).accepted == 1
