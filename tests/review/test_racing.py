"""A case goes all its way while everybody claims: whatever comes first, each reward is paid once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest
from django.db import connection

from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Refused
from gamification.review.models import Case
from gamification.review.rules import Verdict
from gamification.review.verdicts import AlreadyDecided, AppealVerdict, CastVote
from progress.models import Player
from rewards import commands
from rewards.commands import CLAIMABLE, ClaimReward, UnderReview
from rewards.models import Distribution, Transfer
from tests.support.content import publish, reward
from tests.support.invariants import assert_money_is_what_was_claimed
from tests.support.reviewing import find, finding
from tests.support.rewarding import assert_the_books_balance, facts, give, later, manual, statuses

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CLAIMERS = 8
GIVEN = 12


def at_once(*works: Callable[[], object]) -> None:
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def judge(verdict: Verdict, who: str = "rosa", seconds: float = 5) -> None:
    wish = CastVote(case_id=Case.objects.get().pk, verdict=verdict, note="n")
    bus.handle(wish, actor=Actor.user(who), now=later(seconds))


def appeal() -> None:
    wish = AppealVerdict(case_id=Case.objects.get().pk, player_id="ann", text="it was me")
    bus.handle(wish, actor=Actor.player("ann"), now=later(6))


def withheld() -> list[ClaimReward]:
    """What ann was given while her rewards are withheld, as claims."""
    publish(manual("coins"), reward("auto", value=100), manual("points", "POINTS", 3))
    find(finding("PACE"), finding("MARATHON"))
    given = [give(("coins", "auto", "points")[n % 3]) for n in range(GIVEN)]
    return [ClaimReward(player_id="ann", distribution_id=each.id) for each in given]


def claimers(wishes: list[ClaimReward]) -> list[Callable[[], None]]:
    def claim(n: int) -> None:
        for _ in range(3):
            for wish in wishes[n % GIVEN :] + wishes[: n % GIVEN]:
                with suppress(Refused):
                    bus.handle(wish, actor=Actor.player("ann"), now=later(7))

    return [lambda n=n: claim(n) for n in range(CLAIMERS)]  # type: ignore[misc] # n is one of them


def everything_is_paid_once(wishes: list[ClaimReward]) -> None:
    for wish in wishes:
        bus.handle(wish, actor=Actor.player("ann"), now=later(9))
    assert statuses() == ["CLAIMED"] * GIVEN
    assert len(facts("reward.claimed")) == GIVEN
    assert Transfer.objects.filter(credit_account="player:ann").count() == 8
    assert_money_is_what_was_claimed()
    assert_the_books_balance()


def test_cleared_while_everybody_claims() -> None:
    wishes = withheld()
    at_once(*claimers(wishes), lambda: judge(Verdict.CLEARED))
    everything_is_paid_once(wishes)


def test_confirmed_appealed_and_overturned_while_everybody_claims() -> None:
    wishes = withheld()

    def case() -> None:
        judge(Verdict.CONFIRMED)
        appeal()
        judge(Verdict.OVERTURNED, "otto", 7)

    at_once(*claimers(wishes), case)
    assert Case.objects.get().state == "OVERTURNED"
    assert Player.objects.get().standing == "CLEAR"
    everything_is_paid_once(wishes)
    assert len(facts("reward.reinstated")) == len(facts("reward.revoked")) == GIVEN


def test_confirmed_while_everybody_claims_nothing_of_it_is_paid() -> None:
    wishes = withheld()
    at_once(*claimers(wishes), lambda: judge(Verdict.CONFIRMED))
    assert statuses() == ["REVOKED"] * GIVEN
    assert not Transfer.objects.exists()


def test_of_two_reviewers_at_once_one_decides() -> None:
    withheld()
    refused: list[type[Refused]] = []

    def say(verdict: Verdict, who: str) -> Callable[[], None]:
        def work() -> None:
            try:
                judge(verdict, who)
            except Refused as why:
                refused.append(type(why))

        return work

    at_once(say(Verdict.CONFIRMED, "rosa"), say(Verdict.CLEARED, "otto"))
    assert refused == [AlreadyDecided]
    state = Case.objects.get().state
    assert set(statuses()) == ({"REVOKED"} if state == "CONFIRMED" else {"PENDING", "CLAIMED"})


def test_no_more_are_withheld_at_once_than_may_be_a_day(settings: object) -> None:
    settings.MAX_WITHHELD_A_DAY = 3  # type: ignore[attr-defined]
    players = [f"p{n}" for n in range(CLAIMERS)]
    found = [[finding("PACE", player_id), finding("MARATHON", player_id)] for player_id in players]
    at_once(*(partial(find, *each) for each in found))
    assert Player.objects.filter(standing="WITHHELD").count() == 3
    assert Case.objects.filter(wants_withholding=True).count() == CLAIMERS


def test_without_the_guard_what_is_withheld_can_be_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is the statement that keeps it, and the tests above see whether it does."""
    wishes = withheld()
    with pytest.raises(UnderReview):
        bus.handle(wishes[0], actor=Actor.player("ann"), now=later(7))
    forgetful = {name: value for name, value in CLAIMABLE.items() if name != "withheld"}
    monkeypatch.setattr(commands, "CLAIMABLE", forgetful)
    at_once(*claimers(wishes), lambda: judge(Verdict.CONFIRMED))
    assert Transfer.objects.exists() or Distribution.objects.exclude(status="REVOKED").exists()
