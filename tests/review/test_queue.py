"""Which case is next, and what became of those that were decided."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gamification import clock
from gamification.review import opening, queries
from gamification.review.models import Case
from tests.support.callers import game_server
from tests.support.judging import API, game, kill, vote, withheld
from tests.support.reviewing import find, finding
from tests.support.rewarding import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_the_queue_has_the_surest_and_dearest_first_and_is_filtered() -> None:
    for player_id, tail in (("ann", -3.0), ("bob", -30.0), ("cat", -10.0)):
        find(finding("PACE", player_id, tail=tail, action="FLAG"))
    server = game_server("anticheat:decide")
    listed = lambda query="": [c["player_id"] for c in server.get(f"{API}/cases{query}").json()["results"]]  # noqa: E731
    assert listed() == ["bob", "cat", "ann"]
    vote(Case.objects.get(player_id="bob").pk, "CLEARED")
    assert listed("?state=OPEN") == ["cat", "ann"]
    assert listed("?player_id=bob") == ["bob"]
    page = server.get(f"{API}/cases?page_size=2").json()
    assert [c["player_id"] for c in server.get(page["next"]).json()["results"]] == ["ann"]


def test_rules_are_told_what_came_of_what_they_found() -> None:
    for n, verdict in enumerate(("CLEARED", "CONFIRMED", "CONFIRMED")):
        find(finding("PACE", f"p{n}", action="FLAG"), finding("GRID", f"p{n}", action="SHADOW"))
        vote(Case.objects.get(player_id=f"p{n}").pk, verdict)
    find(finding("PACE", "p9", action="FLAG"))
    case = Case.objects.get(player_id="p2").pk
    game_server().post(f"{API}/players/p2/cases/{case}/appeal", {"text": "no"})
    vote(case, "OVERTURNED")
    assert queries.verdicts()["pace"] == (4, 3, 2, 1)


def test_what_waits_by_now_moves_a_case_up_the_queue() -> None:
    game()
    case = withheld()
    before = Case.objects.get(pk=case)
    assert before.stake == 1
    kill(1)  # 50 coins, 60 XP, two axes, 3 points, a badge, a chest of 7, and the coins of a level
    weigh = next(chore for chore in clock.CHORES if chore.name == "weigh cases by what waits for them")
    assert weigh.run(NOON) == 1
    after = Case.objects.get(pk=case)
    assert after.stake >= 1 + 50 + 60 + 2 + 3 + 1 + 7
    assert after.weight == pytest.approx(before.weight * after.stake)
    assert weigh.run(NOON) == 0  # nothing more has come
    vote(case, "CLEARED")
    kill(2)
    assert weigh.run(NOON) == 0  # nothing waits any more


def test_a_case_of_whom_somebody_withheld_by_hand_is_weighed_by_what_waits() -> None:
    game()
    by_hand = {"standing": "WITHHELD", "reason": "odd"}
    server = game_server()
    find(finding(action="FLAG"))
    for name in ("ann", "bob"):
        assert server.patch(f"{API}/players/{name}/standing", by_hand).status_code == 200
        kill(1, player_id=name)
    find(finding(player_id="bob", action="FLAG"))
    assert [case["withheld"] for case in server.get(f"{API}/cases").json()["results"]] == [True, True]
    weigh = next(chore for chore in clock.CHORES if chore.name == "weigh cases by what waits for them")
    assert weigh.run(NOON) == 1  # bob's was weighed as it was opened
    first, second = Case.objects.order_by("player_id")
    assert first.stake == second.stake > 50


def test_the_lightest_case_is_weighed_in_its_turn_too() -> None:
    game()
    for number in range(3):
        find(finding(player_id=f"p{number}", action="FLAG"))
        wish = {"standing": "WITHHELD", "reason": "odd"}
        assert game_server().patch(f"{API}/players/p{number}/standing", wish).status_code == 200
        kill(1, player_id=f"p{number}")
    assert sorted(opening.weigh_anew(NOON + timedelta(minutes=minute), 2) for minute in range(2)) == [1, 2]
    assert min(Case.objects.values_list("stake", flat=True)) > 50
