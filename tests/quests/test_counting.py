"""What a run counts for one requirement: kept small, and the same after it was stored and read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification.kernel.core.messages import Sample
from progress.periods import Period, PeriodKind, period
from progress.rules.requirements import compile_requirement
from progress.rules.vocabulary import WITH_A_METRIC
from quests import counting
from quests.counting import Count
from tests.support.content import NOON, requirement


def day(at: datetime) -> Period:
    return period(PeriodKind.DAILY, (("", "UTC"),), at)


def count(type_: str, threshold: float, operator: str = "gte", **fields: Any) -> Count:
    return counting.begin(compile_requirement(requirement(type_, "m", threshold, operator, **fields), {}))


def fold(each: Count, *samples: tuple[float, float] | tuple[float, float, str]) -> Count:
    """Samples `(seconds after noon, value[, member])`; stored and read again after each."""
    for n, (seconds, value, *member) in enumerate(samples):
        each.fold(Sample("m", value, *member), NOON + timedelta(seconds=seconds), f"e{n}", day)
        seen, each = each.members, counting.load(each.requirement, each.dump())
        each.members = set() if each.reached else seen  # they are rows of their own
    return each


MINUTE = {"duration": 1, "unit": "minutes"}


@pytest.mark.parametrize("type_", WITH_A_METRIC)
def test_whatever_is_counted_is_the_same_if_it_is_stored_and_read_in_between(type_: str) -> None:
    samples = [(0, 3, "a"), (90_000, 5, "b"), (5, 1, "a"), (200_000, 2, "c")]
    in_memory = count(type_, 1_000)
    for n, (seconds, value, member) in enumerate(samples):
        in_memory.fold(Sample("m", value, member), NOON + timedelta(seconds=seconds), f"e{n}", day)
    assert fold(count(type_, 1_000), *samples).value == in_memory.value


def test_a_late_sample_completes_a_window_that_ends_after_it() -> None:
    unmet = fold(count("COUNT", 3, timeframe=MINUTE), (0, 1), (70, 1), (50, 1))
    assert (unmet.value, unmet.is_met) == (2, False)
    assert fold(unmet, (60, 1)).is_met


def test_the_best_window_so_far_is_shown() -> None:
    each = fold(count("SUM", 100, timeframe=MINUTE), (0, 40), (30, 30), (90, 10))
    assert (each.value, each.fraction) == (70, 0.7)


def test_a_sample_35_days_behind_the_newest_counts_in_no_window() -> None:
    far = 35 * 86_400.0
    each = fold(count("COUNT", 2, timeframe=MINUTE), (far + 1, 1), (0, 1), (0.5, 1))
    assert each.value == 1
    assert fold(count("COUNT", 2, timeframe=MINUTE), (far, 1), (0, 1), (0.5, 1)).is_met


def test_samples_that_no_late_one_shares_a_window_with_are_forgotten() -> None:
    far = 35 * 86_400.0 + 61
    assert len(fold(count("COUNT", 9, timeframe=MINUTE), (0, 1), (5, 1), (far, 1)).window.entries) == 2
    assert len(fold(count("MAX", 9, timeframe=MINUTE), (0, 1), (5, 8), (2, 3)).window.entries) == 1


def test_what_is_reached_holds_nothing_more() -> None:
    each = fold(count("DISTINCT", 2), (0, 1, "a"), (1, 1, "b"), (2, 1, "c"))
    assert each.dump() == {"met": True, "value": 2}
    assert fold(count("COUNT", 2, timeframe=MINUTE), (0, 1), (1, 1)).dump() == {"met": True, "value": 2}


def test_a_number_of_things_to_stay_below_is_kept_up_to_what_breaks_it() -> None:
    each = fold(count("DISTINCT", 2, "lte"), *((n, 1, f"thing-{n}") for n in range(9)))
    assert (len(each.members), each.is_met) == (3, False)


@pytest.mark.parametrize(
    ("type_", "threshold", "operator", "value", "is_met"),
    [
        ("COUNT", 3, "gte", 3, True),
        ("COUNT", 3, "gt", 3, False),
        ("SUM", 7, "eq", 7, True),
        ("MAX", 5, "gte", 4, False),
        ("MIN", 1, "lte", 1, True),
        ("MIN", 1, "lt", 1, False),
        ("LATEST", 4, "lte", 4, True),
        ("STREAK", 2, "gte", 1, False),
    ],
)
def test_each_aggregate_over_the_same_samples(
    type_: str, threshold: float, operator: str, value: float, is_met: bool
) -> None:
    each = fold(count(type_, threshold, operator), (0, 2), (20, 4), (10, 1))
    assert (each.value, each.is_met) == (value, is_met)


def test_nothing_is_what_it_is_over_nothing() -> None:
    assert [count(type_, 1).value for type_ in ("COUNT", "SUM", "DISTINCT", "STREAK", "MAX", "MIN", "LATEST")] == [
        0, 0, 0, 0, None, None, None,
    ]  # fmt: skip
    assert count("SUM", 0).is_met
    assert not count("MAX", 0).is_met
    assert count("COUNT", 5, "lt").is_met
