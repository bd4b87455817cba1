"""Which findings open a case, and which have what a player earns wait."""

from __future__ import annotations

import pytest
from django.conf import settings

from gamification import clock
from gamification.kernel.models import OutboxFact
from gamification.review import facts as reviewing
from gamification.review import queries
from gamification.review.models import Case
from progress.models import Player
from tests.support.callers import game_server
from tests.support.judging import API, standing, withheld
from tests.support.reviewing import find, finding
from tests.support.rewarding import NOON, later

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_a_flag_opens_a_case_and_withholds_nothing() -> None:
    find(finding(action="FLAG"))
    case = Case.objects.get()
    assert (case.player_id, case.state, standing()) == ("ann", "OPEN", "CLEAR")
    assert case.reasons[0]["rule"] == "pace"
    [fact] = OutboxFact.objects.all()
    assert (fact.type, fact.player_id) == ("case.opened", "ann")
    assert fact.data == {
        "case": case.pk, "rules": ["pace"], "families": ["rhythm"], "due_at": "2026-11-27T12:00:00Z",
    }  # fmt: skip


def test_a_shadow_rule_opens_none_and_is_shown_in_one_that_is_open() -> None:
    find(finding(action="SHADOW"))
    assert not Case.objects.exists()
    find(finding("GRID", action="FLAG"), finding("RATE", action="SHADOW"))
    case = Case.objects.get()
    assert [(reason["rule"], reason["action"]) for reason in case.reasons] == [("grid", "FLAG"), ("rate", "SHADOW")]
    assert reviewing.told_to_player(case)["families"] == ["rhythm"]


def test_ids_used_again_are_a_flag_until_the_third() -> None:
    find(finding("REUSE", action="FLAG", value=1.0, ago=1))
    assert not Case.objects.exists()
    find(finding("REUSE", action="FLAG", value=3.0))
    assert Case.objects.get().reasons[0]["value"] == 3


def test_later_findings_join_the_case_that_is_open() -> None:
    find(finding(ago=2, action="FLAG"), finding(ago=1, action="FLAG"), finding("GRID", action="FLAG", tail=-20))
    case = Case.objects.get()
    assert [(reason["rule"], reason["day"]) for reason in case.reasons] == [
        ("pace", "2026-11-18"), ("pace", "2026-11-19"), ("grid", "2026-11-20"),
    ]  # fmt: skip
    assert (case.log10_tail, case.weight) == (-20, 20 * case.stake)


def test_two_families_withhold_and_one_day_of_one_rule_does_not() -> None:
    find(finding("PACE"))
    assert standing() == "CLEAR"
    find(finding("GRID"))
    assert standing() == "CLEAR"
    find(finding("MARATHON"))
    assert standing() == "WITHHELD"
    case = Case.objects.get()
    assert (case.withheld_at, Player.objects.get().standing_case) == (NOON, case.pk)


def test_one_rule_withholds_on_its_third_day() -> None:
    for ago, expected in ((4, "CLEAR"), (2, "CLEAR"), (0, "WITHHELD")):
        find(finding(ago=ago))
        assert standing() == expected


@pytest.mark.parametrize("decided", ["UNRANKED", "BANNED"])
def test_of_whom_a_person_has_decided_nothing_is_changed_by_a_rule(decided: str) -> None:
    game_server().patch(f"{API}/players/ann/standing", {"standing": decided, "reason": "r"})
    withheld()
    assert standing() == decided
    assert queries.to_withhold(1) == []  # it keeps nobody from their turn


def test_no_more_are_withheld_a_day_than_may_be_and_the_others_wait_in_the_order_of_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "MAX_WITHHELD_A_DAY", 1)
    for player_id, tail in (("ann", -9.0), ("bob", -10.0), ("cat", -30.0)):
        find(finding("PACE", player_id, tail=tail), finding("MARATHON", player_id, tail=tail))
    stand = lambda: [standing(player_id) for player_id in ("ann", "bob", "cat")]  # noqa: E731
    assert stand() == ["WITHHELD", "CLEAR", "CLEAR"]
    in_turn = next(chore for chore in clock.CHORES if chore.name == "withhold what had to wait")
    in_turn.run(later(60))
    assert stand() == ["WITHHELD", "CLEAR", "CLEAR"]
    in_turn.run(later(86_400))
    assert stand() == ["WITHHELD", "CLEAR", "WITHHELD"]


def test_what_a_game_server_has_seen_is_a_finding_once_a_day() -> None:
    server = game_server("anticheat:write")
    wish = {"player_id": "ann", "rule": "speed-hack", "values": {"value": 9.5, "speed": [1, 2]}, "note": "flew"}
    told = server.post(f"{API}/anticheat/findings", wish)
    assert told.status_code == 201
    case = Case.objects.get()
    assert told.json() == {
        "player_id": "ann", "rule": "speed-hack", "day": "2026-11-20", "is_new": True, "case": case.pk,
    }  # fmt: skip
    assert server.post(f"{API}/anticheat/findings", wish).json()["is_new"] is False
    shown = game_server().get(f"{API}/cases/{case.pk}").json()
    assert (shown["reasons"][0]["value"], shown["reasons"][0]["family"]) == (9.5, "reported")
    assert shown["reasons"][0]["source"].startswith("key:")
    assert shown["evidence"]["findings"][0]["note"] == "flew"
    assert standing() == "CLEAR"
