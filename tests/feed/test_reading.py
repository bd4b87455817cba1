"""What a node asks the database: as many queries for a thousand players as for one."""

from __future__ import annotations

from typing import Any

import pytest

from achievements.reading import Touched, progressed
from gamification import pipeline
from gamification.feed.models import Message
from gamification.feed.reading import PAGE, read
from tests.support.content import NOON, achievement, metric, publish, requirement
from tests.support.sockets import a_game, kills

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("players", [1, 40])
def test_a_tick_is_two_queries(players: int, django_assert_num_queries: Any) -> None:
    a_game()
    ids = [f"p{n}" for n in range(players)]
    pipeline.process([event for id_ in ids for event in kills(id_, 3)], now=NOON)
    with django_assert_num_queries(2):
        answer = read(ids, [(id_, 1) for id_ in ids])
    assert {id_: head.last_seq for id_, head in answer.heads.items()} == dict.fromkeys(ids, 3)
    assert {want: [m.seq for m in page] for want, page in answer.pages.items()} == {(id_, 1): [2, 3] for id_ in ids}


@pytest.mark.parametrize("players", [1, 40])
def test_progress_is_four_queries(players: int, django_assert_num_queries: Any) -> None:
    a_game()
    ids = [f"p{n}" for n in range(players)]
    pipeline.process([event for id_ in ids for event in kills(id_, 3)], now=NOON)
    with django_assert_num_queries(4):
        found = progressed({id_: Touched(["kills"], []) for id_ in ids}, NOON)
    assert found == {id_: {"each": 0.0, "ten": 0.3, "hundred": 0.03} for id_ in ids}


def test_a_page_is_as_long_as_it_may_be_and_holds_nobody_elses() -> None:
    a_game()
    pipeline.process([*kills("ann", PAGE + 50), *kills("bob", 5)], now=NOON)
    pages = read([], [("ann", 0), ("ann", PAGE), ("bob", 2), ("bob", 5), ("cat", 0)]).pages
    assert [m.seq for m in pages["ann", 0]] == list(range(1, PAGE + 1))
    assert [m.seq for m in pages["ann", PAGE]] == list(range(PAGE + 1, PAGE + 54))
    assert [m.seq for m in pages["bob", 2]] == [3, 4, 5]
    assert set(pages) == {("ann", 0), ("ann", PAGE), ("bob", 2)}
    assert all('"player_id":"bob"' in m.text for m in pages["bob", 2])


def test_texts_that_json_must_escape_arrive_whole() -> None:
    data = {"id": 'a"b\\c\n☃ \u2028', "n": 1.5, "nested": {"x": [None, True]}}
    Message.objects.create(player_id="a:b@c", seq=1, type="level.reached", data=data, timestamp=NOON, created_at=NOON)
    import json

    [message] = read([], [("a:b@c", 0)]).pages["a:b@c", 0]
    assert json.loads(message.text) == {
        "seq": 1,
        "type": "level.reached",
        "player_id": "a:b@c",
        "data": data,
        "timestamp": "2026-11-20T12:00:00Z",
    }


def test_progress_leaves_out_what_is_done_hidden_or_pending() -> None:
    publish(
        metric("kills"),
        achievement("done", requirement("COUNT", "kills", 1)),
        achievement("open", requirement("COUNT", "kills", 4)),
        achievement("secret", requirement("COUNT", "kills", 4), type="SECRET"),
        achievement("secret-daily", requirement("COUNT", "kills", 2), type="SECRET", repeat="DAILY"),
        achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"),
    )
    pipeline.process(kills("ann", 1), now=NOON)
    touched = {"ann": Touched(["kills"], []), "nobody": Touched(["kills"], [])}
    assert progressed(touched, NOON) == {"ann": {"open": 0.25, "daily": 0.5}}
    pipeline.process(kills("ann", 2), now=NOON)
    assert progressed(touched, NOON) == {"ann": {"open": 0.75}}
    publish(achievement("new", requirement("COUNT", "kills", 9)))
    assert progressed(touched, NOON) == {"ann": {"open": 0.75}}


def test_progress_is_what_rest_shows() -> None:
    from achievements.reading import rows

    a_game()
    pipeline.process(kills("ann", 7), now=NOON)
    shown = {row["id"]: row["progress"] for row in rows("ann", NOON, state=None, for_player=True) if "progress" in row}
    assert progressed({"ann": Touched(["kills"], [])}, NOON) == {"ann": shown}
