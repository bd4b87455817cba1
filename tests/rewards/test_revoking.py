"""Revoking undoes what claiming did, once; spending and consuming take what is there, or nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, NotFound
from gamification.kernel.core.world import World
from progress.models import Player
from rewards.commands import (
    ClaimReward,
    ConsumeItem,
    InsufficientItems,
    RevokeDistribution,
    RewardExpired,
    Spend,
    revoke_of,
)
from rewards.ledger import EarnedRewards, InsufficientBalance, Ledger
from rewards.models import Distribution, Transfer
from rewards.rules import Given, Source
from tests.support.content import currency, level, publish, reward
from tests.support.rewarding import (
    NOON,
    assert_the_books_balance,
    facts,
    give,
    inventory,
    items,
    later,
    manual,
    movements,
    statistics,
    statuses,
    wallets,
)

pytestmark = pytest.mark.django_db


def revoke(given: Given, seconds: float = 10) -> Given:
    found: Given = bus.handle(
        RevokeDistribution(distribution_id=given.id, reason="cheated"), actor=SYSTEM, now=later(seconds)
    )
    return found


def spend(amount: int, currency_: str = "gold", player_id: str = "ann") -> dict[str, Any]:
    found: dict[str, Any] = bus.handle(
        Spend(player_id=player_id, currency=currency_, amount=amount, reason="a hat"), actor=SYSTEM, now=later(5)
    )
    return found


def consume(quantity: int, item_id: str = "axe") -> dict[str, Any]:
    found: dict[str, Any] = bus.handle(
        ConsumeItem(player_id="ann", item_id=item_id, quantity=quantity, reason=""), actor=SYSTEM, now=later(5)
    )
    return found


# -- what is revoked ---------------------------------------------------------------------------------------------------


def test_a_pending_one_is_merely_revoked() -> None:
    publish(manual("coins"))
    revoked = revoke(give("coins"))
    assert (revoked.status, revoked.claimed_at, revoked.revoked_at) == ("REVOKED", None, later(10))
    assert facts() == ["reward.granted", "reward.revoked"]
    assert Transfer.objects.count() == 0
    assert wallets() == {}


def test_money_that_is_still_there_is_taken() -> None:
    publish(reward("coins"))
    given = give("coins")
    give("coins")
    assert revoke(given).status == "REVOKED"
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert movements()[-1] == ("player:ann", "issuance", 5)
    assert Distribution.objects.get(pk=given.id).undone == {"taken": 5, "owed": 0, "reason": "cheated"}
    assert_the_books_balance()


def test_revoking_again_answers_the_same_and_takes_nothing() -> None:
    publish(reward("coins"))
    given = give("coins")
    give("coins")
    first = revoke(given)
    again = revoke(given, seconds=99)
    assert (again.status, again.revoked_at) == ("REVOKED", first.revoked_at)
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert facts("reward.revoked") == ["reward.revoked"]
    assert Transfer.objects.count() == 3


def test_what_expired_cannot_be_revoked_swept_or_not() -> None:
    publish(manual("brief", claim_within=5))
    given = give("brief")
    with pytest.raises(RewardExpired):
        revoke(given)
    assert statuses() == ["PENDING"]
    assert facts() == ["reward.granted"]


def test_an_unknown_distribution_is_not_revoked() -> None:
    with pytest.raises(NotFound):
        bus.handle(RevokeDistribution(distribution_id=uuid4(), reason=""), actor=SYSTEM, now=NOON)


# -- money that was spent ----------------------------------------------------------------------------------------------


def test_spent_money_becomes_debt_that_later_grants_repay_first() -> None:
    publish(reward("coins"), reward("more", value=2), reward("gems", currency="gem"))
    given = give("coins")
    spend(4)
    revoke(given)
    assert wallets() == {("ann", "gold"): (0, 4)}
    assert Distribution.objects.get(pk=given.id).undone == {"taken": 1, "owed": 4, "reason": "cheated"}
    assert_the_books_balance()
    give("gems", now=later(20))
    give("more", now=later(20))
    assert wallets() == {("ann", "gold"): (0, 2), ("ann", "gem"): (5, 0)}
    assert_the_books_balance()
    give("coins", now=later(30))
    assert wallets()["ann", "gold"] == (3, 0)
    assert movements()[-2:] == [("issuance", "player:ann", 5), ("player:ann", "debt", 2)]
    assert_the_books_balance()


def test_a_currency_that_clamps_forgives_what_was_spent() -> None:
    publish(currency("gold", "CLAMP"), reward("coins"))
    given = give("coins")
    spend(4)
    revoke(given)
    assert wallets() == {("ann", "gold"): (0, 0)}
    assert Distribution.objects.get(pk=given.id).undone == {"taken": 1, "owed": 0, "reason": "cheated"}
    give("coins", now=later(20))
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert_the_books_balance()


def test_a_currency_that_refuses_keeps_everything_as_it_was() -> None:
    publish(currency("gold", "REFUSE"), reward("coins"))
    given = give("coins")
    spend(1)
    with pytest.raises(InsufficientBalance):
        revoke(given)
    assert statuses() == ["CLAIMED"]
    assert wallets() == {("ann", "gold"): (4, 0)}
    assert facts() == ["reward.granted", "reward.claimed"]
    give("coins", now=later(20))
    assert revoke(given, seconds=30).status == "REVOKED"
    assert wallets() == {("ann", "gold"): (4, 0)}
    assert_the_books_balance()


def test_nothing_is_taken_where_everything_was_spent() -> None:
    publish(reward("coins"))
    given = give("coins")
    spend(5)
    revoke(given)
    assert wallets() == {("ann", "gold"): (0, 5)}
    assert movements()[-1] == ("debt", "issuance", 5)
    assert_the_books_balance()


# -- everything else ---------------------------------------------------------------------------------------------------


def test_taken_points_and_experience_stop_at_nothing_and_the_rest_is_noted() -> None:
    publish(reward("points", "POINTS", 10), reward("xp", "XP", 100), level(1, 0), level(2, 100))
    points, xp = give("points"), give("xp")
    Player.objects.filter(pk="ann").update(points=4, xp=30)
    revoke(points)
    revoke(xp)
    assert statistics() == (0, 0, 6, 70)
    give("points", now=later(20))
    assert statistics() == (10, 0, 6, 70)


def test_the_level_follows_experience_but_keeps_its_rewards_and_gives_them_once() -> None:
    publish(reward("xp", "XP", 100), reward("coins"), level(1, 0), level(2, 100, "coins"))
    given = give("xp")
    assert Player.objects.get().level == 2
    revoke(given)
    assert Player.objects.get().level == 1
    assert wallets() == {("ann", "gold"): (5, 0)}
    give("xp", now=later(20))
    assert Player.objects.get().level == 2
    assert wallets() == {("ann", "gold"): (5, 0)}


def test_consumed_items_are_noted_as_owed_and_not_taken_from_later_ones() -> None:
    publish(reward("kit", "ITEM", 0, items=items(("axe", 3), ("rope", 1))))
    given = give("kit")
    assert consume(2) == {"item_id": "axe", "type": "tool", "quantity": 1}
    revoke(given)
    assert inventory() == {"axe": (0, 2), "rope": (0, 0)}
    undone = Distribution.objects.get().undone
    assert undone == {"taken": {"axe": 1, "rope": 1}, "owed": {"axe": 2, "rope": 0}, "reason": "cheated"}
    give("kit", now=later(20))
    assert inventory() == {"axe": (3, 2), "rope": (1, 0)}


def test_a_random_one_gives_back_what_it_drew() -> None:
    publish(reward("box", "RANDOM", 0, table=[{"reward": "coins", "weight": 1}]), reward("coins"))
    given = give("box")
    publish(reward("coins", value=900))
    revoke(given)
    assert wallets() == {("ann", "gold"): (0, 0)}
    assert movements() == [("issuance", "player:ann", 5), ("player:ann", "issuance", 5)]


# -- a whole cause -----------------------------------------------------------------------------------------------------


class Earn(Command):
    """Stands for whatever earned two rewards, twice."""

    def players(self) -> list[str]:
        return ["ann"]

    def handle(self, world: World) -> None:
        for occurrence in ("1", "2"):
            earned = EarnedRewards(
                player_id="ann",
                reward_ids=["coins", "wait"],
                source=Source.ACHIEVEMENT,
                source_id="a",
                occurrence=occurrence,
                at=world.now,
            )
            world[Ledger].earned.append(earned)


class TakeBack(Command):
    occurrence: str | None = None

    def players(self) -> list[str]:
        return ["ann"]

    def handle(self, world: World) -> int:
        cause = {"player_id": "ann", "source": "ACHIEVEMENT", "source_id": "a"}
        return len(revoke_of(world, **cause, occurrence=self.occurrence, reason="cheated"))


class TakeBackTheSecond(TakeBack):
    occurrence = "2"


def test_one_occurrence_or_all_of_a_cause_are_taken_back_once() -> None:
    publish(reward("coins"), manual("wait", claim_within=100))
    give("coins")
    bus.handle(Earn(), actor=SYSTEM, now=NOON)
    assert wallets() == {("ann", "gold"): (15, 0)}
    assert bus.handle(TakeBackTheSecond(), actor=SYSTEM, now=later(1)) == 2
    assert wallets() == {("ann", "gold"): (10, 0)}
    assert bus.handle(TakeBack(), actor=SYSTEM, now=later(100)) == 1  # the other one that waited expired
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert bus.handle(TakeBack(), actor=SYSTEM, now=later(101)) == 0
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert facts("reward.revoked") == ["reward.revoked"] * 3
    assert_the_books_balance()


def test_a_cause_is_taken_back_whole_or_not_at_all() -> None:
    publish(currency("gold", "REFUSE"), reward("coins"), manual("wait"))
    bus.handle(Earn(), actor=SYSTEM, now=NOON)
    spend(1)
    with pytest.raises(InsufficientBalance), transaction.atomic():
        bus.handle(TakeBack(), actor=SYSTEM, now=later(1))
    assert sorted(statuses()) == ["CLAIMED", "CLAIMED", "PENDING", "PENDING"]
    assert wallets() == {("ann", "gold"): (9, 0)}


# -- spending and consuming --------------------------------------------------------------------------------------------


def test_spending_says_what_is_left() -> None:
    publish(reward("coins"))
    give("coins")
    answer = spend(3)
    transfer = answer.pop("transfer")
    assert answer == {"currency": "gold", "balance": 2, "debt": 0}
    assert (transfer["debit_account"], transfer["credit_account"]) == ("player:ann", "spending")
    assert (transfer["amount"], transfer["cause"]) == (3, "spend:a hat")
    assert wallets() == {("ann", "gold"): (2, 0)}
    assert_the_books_balance()


@pytest.mark.parametrize(
    ("amount", "currency_", "player_id"), [(6, "gold", "ann"), (1, "gem", "ann"), (1, "gold", "bob")]
)
def test_what_is_not_there_is_not_spent(amount: int, currency_: str, player_id: str) -> None:
    publish(reward("coins"))
    give("coins")
    with pytest.raises(InsufficientBalance):
        spend(amount, currency_, player_id)
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert Transfer.objects.count() == 1


def test_what_is_not_there_is_not_consumed() -> None:
    publish(reward("kit", "ITEM", 0, items=items(("axe", 3))))
    give("kit")
    with pytest.raises(InsufficientItems):
        consume(4)
    with pytest.raises(InsufficientItems):
        consume(1, "rope")
    assert inventory() == {"axe": (3, 0)}
    assert consume(3)["quantity"] == 0
    assert inventory() == {"axe": (0, 0)}


def test_a_wallet_that_is_read_late_keeps_what_was_added_to_it_before() -> None:
    publish(reward("coins"), manual("wait"))
    first = give("coins")
    spend(4)

    class EarnAndTakeBack(Earn):
        def handle(self, world: World) -> None:
            super().handle(world)
            cause = {"player_id": "ann", "source": "GRANT", "source_id": first.source_id}
            revoke_of(world, **cause, occurrence=None, reason="")

    bus.handle(EarnAndTakeBack(), actor=SYSTEM, now=later(6))
    assert wallets() == {("ann", "gold"): (6, 0)}
    assert_the_books_balance()


def test_a_manual_claim_repays_debts_too() -> None:
    publish(reward("coins"), manual("later", value=3))
    given, waiting = give("coins"), give("later")
    spend(5)
    revoke(given)
    bus.handle(ClaimReward(player_id="ann", distribution_id=waiting.id), actor=SYSTEM, now=later(11))
    assert wallets() == {("ann", "gold"): (0, 2)}
    assert_the_books_balance()
