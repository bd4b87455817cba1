"""A verdict, its appeal, and everything given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import OutboxFact
from gamification.review.models import Case
from gamification.review.verdicts import Reinstate
from progress.models import Player
from rewards.models import Distribution, Transfer
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.invariants import assert_money_is_what_was_claimed
from tests.support.judging import API, game, kill, standing, state, vote, withheld
from tests.support.reviewing import find, finding
from tests.support.rewarding import (
    NOON,
    assert_the_books_balance,
    facts,
    inventory,
    later,
    manual,
    movements,
    statuses,
    wallets,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_a_player_sees_that_there_is_a_case_and_appeals_once() -> None:
    case = withheld()
    ann = player("ann")
    [shown] = ann.get(f"{API}/players/me/cases").json()["results"]
    assert shown == {
        "id": case, "state": "OPEN", "families": ["endurance", "rhythm"], "opened_at": "2026-11-20T12:00:00Z",
        "due_at": "2026-11-27T12:00:00Z", "decided_at": None, "appealed_at": None, "closed_at": None,
        "may_appeal": False,
    }  # fmt: skip
    appeal = lambda who: player(who).post(f"{API}/players/me/cases/{case}/appeal", {"text": "it was me"})  # noqa: E731
    assert_problem(appeal("ann"), 409, "cannot_appeal")
    vote(case, "CONFIRMED")
    assert_problem(appeal("bob"), 404, "not_found")
    assert appeal("ann").json()["state"] == "APPEALED"
    assert_problem(appeal("ann"), 409, "already_appealed")
    assert ann.get(f"{API}/players/bob/cases").status_code == 404
    assert_problem(ann.post(f"{API}/players/me/cases/{case}/appeal", {"text": "x" * 2001}), 400, "invalid", "text")


def test_the_feed_tells_of_a_case_and_its_verdict_what_its_player_may_know() -> None:
    find(finding("PACE"), finding("RATE", action="SHADOW"), finding("MARATHON"))
    case = Case.objects.get().pk
    vote(case, "CONFIRMED", standing="UNRANKED")
    ann = player("ann")
    told = ann.get(f"{API}/players/me/messages").json()["results"]
    assert [(message["type"], message["data"]["state"]) for message in told] == [
        ("case.opened", "OPEN"), ("case.decided", "CONFIRMED"),
    ]  # fmt: skip
    [shown] = ann.get(f"{API}/players/me/cases").json()["results"]
    assert told[-1]["data"] == shown
    assert shown["may_appeal"]
    for secret in ("pace", "rate", "volume", "0.25", "UNRANKED", "WITHHELD", "looked"):
        assert secret not in str(told)


def test_a_case_that_rules_in_shadow_would_have_opened_is_told_nobody() -> None:
    find(finding("PACE", action="SHADOW"), finding("MARATHON", action="SHADOW"))
    assert player("ann").get(f"{API}/players/me/messages").json()["results"] == []


def test_nobody_decides_the_appeal_of_their_own_verdict() -> None:
    case, judge = withheld(), game_server("anticheat:decide")
    vote(case, "CONFIRMED", judge)
    player("ann").post(f"{API}/players/me/cases/{case}/appeal", {"text": "it was me"})
    assert_problem(vote(case, "OVERTURNED", judge), 409, "own_verdict")
    assert_problem(vote(case, "CLEARED"), 409, "already_decided")
    assert vote(case, "UPHELD").json()["state"] == "UPHELD"
    assert standing() == "UNRANKED"


def overturn(case: int) -> None:
    answer = game_server().post(f"{API}/players/ann/cases/{case}/appeal", {"text": "it was me"})
    assert answer.status_code == 200, answer.content
    answer = vote(case, "OVERTURNED")
    assert (answer.status_code, answer.json()["state"]) == (201, "OVERTURNED"), answer.content


@pytest.mark.parametrize("banned", [False, True])
def test_overturned_everything_is_as_it_was(now: time_machine.Traveller, banned: bool) -> None:
    game()
    kill(1, 2)
    before = state()
    find(finding(action="FLAG"))
    case = Case.objects.get().pk
    vote(case, "CONFIRMED", since="2026-11-20T12:00:00Z", **({"standing": "BANNED"} if banned else {}))
    assert state() != before
    overturn(case)
    assert state() == before
    assert standing() == "CLEAR"
    assert_money_is_what_was_claimed()
    assert_the_books_balance()
    assert facts("reward.reinstated") == ["reward.reinstated"] * facts().count("reward.revoked")
    of_case = Transfer.objects.filter(cause=f"case:{case}")
    assert sum(of_case.values_list("amount", flat=True)) == 150
    told = [m["type"] for m in game_server().get(f"{API}/players/ann/messages?page_size=200").json()["results"]]
    assert told.count("reward.reinstated") == told.count("reward.revoked") > 0


def test_overturned_what_was_spent_and_repaid_comes_back_to_the_wallet() -> None:
    game()
    kill(1)
    server = game_server()
    spend = {"amount": 80, "reason": "a hat"}
    server.post(f"{API}/players/ann/wallet/gold/spend", spend, headers={"Idempotency-Key": "s"})
    server.post(f"{API}/players/ann/inventory/axe/consume", {"quantity": 1, "reason": "broke"})
    find(finding(action="FLAG"))
    case = Case.objects.get().pk
    previewed = server.post(f"{API}/cases/{case}/preview", {"since": "2026-11-20T12:00:00Z"}).json()
    assert (previewed["takes"]["gold"], previewed["owes"]) == (20, {"gold": 80, "item:axe": 1})
    vote(case, "CONFIRMED", since="2026-11-20T12:00:00Z")
    assert (wallets(), inventory()) == ({("ann", "gold"): (0, 80)}, {"axe": (0, 1)})
    server.post(f"{API}/rewards/coins/distribute", {"player_id": "ann", "reason": "a present"})
    assert wallets() == {("ann", "gold"): (0, 30)}
    overturn(case)
    assert (wallets(), inventory()) == ({("ann", "gold"): (70, 0)}, {"axe": (1, 0)})
    assert_money_is_what_was_claimed()
    assert_the_books_balance()


def test_overturned_what_waited_is_given_and_may_be_claimed_for_as_long_as_it_waited(
    now: time_machine.Traveller,
) -> None:
    publish(
        metric("kills"), reward("coins", value=50), manual("brief", value=7, claim_within=60),
        achievement("one", requirement("COUNT", "kills", 1), rewards=["coins", "brief"]),
    )  # fmt: skip
    case = withheld()
    kill(1)
    now.move_to(later(3600))
    vote(case, "CONFIRMED")
    assert statuses() == ["REVOKED"] * 2
    now.move_to(later(7200))
    overturn(case)
    coins, brief = Distribution.objects.order_by("line")
    assert (coins.status, coins.claimed_at) == ("CLAIMED", later(7200))
    assert (brief.status, brief.withheld, brief.expires_at) == ("PENDING", False, later(7260))
    assert movements() == [("issuance", "player:ann", 50)]


def test_what_was_given_back_can_be_taken_and_given_back_again(now: time_machine.Traveller) -> None:
    game()
    kill(1)
    before = state()
    for day in range(2):
        now.move_to(NOON + timedelta(days=day))
        find(finding(action="FLAG", now=NOON + timedelta(days=day)))
        case = Case.objects.latest("pk").pk
        vote(case, "CONFIRMED", since="2026-11-20T12:00:00Z")
        assert state() != before
        overturn(case)
        assert state() == before
    assert len(set(OutboxFact.objects.values_list("fact_id", flat=True))) == OutboxFact.objects.count()
    assert_money_is_what_was_claimed()


def test_what_a_later_verdict_revoked_is_not_given_back_by_an_earlier_one(now: time_machine.Traveller) -> None:
    game()
    kill(1)
    for day in range(2):
        now.move_to(NOON + timedelta(days=day))
        find(finding(action="FLAG", now=NOON + timedelta(days=day)))
        vote(Case.objects.latest("pk").pk, "CONFIRMED", since="2026-11-20T12:00:00Z")
        if day == 0:
            overturn(Case.objects.get().pk)
    revoked = state()
    first = Case.objects.earliest("pk").pk
    assert bus.handle(Reinstate(case_id=first), actor=SYSTEM, now=NOON + timedelta(days=2)) == []
    assert (state(), standing()) == (revoked, "UNRANKED")


def test_a_ban_for_another_reason_outlasts_a_case_that_is_cleared() -> None:
    case = withheld()
    game_server().patch(f"{API}/players/ann/standing", {"standing": "BANNED", "reason": "threats"})
    vote(case, "CLEARED")
    assert standing() == "BANNED"


def test_what_waits_for_an_open_case_goes_on_waiting_when_an_earlier_one_is_overturned() -> None:
    first = withheld()
    vote(first, "CONFIRMED")
    game_server().patch(f"{API}/players/ann/standing", {"standing": "CLEAR", "reason": "a second chance"})
    find(finding(now=NOON + timedelta(days=1)), finding("MARATHON", now=NOON + timedelta(days=1)))
    second = Case.objects.get(state="OPEN").pk
    assert standing() == "WITHHELD"
    overturn(first)
    ann = Player.objects.get()
    assert (ann.standing, ann.standing_case) == ("WITHHELD", second)
    vote(second, "CLEARED")
    assert standing() == "CLEAR"


def test_let_in_again_a_player_with_an_open_case_is_withheld() -> None:
    case = withheld()
    server = game_server()
    server.patch(f"{API}/players/ann", {"banned": True})
    server.patch(f"{API}/players/ann", {"banned": False})
    ann = Player.objects.get()
    assert (ann.standing, ann.standing_case) == ("WITHHELD", case)
    vote(case, "CLEARED")
    server.patch(f"{API}/players/ann", {"banned": True})
    server.patch(f"{API}/players/ann", {"banned": False})
    assert standing() == "CLEAR"


def test_an_erased_player_leaves_no_case() -> None:
    withheld()
    assert game_server().delete(f"{API}/players/ann").status_code == 204
    assert not Case.objects.exists()
    find(finding(action="FLAG", ago=-1))
    assert not Case.objects.exists()
