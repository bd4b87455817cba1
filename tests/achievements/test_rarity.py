"""How rare achievements and quests are: rolled up by the clock, read in players' lists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from achievements import reading
from achievements.commands import RevokeAchievement
from achievements.models import Standing
from achievements.tasks import roll_up_rarity as roll_up_achievements
from gamification import clock, pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import PlayerId
from progress.models import Player, Rarity
from progress.queries import rarities
from quests.commands import AbandonQuest, CompleteStep, StartQuest
from quests.models import Run
from quests.tasks import roll_up_rarity as roll_up_quests
from tests.support.callers import game_server, player
from tests.support.content import NOON, achievement, event, metric, publish, quest, requirement, step

pytestmark = pytest.mark.django_db
API = "/api/v1"


def kill(player_id: PlayerId, *days: int, type_: str = "enemy.killed") -> None:
    batch = [event(f"{type_}-{player_id}-{day}", player_id, type_, at=day * 86_400) for day in days]
    pipeline.process(batch, now=NOON + timedelta(days=9))


def game() -> None:
    """Four players, who have all killed once; two of them twice, on two days."""
    publish(
        metric("kills"),
        metric("finds", "found"),
        achievement("one", requirement("COUNT", "kills", 1)),
        achievement("two", requirement("COUNT", "kills", 2)),
        achievement("daily", requirement("COUNT", "finds", 1), repeat="DAILY"),
        achievement("never", requirement("COUNT", "kills", 1_000)),
        achievement("s-1", requirement("COUNT", "finds", 1), type="SECRET"),
        quest("again", step("s"), repeat="ALWAYS"),
        quest("never", step("s")),
    )
    for player_id, days in (("ann", (0, 1)), ("bob", (0, 1)), ("cat", (0,)), ("dan", (0,))):
        kill(player_id, *days)


def roll_up(hours: int = 0) -> None:
    now = NOON + timedelta(days=9, hours=hours)
    roll_up_achievements(now)
    roll_up_quests(now)


def run(player_id: PlayerId, quest_id: str, then: type[Any] | None) -> None:
    bus.handle(StartQuest(player_id=player_id, quest_id=quest_id), actor=SYSTEM, now=NOON)
    if then is not None:
        said = {"step_id": "s"} if then is CompleteStep else {}
        bus.handle(then(player_id=player_id, quest_id=quest_id, **said), actor=SYSTEM, now=NOON)


def shown(client: APIClient, player_id: PlayerId, what: str = "achievements") -> dict[str, Any]:
    rows = client.get(f"{API}/players/{player_id}/{what}").json()["results"]
    return {row["id"]: row.get("rarity", "not shown") for row in rows}


def test_nothing_is_known_before_it_was_first_rolled_up() -> None:
    game()
    assert shown(game_server(), "ann") == dict.fromkeys(("one", "two", "daily", "never", "s-1"))
    assert shown(game_server(), "ann", "quests") == dict.fromkeys(("again", "never"))
    roll_up()
    publish(achievement("new", requirement("COUNT", "kills", 1)))
    assert shown(game_server(), "ann")["new"] is None


def test_an_achievement_is_as_rare_as_those_who_have_it_however_often() -> None:
    game()
    kill("cat", 0, 1, type_="found")
    roll_up()
    assert shown(game_server(), "ann") == {"one": 1.0, "two": 0.5, "daily": 0.25, "never": 0.0, "s-1": 0.25}
    assert shown(player("bob"), "me")["two"] == 0.5
    found = Rarity.objects.get(kind="achievement", content_id="two")
    assert (found.holders, found.players, found.at) == (2, 4, NOON + timedelta(days=9))


def test_who_lost_an_achievement_has_it_no_more() -> None:
    game()
    kill("ann", 0, 1, type_="found")
    roll_up()
    for player_id in ("ann", "bob"):
        bus.handle(
            RevokeAchievement(player_id=player_id, achievement_id="two", reason="", occurrence=None),
            actor=SYSTEM,
            now=NOON,
        )
    days = Standing.objects.filter(player_id="ann", achievement_id="daily").order_by("occurrence")
    day, _ = days.values_list("occurrence", flat=True)  # of two completions, one is taken back
    bus.handle(
        RevokeAchievement(player_id="ann", achievement_id="daily", reason="", occurrence=day), actor=SYSTEM, now=NOON
    )
    assert shown(game_server(), "cat")["two"] == 0.5  # as it was an hour ago
    roll_up(1)
    assert shown(game_server(), "cat") == {"one": 1.0, "two": 0.0, "daily": 0.25, "never": 0.0, "s-1": 0.25}


def test_a_quest_is_as_rare_as_those_who_completed_it() -> None:
    game()
    for player_id, then in (
        ("ann", CompleteStep), ("ann", CompleteStep), ("bob", AbandonQuest), ("cat", None), ("dan", AbandonQuest),
        ("dan", CompleteStep),
    ):  # fmt: skip
        run(player_id, "again", then)
    run("cat", "never", AbandonQuest)
    assert Run.objects.filter(quest_id="again", status="COMPLETED").count() == 3
    roll_up()
    for client, player_id in ((game_server(), "ann"), (player("cat"), "me")):
        assert shown(client, player_id, "quests") == {"again": 0.5, "never": 0.0}
    assert rarities("achievement").keys() == {"one", "two", "daily", "never", "s-1"}


def test_the_rarity_of_a_secret_shows_to_who_unlocked_it_only() -> None:
    game()
    kill("cat", 0, type_="found")
    roll_up()
    assert shown(player("cat"), "me")["s-1"] == 0.25
    rows = player("ann").get(f"{API}/players/me/achievements").json()["results"]
    assert [row for row in rows if row["id"] == "s-1"] == [{"id": "s-1", "type": "SECRET", "points": 10}]


def test_an_erased_player_is_counted_nowhere() -> None:
    game()
    assert game_server().delete(f"{API}/players/ann").status_code == 204
    roll_up()
    assert rarities("achievement")["two"] == 1 / 3
    for player_id in ("bob", "cat", "dan"):
        game_server().delete(f"{API}/players/{player_id}")
    roll_up(1)
    assert not Player.objects.exists()
    assert rarities("achievement") == {}


def test_what_was_retired_stays_as_rare_as_it_is() -> None:
    game()
    publish(Change("achievement", "two", None))
    roll_up()
    assert shown(game_server(), "ann")["two"] == 0.5


def test_the_clock_rolls_up_every_hour() -> None:
    game()
    chores = [chore for chore in clock.CHORES if chore.name.startswith("count how rare")]
    assert [chore.every for chore in chores] == [3600, 3600]
    for chore in chores:
        chore.run(NOON)
    assert set(Rarity.objects.values_list("kind", flat=True)) == {"achievement", "quest"}


@pytest.mark.django_db(transaction=True)
def test_rolling_up_twice_or_at_once_comes_to_the_same() -> None:
    game()
    run("ann", "again", CompleteStep)

    def closing() -> None:
        try:
            roll_up()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(closing) for _ in range(8)]:
            done.result()
    once = sorted(Rarity.objects.values_list("kind", "content_id", "holders", "players"))
    assert once == [
        ("achievement", "daily", 0, 4), ("achievement", "never", 0, 4), ("achievement", "one", 4, 4),
        ("achievement", "s-1", 0, 4), ("achievement", "two", 2, 4), ("quest", "again", 1, 4), ("quest", "never", 0, 4),
    ]  # fmt: skip
    roll_up(1)
    assert sorted(Rarity.objects.values_list("kind", "content_id", "holders", "players")) == once


def test_rolling_up_and_reading_40_ask_as_many_queries_as_one() -> None:
    def cost(ask: Callable[[], object]) -> int:
        ask()  # compiled rules are kept by the process
        with CaptureQueriesContext(connection) as queries:
            ask()
        return len(queries)

    def costs() -> list[int]:
        def read() -> object:
            return reading.rows("ann", NOON, state=None, for_player=True)

        return [cost(lambda: roll_up_achievements(NOON)), cost(lambda: roll_up_quests(NOON)), cost(read)]

    game()
    of_few = costs()
    publish(*(achievement(f"a-{n}", requirement("COUNT", "kills", 1)) for n in range(40)))
    publish(*(quest(f"q-{n}", step("s")) for n in range(40)))
    for n in range(30):
        kill(f"p-{n}", 0)
    assert len(reading.rows("ann", NOON, state=None, for_player=True)) == 45
    with_many = costs()
    assert with_many[2] == of_few[2]
    # SQLite binds the rows one by one, by one executemany, which it logs as one statement.
    assert with_many[:2] == of_few[:2]
    assert max(with_many[:2]) <= 5
