"""What is enough to withhold, which case comes first, what votes come to: plain Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from anticheat.verdicts import Sign, warrants_withholding
from gamification.review import rules
from gamification.review.rules import Decision, Said, State, Verdict

TODAY = date(2026, 11, 20)
SURE = -9.0


def sign(rule: str, family: str, ago: int = 0, tail: float | None = SURE) -> Sign:
    return Sign(rule, family, TODAY - timedelta(days=ago), tail)


@pytest.mark.parametrize(
    ("signs", "enough"),
    [
        ([], False),
        ([sign("pace", "rhythm")], False),
        ([sign("pace", "rhythm", 0), sign("pace", "rhythm", 1)], False),
        ([sign("pace", "rhythm", 0), sign("pace", "rhythm", 3), sign("pace", "rhythm", 6)], True),
        ([sign("pace", "rhythm", 0), sign("pace", "rhythm", 3), sign("pace", "rhythm", 7)], False),
        ([sign("pace", "rhythm", ago, -8.9) for ago in range(7)], False),
        ([sign("pace", "rhythm", ago, None) for ago in range(7)], False),
        ([sign("pace", "rhythm"), sign("grid", "rhythm")], False),
        ([sign("pace", "rhythm", 0, -2), sign("marathon", "endurance", 6, None)], True),
        ([sign("pace", "rhythm", 0), sign("marathon", "endurance", 7)], False),
        ([sign("pace", "rhythm", 0), sign("marathon", "endurance", -1)], False),
    ],
)
def test_withholding_takes_three_days_of_a_rule_or_two_families(signs: list[Sign], enough: bool) -> None:
    assert warrants_withholding(signs, TODAY) is enough


def test_a_flag_opens_no_case_and_a_shadow_rule_neither() -> None:
    assert rules.opens_a_case("PACE", 0.1, False)
    assert not rules.opens_a_case("PACE", 0.1, True)
    assert [rules.opens_a_case("REUSE", value, False) for value in (None, 1, 2, 3, 4)] == [False] * 3 + [True] * 2


def test_the_queue_stands_by_how_sure_and_how_much() -> None:
    assert rules.strongest([None, -2.0, -12.0]) == -12.0
    assert rules.strongest([]) == rules.strongest([None]) == rules.UNKNOWN_TAIL
    assert rules.strongest([float("-inf"), float("nan")]) == rules.UNKNOWN_TAIL
    assert rules.strongest([-1e9]) == rules.STRONGEST_TAIL
    assert rules.stake([], []) == 1.0
    assert rules.stake([10, 5], [0.25, 1.0]) == 16.75
    assert rules.weight(-9, 2.0) == 18.0


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_votes_decide_once_enough_agree_and_do_what_all_of_them_would() -> None:
    yes, no = Said(Verdict.CONFIRMED, True, NOON), Said(Verdict.CLEARED)
    assert rules.decided([yes], 2) is None
    assert rules.decided([yes, no], 2) is None
    assert rules.decided([yes, no, no], 2) == Decision(Verdict.CLEARED, False, None)
    milder = Said(Verdict.CONFIRMED, False, NOON + timedelta(hours=1))
    assert rules.decided([yes, milder], 2) == Decision(Verdict.CONFIRMED, False, NOON + timedelta(hours=1))
    assert rules.decided([yes, Said(Verdict.CONFIRMED, True)], 2) == Decision(Verdict.CONFIRMED, True, None)


def test_only_an_open_or_an_appealed_case_can_be_decided() -> None:
    assert {state: state.awaits for state in State if state.awaits} == {
        State.OPEN: (Verdict.CONFIRMED, Verdict.CLEARED),
        State.APPEALED: (Verdict.UPHELD, Verdict.OVERTURNED),
    }
