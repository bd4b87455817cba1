"""How far a player has read, over REST."""

from __future__ import annotations

import pytest

from gamification import pipeline
from gamification.feed.models import ReadMark
from progress.models import Player
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON
from tests.support.sockets import a_game, kills

pytestmark = pytest.mark.django_db

READ = "/api/v1/players/me/messages/read"


@pytest.fixture(autouse=True)
def five_messages() -> None:
    a_game()
    pipeline.process(kills("ann", 5), now=NOON)


def marks(query: str = "") -> list[bool]:
    return [row["is_read"] for row in player("ann").get(f"/api/v1/players/me/messages{query}").json()["results"]]


def test_a_player_marks_the_feed_read_up_to_a_message() -> None:
    assert marks() == [False] * 5
    answer = player("ann").post(READ, {"up_to": 3})
    assert (answer.status_code, answer.json()) == (200, {"read_up_to": 3})
    assert marks() == [True, True, True, False, False]
    assert marks("?after=2&page_size=2") == [True, False]


def test_a_mark_never_goes_back() -> None:
    ann = player("ann")
    ann.post(READ, {"up_to": 4})
    assert ann.post(READ, {"up_to": 2}).json() == {"read_up_to": 4}
    assert marks() == [True, True, True, True, False]


def test_what_was_not_sent_yet_cannot_be_read() -> None:
    assert_problem(player("ann").post(READ, {"up_to": 6}), 400, "invalid", "up_to")
    assert_problem(player("bob").post(READ, {"up_to": 1}), 400, "invalid", "up_to")
    assert not ReadMark.objects.exists()
    assert not Player.objects.filter(pk="bob").exists()


@pytest.mark.parametrize("up_to", [0, -1, "3", 1.5, True, None, 2**63])
def test_a_mark_is_the_number_of_a_message(up_to: object) -> None:
    assert player("ann").post(READ, {"up_to": up_to}).status_code == 400
    assert not ReadMark.objects.exists()


def test_a_game_server_marks_for_a_player_with_its_scope_and_a_player_for_nobody_else() -> None:
    path = "/api/v1/players/ann/messages/read"
    assert game_server("players:write").post(path, {"up_to": 2}).json() == {"read_up_to": 2}
    assert_problem(game_server("players:read").post(path, {"up_to": 3}), 403, "missing_scope")
    assert_problem(player("bob").post(path, {"up_to": 3}), 404, "not_found")
    assert ReadMark.objects.get().up_to == 2


def test_an_erased_player_leaves_no_mark() -> None:
    player("ann").post(READ, {"up_to": 2})
    assert game_server().get("/api/v1/players/ann/export").json()["data"]["feed.readmark"] == [
        {"player_id": "ann", "up_to": 2}
    ]
    game_server().delete("/api/v1/players/ann")
    assert not ReadMark.objects.exists()
