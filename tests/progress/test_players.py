from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine

from gamification import pipeline
from gamification.feed.models import Message
from progress.models import Player, Tally
from rewards.models import Distribution
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, event, level, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db

ADA = "/api/v1/players/ada"


# -- the profile -------------------------------------------------------------------------------------------------------


def test_an_unseen_player_reads_as_one_who_did_nothing_and_nothing_is_written() -> None:
    publish(level(1, 0), level(2, 100))
    assert game_server().get(ADA).json() == {
        "player_id": "ada",
        "display_name": "",
        "timezone": "UTC",
        "attributes": {},
        "statistics": {"points": 0, "xp": 0, "level": 1, "achievements_completed": 0, "quests_completed": 0},
        "badges": [],
        "titles": [],
        "banned": False,
        "is_test": False,
        "standing": "CLEAR",
    }
    assert player("ada").get("/api/v1/players/me/metrics").json()["results"] == []
    assert player("ada").get("/api/v1/players/me/messages").json()["results"] == []
    assert not Player.objects.exists()


def test_statistics_badges_and_titles_are_shown() -> None:
    publish(
        metric("kills"),
        reward("archer", "BADGE", 0),
        reward("duke", "TITLE", 0),
        reward("lesson", "XP", 150),
        level(1, 0),
        level(2, 100),
        achievement(
            "first", requirement("COUNT", "kills", 1), points=25, rewards=["archer", "archer", "duke", "lesson"]
        ),
    )
    pipeline.process([event("e1", player="ada")], now=NOON)
    profile = game_server().get(ADA).json()
    assert profile["statistics"] == {
        "points": 25, "xp": 150, "level": 2, "achievements_completed": 1, "quests_completed": 0,
    }  # fmt: skip
    assert (profile["badges"], profile["titles"]) == (["archer"], ["duke"])


def test_a_badge_that_is_not_claimed_or_was_revoked_is_not_worn() -> None:
    for index, (reward_id, drawn, status) in enumerate(
        [
            ("a", "", "CLAIMED"),
            ("box", "b", "CLAIMED"),
            ("c", "", "PENDING"),
            ("d", "", "REVOKED"),
            ("e", "", "EXPIRED"),
        ]
    ):
        Distribution.objects.create(
            id=UUID(int=index),
            player_id="ada",
            reward_id=reward_id,
            reward_version=1,
            source="GRANT",
            source_id=str(index),
            status=status,
            kind="BADGE",
            drawn=drawn,
            created_at=NOON,
            claimed_at=NOON + timedelta(seconds=index),
        )
    assert game_server().get(ADA).json()["badges"] == ["a", "b"]


def test_patching_makes_the_player_and_leaves_what_it_does_not_name() -> None:
    server = game_server()
    response = server.patch(ADA, {"display_name": "Ada", "attributes": {"guild": "owls"}})
    assert response.status_code == 200
    assert (response.json()["display_name"], response.json()["attributes"]) == ("Ada", {"guild": "owls"})
    server.patch(ADA, {"attributes": {}})
    assert server.get(ADA).json()["display_name"] == "Ada"
    assert server.get(ADA).json()["attributes"] == {}
    assert Player.objects.count() == 1


def test_patching_nothing_makes_the_player() -> None:
    assert game_server().patch(ADA, {}).status_code == 200
    assert Player.objects.get().player_id == "ada"


def test_patching_keeps_what_was_earned() -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1), points=25))
    pipeline.process([event("e1", player="ada")], now=NOON)
    game_server().patch(ADA, {"display_name": "Ada", "timezone": "Europe/Madrid", "banned": True})
    row = Player.objects.get()
    assert (row.points, row.achievements_completed, row.last_seq, row.banned) == (25, 1, 1, True)


def test_a_new_zone_is_kept_with_the_time_it_was_set() -> None:
    server = game_server()
    with time_machine.travel(NOON, tick=False):
        assert server.patch(ADA, {"timezone": "Asia/Tokyo"}).json()["timezone"] == "Asia/Tokyo"
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        assert server.patch(ADA, {"timezone": "Europe/Madrid"}).json()["timezone"] == "Europe/Madrid"
        server.patch(ADA, {"timezone": "Europe/Madrid"})
    assert Player.objects.get().zones == [
        ["", "Asia/Tokyo"],
        ["2026-11-22T12:00:00Z", "Europe/Madrid"],
    ]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone", "invalid"),
        ({"timezone": ""}, "timezone", "blank"),
        ({"timezone": "../etc/passwd"}, "timezone", "invalid"),
        ({"timezone": None}, "timezone", "null"),
        ({"timezone": 5}, "timezone", "invalid"),
        ({"timezone": ["UTC"]}, "timezone", "invalid"),
        ({"display_name": "x" * 121}, "display_name", "max_length"),
        ({"display_name": None}, "display_name", "null"),
        ({"display_name": 5}, "display_name", "invalid"),
        ({"display_name": True}, "display_name", "invalid"),
        ({"attributes": []}, "attributes", "not_a_dict"),
        ({"attributes": "x"}, "attributes", "not_a_dict"),
        ({"attributes": None}, "attributes", "null"),
        ({"attributes": {"a": "x" * 16_400}}, "attributes", "too_large"),
        ({"banned": "true"}, "banned", "invalid"),
        ({"banned": 1}, "banned", "invalid"),
        ({"banned": None}, "banned", "null"),
        ({"player_id": "bob"}, "player_id", "read_only"),
        ({"points": 5}, "points", "unknown_field"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(body: dict[str, Any], path: str, code: str) -> None:
    response = game_server().patch(ADA, {"display_name": "Ada"} | body)
    assert_problem(response, 400, "invalid", path)
    assert response.json()["errors"][0]["code"] == code
    assert not Player.objects.exists()


# -- tokens ------------------------------------------------------------------------------------------------------------


def test_a_game_server_gets_a_token_for_its_player_and_no_row_is_made() -> None:
    with time_machine.travel(NOON, tick=False):
        response = game_server().post(f"{ADA}/token")
    assert response.status_code == 200
    assert set(response.json()) == {"token", "expires_at"}
    assert response.json()["expires_at"] == "2026-11-20T13:00:00Z"
    assert not Player.objects.exists()


def test_a_token_takes_no_fields() -> None:
    assert_problem(game_server().post(f"{ADA}/token", {"hours": 5}), 400, "invalid", "hours")


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_metrics_show_the_whole_life_of_a_player_and_no_period() -> None:
    publish(
        metric("damage", value_field="damage"),
        metric("kills"),
        achievement("daily", requirement("COUNT", "kills", 3), repeat="DAILY"),
    )
    pipeline.process(
        [event("e1", player="ada", damage=2.5), event("e2", player="ada", at=1, damage=1.5), event("e3", player="bob")],
        now=NOON,
    )
    assert Tally.objects.exclude(scope="").exists()
    assert game_server().get(f"{ADA}/metrics").json()["results"] == [
        {"metric": "damage", "count": 2, "sum": 4, "max": 2.5, "min": 1.5, "latest": 1.5, "value": 4},
        {"metric": "kills", "count": 2, "sum": 2, "max": 1, "min": 1, "latest": 1, "value": 2},
    ]


def test_a_metric_that_only_hidden_content_names_is_not_shown_to_the_player() -> None:
    publish(
        metric("kills"),
        metric("ghosts", "ghost.seen"),
        achievement("first", requirement("COUNT", "kills", 5)),
        achievement("x-7", requirement("COUNT", "ghosts", 5), type="SECRET"),
    )
    pipeline.process([event("e1", player="ada"), event("e2", "ada", "ghost.seen")], now=NOON)

    def seen(client: Any) -> list[str]:
        return [row["metric"] for row in client.get(f"{ADA}/metrics").json()["results"]]

    assert seen(game_server()) == ["ghosts", "kills"]
    assert seen(player("ada")) == ["kills"]


# -- messages ----------------------------------------------------------------------------------------------------------


def test_messages_come_in_the_order_of_their_numbers_after_the_one_known() -> None:
    for player_id, seq in [("ada", 3), ("ada", 1), ("bob", 1), ("ada", 2)]:
        Message.objects.create(
            player_id=player_id, seq=seq, type="level.reached", data={"level": seq}, timestamp=NOON, created_at=NOON
        )
    results = player("ada").get("/api/v1/players/me/messages?after=1").json()["results"]
    assert results == [
        {
            "seq": seq,
            "type": "level.reached",
            "player_id": "ada",
            "data": {"level": seq},
            "timestamp": "2026-11-20T12:00:00Z",
            "is_read": False,
        }
        for seq in (2, 3)
    ]
    assert game_server().get(f"{ADA}/messages?after=3").json() == {"next": None, "previous": None, "results": []}
