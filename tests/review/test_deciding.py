"""What a verdict takes and gives, and who may say it."""

from __future__ import annotations

import pytest
from django.conf import settings

from achievements.models import Standing
from gamification.kernel.models import OutboxFact
from gamification.review.models import Case
from progress.models import Player
from rewards.models import Distribution
from tests.support.callers import assert_problem, game_server
from tests.support.invariants import assert_money_is_what_was_claimed
from tests.support.judging import API, game, kill, standing, state, vote, withheld
from tests.support.reviewing import find, finding
from tests.support.rewarding import statistics, statuses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_cleared_the_player_has_what_waited() -> None:
    game()
    case = withheld()
    kill(1)
    assert statistics()[0] == 10  # the achievement's own points count at once
    assert set(statuses()) == {"PENDING"}
    answer = vote(case, "CLEARED")
    assert (answer.status_code, answer.json()["state"], standing()) == (201, "CLEARED", "CLEAR")
    assert sorted(statuses()) == ["CLAIMED"] * 6 + ["PENDING"]  # and the coins of the level that was reached
    assert_money_is_what_was_claimed()
    assert [fact.data["state"] for fact in OutboxFact.objects.filter(type="case.decided")] == ["CLEARED"]


def test_confirmed_what_waited_is_revoked_and_what_was_there_before_stays() -> None:
    game()
    kill(1)
    case = withheld()
    kill(2)
    vote(case, "CONFIRMED")
    assert standing() == "UNRANKED"
    by_cause = {(d.source_id, d.status) for d in Distribution.objects.all()}
    assert by_cause == {("one", "CLAIMED"), ("one", "PENDING"), ("2", "CLAIMED"), ("two", "REVOKED")}
    assert Standing.objects.get(achievement_id="two").revoked_at is None


def test_confirmed_since_an_instant_all_that_was_earned_from_then_on_goes() -> None:
    game()
    kill(1)
    game_server().post(f"{API}/rewards/chest/distribute", {"player_id": "ann", "reason": "sorry"})
    find(finding(action="FLAG"))
    case = Case.objects.get().pk
    previewed = game_server().post(f"{API}/cases/{case}/preview", {"since": "2026-11-20T12:00:00Z"}).json()
    before = state()
    assert previewed["takes"] == {"gold": 100, "item:axe": 2, "points": 13, "xp": 60}
    assert previewed["owes"] == {}
    assert [each["id"] for each in previewed["achievements"]] == ["one"]
    assert state() == before
    vote(case, "CONFIRMED", standing="BANNED", since="2026-11-20T12:00:00Z")
    assert (standing(), Player.objects.get().achievements_completed, statistics()) == ("BANNED", 0, (0, 0, 0, 0))
    assert {d.status for d in Distribution.objects.exclude(source="GRANT")} == {"REVOKED"}
    assert Distribution.objects.get(source="GRANT").status == "PENDING"  # given by a person, not earned
    assert_money_is_what_was_claimed()


def test_as_many_reviewers_decide_as_have_to_and_each_says_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REVIEW_QUORUM", 2)
    case, one, other = withheld(), game_server("anticheat:decide"), game_server("anticheat:decide")
    assert vote(case, "CONFIRMED", one).json()["state"] == "OPEN"
    assert_problem(vote(case, "CLEARED", one), 409, "already_voted")
    assert vote(case, "CONFIRMED", other).json()["state"] == "CONFIRMED"
    assert_problem(vote(case, "CONFIRMED"), 409, "already_decided")
    assert len(game_server().get(f"{API}/cases/{case}").json()["votes"]) == 2


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"verdict": "MAYBE"}, "verdict"),
        ({"verdict": "CLEARED", "standing": "BANNED"}, "standing"),
        ({"verdict": "CLEARED", "since": "2026-11-20T11:00:00Z"}, "since"),
        ({"verdict": "CONFIRMED", "standing": "CLEAR"}, "standing"),
        ({"verdict": "CONFIRMED", "since": "2026-11-21T11:00:00Z"}, "since"),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused_by_its_path(said: dict[str, str], path: str) -> None:
    case = withheld()
    answer = vote(case, said.pop("verdict"), **said)
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == [path]
    assert Case.objects.get().state == "OPEN"
