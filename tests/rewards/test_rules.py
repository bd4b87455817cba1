"""What a reward comes to, when it can still be claimed, what revoking takes back: pure decisions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import rules

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ids = st.uuids()


def award(**fields: Any) -> rules.Award:
    return rules.award({"id": "r", "type": "CURRENCY", "value": 5, "currency": "gold"} | fields)


def test_a_distribution_is_known_by_its_cause() -> None:
    id_ = rules.distribution_id("ann", "ACHIEVEMENT", "first", "0", 0)
    assert id_ == UUID("d347db1a-a00c-ca9e-7691-ab3705c6fa73")


def test_each_part_of_the_cause_makes_another_distribution() -> None:
    cause: tuple[Any, ...] = ("ann", "QUEST", "a", "0", 0)
    others: list[tuple[Any, ...]] = [
        ("bob", "QUEST", "a", "0", 0),
        ("ann", "ACHIEVEMENT", "a", "0", 0),
        ("ann", "QUEST", "b", "0", 0),
        ("ann", "QUEST", "a", "1", 0),
        ("ann", "QUEST", "a", "0", 1),
        ("annQ", "UEST", "a", "0", 0),
    ]
    assert len({rules.distribution_id(*each) for each in [cause, *others]}) == 7


@given(ids, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=6))
def test_a_draw_is_always_the_same_and_never_what_has_no_weight(id_: UUID, chances: list[tuple[str, int]]) -> None:
    drawn = rules.draw(id_, chances)
    assert drawn == rules.draw(id_, chances)
    assert drawn in {reward for reward, weight in chances if weight} or (
        drawn is None and not any(w for _, w in chances)
    )


def test_draws_follow_the_weights() -> None:
    drawn = Counter(rules.draw(UUID(int=n), [("never", 0), ("rare", 1), ("often", 3)]) for n in range(8000))
    assert set(drawn) == {"rare", "often"}
    assert 1850 < drawn["rare"] < 2150  # 2000 expected; 3.9 standard deviations


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"claim_within": 60}, NOON + timedelta(seconds=60)),
        ({"expires_at": "2026-11-20T12:00:30Z"}, NOON + timedelta(seconds=30)),
        ({"claim_within": 60, "expires_at": "2026-11-20T12:00:30Z"}, NOON + timedelta(seconds=30)),
        ({"claim_within": 20, "expires_at": "2026-11-20T12:00:30Z"}, NOON + timedelta(seconds=20)),
    ],
)
def test_the_sooner_of_two_ends_counts(fields: dict[str, Any], expected: datetime | None) -> None:
    assert rules.expiry(award(**fields), NOON) == expected


def test_it_is_over_at_the_very_instant() -> None:
    assert rules.is_over(NOON, NOON)
    assert not rules.is_over(NOON, NOON - timedelta(microseconds=1))
    assert not rules.is_over(None, NOON)


@pytest.mark.parametrize(
    ("policy", "balance", "expected"),
    [
        ("DEBT", 10, (7, 0)),
        ("DEBT", 7, (7, 0)),
        ("DEBT", 3, (3, 4)),
        ("DEBT", 0, (0, 7)),
        ("CLAMP", 10, (7, 0)),
        ("CLAMP", 3, (3, 0)),
        ("CLAMP", 0, (0, 0)),
        ("REFUSE", 10, (7, 0)),
        ("REFUSE", 7, (7, 0)),
        ("REFUSE", 6, None),
    ],
)
def test_what_is_taken_and_owed_of_seven(policy: str, balance: int, expected: tuple[int, int] | None) -> None:
    assert rules.recover(balance, 7, rules.OnRevoke(policy)) == expected


@given(st.integers(0), st.integers(0))
def test_taking_stops_at_nothing_and_the_rest_is_owed(have: int, amount: int) -> None:
    taken, owed = rules.take(have, amount)
    assert taken + owed == amount
    assert 0 <= taken <= have
    assert owed == 0 or taken == have


def test_a_currency_that_nobody_described_makes_debts() -> None:
    compiled = rules.compile_rewards({"currency": {"gem": {"id": "gem", "on_revoke": "REFUSE"}}}, None)
    assert compiled.policy("gem") == "REFUSE"
    assert compiled.policy("gold") == "DEBT"


def test_a_reward_may_leave_out_what_it_has_no_use_for() -> None:
    badge = rules.award({"id": "star", "type": "BADGE", "value": 0, "currency": None, "items": None, "table": None})
    assert (badge.value, badge.currency, badge.items, badge.chances, badge.is_auto) == (0, "", (), (), False)
    assert badge.content == {"type": "BADGE", "value": 0, "currency": None, "items": []}
