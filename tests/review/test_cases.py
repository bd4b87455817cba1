"""From a finding to a verdict, its appeal, and everything given back: by routes and by commands, over real tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings

from achievements.models import Standing
from gamification import clock, pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import OutboxFact
from gamification.review import facts as reviewing
from gamification.review import opening, queries
from gamification.review.models import Case
from gamification.review.verdicts import Reinstate
from progress.models import Player
from rewards.models import Distribution, Transfer
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import achievement, event, level, metric, publish, requirement, reward
from tests.support.invariants import assert_money_is_what_was_claimed
from tests.support.reviewing import find, finding
from tests.support.rewarding import (
    NOON,
    assert_the_books_balance,
    facts,
    inventory,
    later,
    manual,
    movements,
    statistics,
    statuses,
    wallets,
)

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture(autouse=True)
def now() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def game() -> None:
    item = [{"id": "axe", "type": "tool", "quantity": 2, "metadata": {}}]
    publish(
        metric("kills"), reward("coins", value=50), reward("lesson", "XP", 60), reward("kit", "ITEM", 0, items=item),
        reward("glory", "POINTS", 3), reward("star", "BADGE", 0), manual("chest", value=7), level(1, 0),
        level(2, 50, "coins"),
        achievement(
            "one", requirement("COUNT", "kills", 1), rewards=["coins", "lesson", "kit", "glory", "star", "chest"]
        ),
        achievement("two", requirement("COUNT", "kills", 2), rewards=["coins"]),
    )  # fmt: skip


def kill(*numbers: int, player_id: str = "ann") -> None:
    batch = [event(f"{player_id}-{n}", player_id, at=n) for n in numbers]
    pipeline.process(batch, now=later(max(numbers)))


def withheld() -> int:
    """A case about ann that has her rewards withheld; its number."""
    find(finding("PACE"), finding("MARATHON"))
    return Case.objects.get(player_id="ann").pk


def vote(case: int, verdict: str, key: Any = None, **said: Any) -> Any:
    wish = {"verdict": verdict, "note": "looked", **said}
    return (key or game_server("anticheat:decide")).post(f"{API}/cases/{case}/votes", wish)


def standing(player_id: str = "ann") -> str:
    return Player.objects.get(pk=player_id).standing


def state() -> tuple[Any, ...]:
    """All that a verdict could take of ann."""
    ann = Player.objects.get(pk="ann")
    given = sorted(Distribution.objects.values_list("reward_id", "source", "status", "claimed_at"), key=str)
    held = [(s.achievement_id, s.revoked_at) for s in Standing.objects.order_by("achievement_id")]
    return (
        given, held, bytes(ann.earned), bytes(ann.had_before), ann.achievements_completed, statistics(), wallets(),
        inventory(),
    )  # fmt: skip


# -- opening -----------------------------------------------------------------------------------------------------------


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


# -- deciding ----------------------------------------------------------------------------------------------------------


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


# -- appealing ---------------------------------------------------------------------------------------------------------


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


# -- the queue ---------------------------------------------------------------------------------------------------------


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
