"""What a player is handed out of what is held of them: all that they may know, and no trace of what is hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from achievements.commands import RevokeAchievement
from anticheat.models import Rule
from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from progress.models import MemberSeen, Metric, Tally, WindowSample
from quests.commands import StartQuest
from tests.support.callers import game_server, player
from tests.support.content import NOON, achievement, event, metric, publish, quest, requirement, reward, step

pytestmark = pytest.mark.django_db

HIT = "hits"
MINUTE = {"duration": 1, "unit": "minutes"}
SPAN: dict[str, Any] = {"starts_at": "2026-11-01T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"}
VISIBLE = [
    metric(HIT, value_field="hp", member_field="weapon"),
    reward("coin"),
    achievement("first", requirement("COUNT", HIT, 1), rewards=["coin"]),
    achievement("four", requirement("SUM", HIT, 400)),
    achievement("today", requirement("COUNT", HIT, 9), repeat="DAILY"),
    quest("hunt", step("s", requirement("COUNT", HIT, 9))),
]
HIDDEN = [
    achievement(f"x-{n}", *asked, type="SECRET", **fields)
    for n, (asked, fields) in enumerate(
        [
            ([requirement("COUNT", HIT, 90)], {}),
            ([requirement("DISTINCT", HIT, 90)], {}),
            ([requirement("STREAK", HIT, 90)], {}),
            ([requirement("COUNT", HIT, 90, timeframe=MINUTE)], {}),
            ([requirement("COUNT", HIT, 90)], {"repeat": "DAILY"}),
            ([requirement("DISTINCT", HIT, 90)], {"repeat": "WEEKLY"}),
            ([requirement("COUNT", HIT, 90)], {"repeat": "ALWAYS"}),
            ([requirement("STREAK", HIT, 90)], SPAN),
            ([requirement("COUNT", HIT, 4), requirement("LATEST", HIT, 0, "lt")], {}),
        ]
    )
]
"""All that can be hidden on a metric that the player may know."""


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def play(*content: Change) -> None:
    for change in content:
        publish(change)
    bus.handle(StartQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOON - timedelta(hours=1))
    for n in range(3):
        pipeline.process([event(f"e{n}", at=n - 9, hp=n + 1, weapon=f"w{n}")], now=NOON)


def export(client: Any, who: str = "me") -> Any:
    answer = client.get(f"/api/v1/players/{who}/export")
    assert answer.status_code == 200
    return answer.json()


ROUTES = (
    "players/me", "players/me/quests", "players/me/distributions", "players/me/wallet", "players/me/wallet/transfers",
    "players/me/inventory", "players/me/metrics", "players/me/messages", "achievements/four/progress",
    "achievements/four/explain", "achievements/today/explain", "quests/hunt/progress", "metrics", "rewards", "quests",
)  # fmt: skip


def shown() -> Any:
    """What a player can read of themself beside the export."""
    ann = player("ann")
    return {route: ann.get(f"/api/v1/{route}").json() for route in ROUTES}


@pytest.mark.parametrize("hidden_first", [True, False])
def test_twins_with_and_without_hidden_content_are_handed_out_the_same(hidden_first: bool) -> None:
    with transaction.atomic():
        play(*VISIBLE)
        plain, read = export(player("ann")), shown()
        transaction.set_rollback(True)
    play(*([VISIBLE[0], *HIDDEN, *VISIBLE[1:]] if hidden_first else [*VISIBLE, *HIDDEN]))
    assert WindowSample.objects.exists()
    assert MemberSeen.objects.exists()
    assert Tally.objects.exclude(scope="").count() > 3
    assert export(player("ann")) == plain
    assert shown() == read
    everything = json.dumps(export(game_server(), "ann"))
    assert all(table in everything for table in ("progress.windowsample", "progress.memberseen", "x-8"))


def test_what_visible_content_counts_is_handed_out() -> None:
    play(
        *VISIBLE,
        achievement("weapons", requirement("DISTINCT", HIT, 9)),
        achievement("streak", requirement("STREAK", HIT, 9)),
        achievement("daily", requirement("COUNT", HIT, 9), repeat="DAILY"),
        quest("arms", step("s", requirement("DISTINCT", HIT, 9)), auto_start=True),
    )
    data = export(player("ann"))["data"]
    lifetime, today = sorted(data["progress.tally"], key=lambda row: row["scope"])
    assert (lifetime["scope"], lifetime["sum"], lifetime["members"], bool(lifetime["runs"])) == ("", 6, 3, True)
    assert (today["scope"][:1], today["count"], "members" in today) == ("D", 3, False)
    for scope in ("", "q:arms"):
        seen = {row["member"] for row in data["progress.memberseen"] if row["scope"].partition("/")[0] == scope}
        assert seen == {"s:w0", "s:w1", "s:w2"}
    assert [row["event_id"] for row in data["kernel.event"] if row["type"] == "enemy.killed"] == ["e0", "e1", "e2"]
    assert [row["achievement_id"] for row in data["achievements.standing"]] == ["first"]
    assert [(row["quest_id"], list(row["state"]["steps"]["s"])) for row in data["quests.run"]] == [
        ("hunt", ["at"]), ("arms", ["at"]),
    ]  # fmt: skip
    assert [row["amount"] for row in data["rewards.transfer"]] == [5]
    assert all(row["player_id"] == "ann" for rows in data.values() for row in rows)


def test_no_limit_of_a_rule_is_handed_out() -> None:
    publish(*VISIBLE)
    Metric.objects.create(id=HIT)
    Rule.objects.create(name="at-most-4321", kind="VALUE_RANGE", metric_id=HIT, maximum=4321)
    Rule.objects.create(name="at-most-77", kind="MAX_PER_WINDOW", metric_id=HIT, maximum=77, seconds=60, action="FLAG")
    pipeline.process([event("held", hp=9999), event("flagged", hp=99)], now=NOON)
    own = export(player("ann"))
    found = {row["event_id"]: row["status"] for row in own["data"]["anticheat.finding"]}
    assert found == {"held": "HELD", "flagged": "FLAGGED"}
    limits = [re.compile(rf"(?<![0-9a-f]){limit}(?![0-9a-f])") for limit in ("4321", "77")]  # ids may hold the digits
    assert not any(limit.search(json.dumps(own)) for limit in limits)
    assert all(limit.search(json.dumps(export(game_server(), "ann"))) for limit in limits)


def test_a_secret_that_was_revoked_or_retired_is_not_handed_out() -> None:
    secret = achievement("x-1", requirement("COUNT", HIT, 2), type="SECRET", rewards=["gem"])
    play(
        *VISIBLE,
        reward("gem", currency="rubies"),
        secret,
        achievement("x-2", requirement("COUNT", HIT, 4), type="SECRET"),
    )
    assert "x-1" in json.dumps(export(player("ann")))
    bus.handle(RevokeAchievement(player_id="ann", achievement_id="x-1", reason="cheated"), actor=SYSTEM, now=NOON)
    publish(Change("achievement", "x-2", None))
    own = json.dumps(export(player("ann")))
    assert "x-1" not in own
    assert "x-2" not in own
    assert "x-2" in json.dumps(export(game_server(), "ann"))


def test_what_a_visible_achievement_asks_for_that_is_hidden_is_left_out() -> None:
    play(
        *VISIBLE,
        achievement("x-1", requirement("COUNT", HIT, 99), type="SECRET"),
        achievement("any", requirement("COUNT", HIT, 3), {"type": "ACHIEVEMENT", "target": "x-1"}, match="ANY"),
        quest("other", step("s", {"type": "ACHIEVEMENT", "target": "x-1"}, requirement("COUNT", HIT, 9))),
    )
    bus.handle(StartQuest(player_id="ann", quest_id="other"), actor=SYSTEM, now=NOON)
    own = export(player("ann"))
    assert "x-1" not in json.dumps(own)
    [final] = [row["final"] for row in own["data"]["achievements.standing"] if row["achievement_id"] == "any"]
    assert [r["type"] for r in final["requirements"]] == ["COUNT"]
