"""Many callers at once, each with a connection of its own: every distribution is paid once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import Event
from rewards.commands import ClaimReward, ExpireRewards, RevokeDistribution, Spend
from rewards.models import Distribution, Transfer
from tests.support.content import publish, reward
from tests.support.rewarding import NOON, assert_the_books_balance, facts, give, later, manual, statistics, wallets

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CLIENTS = 50
GRANTED = 40
"""Each is claimed by every client: 2,000 claims, of which 40 may pay."""

CONTENDED = 30
"""Those that are claimed, revoked and swept at once; the rest must stay as they are."""


def at_once(clients: int, work: Callable[[int], Any]) -> list[Any]:
    """What each client's work came to, all started together."""
    answers: list[Any] = [None] * clients
    barrier = threading.Barrier(clients)

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            answers[n] = work(n)
        except Exception as failure:
            answers[n] = failure
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture
def ids() -> list[UUID]:
    """Distributions of money and points, of ten players, to be claimed within a minute."""
    publish(manual("coins", claim_within=60), manual("points", "POINTS", 3, claim_within=60))
    return [give("points" if n % 2 else "coins", f"p{n % 10}").id for n in range(GRANTED)]


def test_fifty_clients_claim_the_same_distributions_and_each_is_paid_once(ids: list[UUID]) -> None:
    owners = dict(Distribution.objects.values_list("id", "player_id"))

    def claim_all(n: int) -> Counter[str]:
        # Everyone begins elsewhere, so that all are contended, not one after the other.
        order = ids[n % GRANTED :] + ids[: n % GRANTED]
        told: Counter[str] = Counter()
        for id_ in order:
            given = bus.handle(ClaimReward(player_id=owners[id_], distribution_id=id_), actor=SYSTEM, now=later(1))
            told[given.status] += 1
        return told

    assert at_once(CLIENTS, claim_all) == [{"CLAIMED": GRANTED}] * CLIENTS
    assert facts("reward.claimed") == ["reward.claimed"] * GRANTED
    assert Event.objects.filter(type="reward.claimed").count() == GRANTED
    assert Transfer.objects.count() == GRANTED // 2
    assert wallets() == {(f"p{n}", "gold"): (20, 0) for n in (0, 2, 4, 6, 8)}
    assert [statistics(f"p{n}")[0] for n in range(10)] == [0, 12] * 5
    assert_the_books_balance()


def test_claims_sweeps_and_revocations_at_once_take_each_distribution_one_way(ids: list[UUID]) -> None:
    owners = dict(Distribution.objects.values_list("id", "player_id"))
    due = list(owners.items())

    def act(n: int) -> int:
        done = 0
        for id_ in ids[:CONTENDED]:
            wish: Any = ClaimReward(player_id=owners[id_], distribution_id=id_)
            if n % 3 == 1:
                wish = RevokeDistribution(distribution_id=id_, reason="")
            if n % 3 == 2:
                wish = ExpireRewards(due=[due[done]])
            # The sweeper's clock is ahead: from some point on it is over for it, not yet for the others.
            now = NOON + timedelta(seconds=61 if n % 3 == 2 else 1)
            try:
                bus.handle(wish, actor=SYSTEM, now=now)
            except Exception as refused:
                if type(refused).__name__ not in ("RewardExpired", "RewardRevoked"):
                    raise
            done += 1
        return done

    assert at_once(9, act) == [CONTENDED] * 9
    counted = Counter(Distribution.objects.values_list("status", flat=True))
    assert counted["EXPIRED"] + counted["REVOKED"] == CONTENDED
    assert counted["PENDING"] == GRANTED - CONTENDED
    told = Counter(facts())
    assert told["reward.granted"] == GRANTED
    assert told["reward.expired"] == counted["EXPIRED"]
    assert told["reward.revoked"] == counted["REVOKED"]
    claimed = Distribution.objects.exclude(claimed_at=None)
    assert told["reward.claimed"] == claimed.count()
    assert {balance for balance, _ in wallets().values()} <= {0}
    assert_the_books_balance()


def test_money_spent_by_many_at_once_is_spent_once() -> None:
    publish(reward("coins", value=30))
    give("coins")

    def spend(n: int) -> str:
        try:
            bus.handle(Spend(player_id="ann", currency="gold", amount=7, reason=""), actor=SYSTEM, now=later(1))
        except Exception as refused:
            return type(refused).__name__
        return "spent"

    assert Counter(at_once(10, spend)) == {"spent": 4, "InsufficientBalance": 6}
    assert wallets() == {("ann", "gold"): (2, 0)}
    assert_the_books_balance()
