"""A batch costs a fixed number of queries: whatever its size, its players, the content, or the rounds it causes."""

from datetime import timedelta

import pytest

from achievements.models import Standing
from gamification.kernel.content.publishing import Change
from gamification.kernel.core.messages import GameEvent
from progress.models import Player
from tests.support.content import NOON, achievement, event, level, metric, publish, requirement, reward
from tests.support.queries import MAX_QUERIES, queries

pytestmark = pytest.mark.django_db


def everything(achievements: int = 10) -> list[Change]:
    """Every kind of requirement, repeat and reward."""
    hits = "hits"
    minute = {"duration": 1, "unit": "minutes"}
    return [
        metric(hits, value_field="hp", member_field="weapon"),
        metric("done", "achievement.completed"),
        metric("paid", "reward.claimed", member_field="id"),
        reward("coin"),
        reward("sword", "ITEM", 0, items=[{"id": "sword", "type": "weapon", "quantity": 1, "metadata": {}}]),
        reward("lesson", "XP", 60),
        level(1, 0),
        level(2, 50, "coin"),
        level(3, 5000, "coin"),
        *(achievement(f"n{i}", requirement("COUNT", hits, i + 1), rewards=["coin"]) for i in range(achievements)),
        achievement("sum", requirement("SUM", hits, 5), rewards=["lesson", "sword"]),
        achievement("weapons", requirement("DISTINCT", hits, 2), rewards=["coin"]),
        achievement("burst", requirement("COUNT", hits, 2, timeframe=minute)),
        achievement("streak", requirement("STREAK", hits, 2)),
        achievement("daily", requirement("COUNT", hits, 2), repeat="DAILY", rewards=["coin"]),
        achievement("always", requirement("COUNT", hits, 3), repeat="ALWAYS", rewards=["coin"]),
        achievement("low", requirement("LATEST", hits, 1, "lte"), requirement("COUNT", hits, 3)),
        achievement("after", prerequisites=["sum"]),
        achievement("collector", requirement("COUNT", "done", 3), rewards=["coin"]),
        achievement("rich", requirement("DISTINCT", "paid", 2)),
    ]


def batch(name: str, size: int, players: int = 1, day: int = 0) -> list[GameEvent]:
    return [
        event(f"{name}{i:04}", f"{name}{i % players}", at=day * 86400 + i, hp=i % 5, weapon=f"w{i % 3}")
        for i in range(size)
    ]


def test_a_batch_of_500_asks_no_more_queries_than_a_batch_of_5():
    publish(*everything())
    small = queries(batch("a", 5))
    large = queries(batch("b", 500))
    assert large <= small + 1  # five events reach less, and so leave a table or two alone
    assert queries(batch("b", 500, day=1), NOON + timedelta(days=2)) <= large
    assert queries(batch("b", 500, day=1), NOON + timedelta(days=2)) < large  # all of them duplicates


def test_100_players_ask_no_more_queries_than_one():
    publish(*everything())
    one = queries(batch("a", 100, players=1))
    many = queries(batch("b", 100, players=100))
    assert many <= one


def test_300_achievements_ask_no_more_queries_than_10():
    publish(*everything(10))
    few = queries(batch("a", 50, players=5))
    for change in everything(300)[16:]:
        if change.id.startswith("n") and int(change.id[1:]) >= 10:
            publish(change)
    Player.objects.update(backfilled_to=10_000)
    many = queries(batch("b", 50, players=7))
    assert many <= few


def chain(length: int) -> list[Change]:
    """A cascade: each completion is the sample that completes the next, a round each."""
    links: list[Change] = [metric("kills"), achievement("l0", requirement("COUNT", "kills", 1))]
    for i in range(1, length):
        on_previous = [{"field": "id", "op": "eq", "value": f"l{i - 1}"}]
        links.append(metric(f"m{i}", "achievement.completed", conditions=on_previous))
        links.append(achievement(f"l{i}", requirement("COUNT", f"m{i}", 1)))
    return links


def test_seven_rounds_ask_as_many_queries_as_two():
    publish(*chain(2))
    two = queries([event("a", "ann")])
    publish(*chain(7)[3:])
    seven = queries([event("b", "bob")])
    assert Standing.objects.filter(player_id="bob").count() == 7
    assert seven == two


def test_a_batch_of_everything_stays_under_a_fixed_number_of_queries():
    publish(*everything())
    assert queries(batch("a", 300, players=30)) <= MAX_QUERIES
    assert queries(batch("b", 300, players=30)) <= MAX_QUERIES
