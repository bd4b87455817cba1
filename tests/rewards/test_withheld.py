"""What is given to somebody whose rewards are withheld waits, and is given once when a person has looked."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.review.commands import SetStanding
from progress.player_standing import PlayerStanding
from rewards import commands, queries, withholding
from rewards.commands import ClaimAll, ClaimReward, RevokeDistribution, RewardExpired, UnderReview
from rewards.models import Distribution, Transfer
from rewards.rules import Given, Status
from rewards.tasks import expire_rewards
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import currency, level, publish, reward
from tests.support.rewarding import (
    assert_the_books_balance,
    facts,
    give,
    later,
    manual,
    movements,
    statistics,
    statuses,
    wallets,
)

pytestmark = pytest.mark.django_db
API = "/api/v1"


def stand(standing: str, seconds: float = 0, player_id: str = "ann") -> None:
    wish = SetStanding(player_id=player_id, standing=PlayerStanding(standing), reason="r")
    bus.handle(wish, actor=SYSTEM, now=later(seconds))


def claim(given: Given, seconds: float = 10) -> Given:
    wish = ClaimReward(player_id=given.player_id, distribution_id=given.id)
    found: Given = bus.handle(wish, actor=SYSTEM, now=later(seconds))
    return found


def test_what_is_made_while_withheld_waits_and_what_was_there_before_can_be_claimed() -> None:
    publish(reward("auto", value=7), manual("chest"))
    before = give("chest")
    stand("WITHHELD")
    given = [give("auto"), give("chest")]
    assert [each.status_at(later(0)) for each in given] == [Status.PENDING] * 2
    assert all(each.withheld for each in given)
    assert facts() == ["reward.granted"] * 3
    for each in given:
        with pytest.raises(UnderReview):
            claim(each)
    assert claim(before).status == Status.CLAIMED
    assert wallets() == {("ann", "gold"): (5, 0)}


def test_over_http_it_is_shown_as_withheld_and_claiming_it_is_refused() -> None:
    publish(manual("chest"))
    stand("WITHHELD")
    given = give("chest")
    for client, name in ((game_server(), "ann"), (player("ann"), "me")):
        [shown] = client.get(f"{API}/players/{name}/distributions").json()["results"]
        assert (shown["status"], shown["withheld"]) == ("PENDING", True)
    answer = player("ann").post(f"{API}/rewards/{given.id}/claim", {})
    assert_problem(answer, 409, "under_review")


def test_all_of_a_cause_is_under_review_only_where_nothing_else_is_left_to_claim() -> None:
    publish(manual("chest"))
    stand("WITHHELD")
    given = give("chest")
    wish = ClaimAll(player_id="ann", source="GRANT", source_id=given.source_id)
    with pytest.raises(UnderReview):
        bus.handle(wish, actor=SYSTEM, now=later(1))
    stand("CLEAR", 2)
    assert [each.id for each in bus.handle(wish, actor=SYSTEM, now=later(3))] == [given.id]


def test_clear_again_it_is_given_as_it_would_have_been_and_said_with_that_time() -> None:
    publish(
        reward("auto", value=7), reward("lesson", "XP", 60), manual("chest"), level(1, 0), level(2, 50, "auto"),
        currency("gold"),
    )  # fmt: skip
    stand("WITHHELD")
    auto, _, chest = give("auto"), give("lesson"), give("chest")
    assert statistics() == (0, 0, 0, 0)
    stand("CLEAR", 100)
    rows = {row.reward_id: row for row in Distribution.objects.filter(source="GRANT")}
    assert (rows["auto"].status, rows["auto"].claimed_at) == ("CLAIMED", later(100))
    assert rows["chest"].status == "PENDING"
    assert not any(row.withheld for row in rows.values())
    assert wallets() == {("ann", "gold"): (14, 0)}  # the level that the experience reached paid, too
    assert facts("reward.claimed") == ["reward.claimed"] * 3
    assert claim(chest, 101).status == Status.CLAIMED
    assert claim(auto, 102).claimed_at == later(100)
    assert_the_books_balance()


def test_the_time_to_claim_it_stands_still_while_it_waits() -> None:
    publish(manual("brief", claim_within=60))
    stand("WITHHELD")
    given = give("brief")
    assert expire_rewards(later(3600)) == 0
    assert [row.pk for row in queries.distributions(later(3600), state="PENDING")] == [given.id]
    assert not queries.distributions(later(3600), state="EXPIRED").exists()
    stand("CLEAR", 3600)
    assert Distribution.objects.get().expires_at == later(3660)
    with pytest.raises(RewardExpired):
        claim(given, 3660)
    assert claim(given, 3659).status == Status.CLAIMED


@pytest.mark.parametrize(("standing", "waits"), [("WATCHED", False), ("UNRANKED", False), ("BANNED", True)])
def test_it_waits_as_long_as_somebody_is_banned(standing: str, waits: bool) -> None:
    publish(reward("auto"))
    stand("WITHHELD")
    give("auto")
    stand(standing, 1)
    assert statuses() == ["PENDING" if waits else "CLAIMED"]
    stand("CLEAR", 2)
    assert statuses() == ["CLAIMED"]


def test_what_is_revoked_while_it_waits_is_not_given_later() -> None:
    publish(reward("auto"))
    stand("WITHHELD")
    given = give("auto")
    bus.handle(RevokeDistribution(distribution_id=given.id, reason="no"), actor=SYSTEM, now=later(1))
    stand("CLEAR", 2)
    assert statuses() == ["REVOKED"]
    assert movements() == []


# -- many at once ------------------------------------------------------------------------------------------------------

CLIENTS = 16
GIVEN = 12


def at_once(work: Any) -> None:
    barrier = threading.Barrier(CLIENTS)

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            work(n)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def race() -> None:
    """Everybody claims what ann was given, while some clear and withhold her again."""
    publish(manual("points", "POINTS", 3), reward("auto", "POINTS", 100), manual("coins"))
    stand("WITHHELD")
    given = [give(("points", "auto", "coins")[n % 3]) for n in range(GIVEN)]

    def work(n: int) -> None:
        if n % 4 == 0:
            for seconds in range(3):
                stand("CLEAR", seconds)
                stand("WITHHELD", seconds)
            stand("CLEAR", 5)
        for each in given[n % GIVEN :] + given[: n % GIVEN]:
            with suppress(UnderReview):
                claim(each)

    at_once(work)
    stand("CLEAR", 20)
    for each in given:
        claim(each, 21)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_claimed_by_many_while_it_is_given_each_is_paid_once() -> None:
    race()
    assert statuses() == ["CLAIMED"] * GIVEN
    assert facts("reward.claimed") == ["reward.claimed"] * GIVEN
    assert statistics()[0] == 4 * 3 + 4 * 100
    assert Transfer.objects.count() == 4
    assert_the_books_balance()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_without_the_guard_in_the_statement_something_is_paid_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the guard is what the test above rests on, and not the players' locks."""
    for module in (commands, withholding):
        monkeypatch.setattr(module, "CLAIMABLE", {"withheld": False})
    publish(manual("points", "POINTS", 3))
    given = give("points")
    at_once(lambda n: claim(given))
    assert statistics()[0] > 3
