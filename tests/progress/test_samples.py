"""What an event is worth, and what samples come to: the rules alone, without a database."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.kernel.core.messages import GameEvent, Sample
from progress.periods import Period
from progress.rules.requirements import Requirement, compile_requirement
from progress.rules.samples import Condition, Metric, NoValue, compile_metric, member_text, reported
from progress.rules.tallies import MAX_RUNS, Tally, dump_runs, load_runs
from progress.rules.vocabulary import WITH_A_METRIC, ConditionOp

START = datetime(2026, 3, 1, tzinfo=UTC)


def condition(op: str, value: Any = None, field: str = "a.b") -> Condition:
    return Condition(field, tuple(field.split(".")), ConditionOp(op), value)


def holds(op: str, value: Any, found: Any) -> bool:
    return condition(op, value).is_met_by({"a": {"b": found}})


def metric(**fields: Any) -> Metric:
    return compile_metric({"id": "m", "event_type": "e", **fields})


def requirement(type_: str, operator: str, threshold: float) -> Requirement:
    definition: dict[str, Any] = {"type": type_, "metric": "m", "operator": operator, "threshold": threshold}
    return compile_requirement(definition, {"m": metric(value_field="v", member_field="w")})


# -- conditions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "value", "found", "expected"),
    [
        ("eq", 1, 1.0, True),
        ("eq", 1, "1", False),
        ("eq", 1, True, False),
        ("eq", 0, False, False),
        ("eq", True, True, True),
        ("eq", "bow", "bow", True),
        ("eq", "bow", "Bow", False),
        ("eq", None, None, True),
        ("eq", None, 0, False),
        ("eq", [1, {"a": 2}], [1.0, {"a": 2.0}], True),
        ("eq", [1], [True], False),
        ("eq", {"a": 1}, {"a": "1"}, False),
        ("ne", 1, 2, True),
        ("ne", 1, 1.0, False),
        ("in", [1, "bow"], 1.0, True),
        ("in", [1, "bow"], True, False),
        ("in", [1, "bow"], "1", False),
        ("in", [], 1, False),
        ("in", "bow", "b", False),
        ("not_in", [1, "bow"], 2, True),
        ("not_in", [1, "bow"], 1.0, False),
        ("not_in", [1], "bow", False),  # of another kind than all that are named
        ("not_in", [], "bow", True),
        ("not_in", [1, "sword"], "bow", True),
        ("gt", 3, 3, False),
        ("gt", 3, 3.1, True),
        ("gte", 3, 3, True),
        ("lt", 3, 3, False),
        ("lt", 3, -1e300, True),
        ("lte", 3, 3.0, True),
        ("gt", 3, "4", False),
        ("gt", 0, True, False),
        ("lt", 3, None, False),
        ("lt", "z", "a", False),
        ("gte", 3, [4], False),
        ("gt", 3, math.nan, False),
        ("lt", 3, math.nan, False),
        ("gt", 3, math.inf, False),
        ("exists", True, None, True),
        ("exists", True, 0, True),
        ("exists", False, 0, False),
    ],
)
def test_a_condition_compares_values_of_one_kind(op: str, value: Any, found: Any, expected: bool) -> None:
    assert holds(op, value, found) is expected


@pytest.mark.parametrize("found", ["1", True, None, [1], {"a": 1}])
@pytest.mark.parametrize("op", ["eq", "ne", "in", "not_in"])
def test_a_field_of_another_kind_meets_no_comparison_not_even_an_unequal_one(op: str, found: Any) -> None:
    assert holds(op, [1, 2.5] if op in ("in", "not_in") else 1, found) is False


@pytest.mark.parametrize("op", ["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("data", [{}, {"a": {}}, {"a": 1}, {"a": None}, {"a": [{"b": 1}]}, {"a.b": 1}])
def test_an_absent_field_meets_no_condition(op: str, data: dict[str, Any]) -> None:
    value = [1, 2] if op in ("in", "not_in") else 1
    assert condition(op, value).is_met_by(data) is False
    assert condition("exists", True).is_met_by(data) is False


def test_an_absent_field_meets_exists_false() -> None:
    assert condition("exists", False).is_met_by({"a": {}})
    assert condition("exists", False).is_met_by({"a": "text"})
    assert not condition("exists", False).is_met_by({"a": {"b": None}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "exists"]),
    json_values,
    st.dictionaries(st.sampled_from("ab"), json_values),
)
def test_no_condition_ever_raises(op: str, value: Any, data: dict[str, Any]) -> None:
    assert condition(op, value).is_met_by(data) in (True, False)
    with suppress(NoValue):
        metric(value_field="a", member_field="a.b").sample(data)


def test_all_conditions_must_hold() -> None:
    both = metric(conditions=[{"field": "a", "op": "gt", "value": 1}, {"field": "b", "op": "eq", "value": "x"}])
    assert both.sample({"a": 2, "b": "x"}) == Sample("m", 1.0)
    assert both.sample({"a": 2, "b": "y"}) is None
    assert both.sample({"a": 1, "b": "x"}) is None


# -- samples -----------------------------------------------------------------------------------------------------------


def test_without_a_value_field_each_event_is_worth_one() -> None:
    assert metric().sample({}) == Sample("m", 1.0)


@pytest.mark.parametrize("value", [0, -3, 2.5, 2**53, -(2**53), 1e-300])
def test_a_number_is_a_sample(value: float) -> None:
    assert metric(value_field="v.w").sample({"v": {"w": value}}) == Sample("m", float(value))


@pytest.mark.parametrize(
    "data",
    [{}, {"v": None}, {"v": "5"}, {"v": True}, {"v": [5]}, {"v": {}}, {"v": math.nan}, {"v": math.inf},
     {"v": -math.inf}, {"v": 2**53 + 1}, {"v": -(2**53) - 1}, {"v": 10**400}, {"v": 1e16}],
)  # fmt: skip
def test_what_is_no_number_that_a_double_holds_exactly_is_no_sample_and_said_so(data: dict[str, Any]) -> None:
    with pytest.raises(NoValue):
        metric(value_field="v").sample(data)


def test_where_a_condition_fails_the_missing_value_is_not_complained_of() -> None:
    picky = metric(value_field="v", conditions=[{"field": "k", "op": "eq", "value": 1}])
    assert picky.sample({"k": 2}) is None


def test_members_of_different_kinds_are_different() -> None:
    kinds = ["1", 1, True, "true", "", 0, False, 1.5, "1.5"]
    assert len({member_text(value) for value in kinds}) == len(kinds)
    assert member_text(1) == member_text(1.0)
    assert member_text(-0.0) == member_text(0)
    assert member_text(10**20) == member_text(1e20)


@pytest.mark.parametrize("value", [None, [], {}, ["a"], math.nan, math.inf])
def test_a_sample_without_a_member_still_counts(value: Any) -> None:
    assert metric(member_field="w").sample({"w": value}) == Sample("m", 1.0, None)
    assert metric(member_field="w").sample({}) == Sample("m", 1.0, None)


def test_long_members_stay_different_and_fit_their_column() -> None:
    one, other = member_text("x" * 5000 + "a"), member_text("x" * 5000 + "b")
    assert one != other
    assert one is not None
    assert len(one) <= 90


def test_a_report_is_worth_one_sample_for_each_metric_it_names_whatever_its_conditions() -> None:
    metrics = {"m": metric(value_field="v", conditions=[{"field": "x", "op": "eq", "value": 1}]), "n": metric()}
    values = {"m": 5, "unknown": 3, "n": "5"}
    event = GameEvent("e", "ann", "metrics.reported", {"metrics": values}, START)
    assert reported(event, metrics) == (Sample("m", 5.0),)


# -- aggregates --------------------------------------------------------------------------------------------------------


def fold(*samples: tuple[float, int, str]) -> Tally:
    tally = Tally()
    for value, second, id_ in samples:
        tally.fold(value, START + timedelta(seconds=second), id_)
    return tally


def test_over_nothing_counts_are_zero_and_extremes_undefined() -> None:
    nothing = {type_: Tally().value(type_) for type_ in WITH_A_METRIC}
    assert nothing == {"COUNT": 0, "SUM": 0, "DISTINCT": 0, "STREAK": 0, "MAX": None, "MIN": None, "LATEST": None}


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte", "eq"])
@pytest.mark.parametrize("type_", ["MAX", "MIN", "LATEST"])
def test_an_undefined_value_meets_no_operator(type_: str, operator: str) -> None:
    assert not requirement(type_, operator, 0).is_met(None)
    assert not requirement(type_, operator, -5).is_met(None)


def test_latest_is_the_sample_with_the_greatest_timestamp_and_id() -> None:
    assert fold((1, 5, "a"), (2, 3, "z"), (3, 5, "B")).latest == 1  # "a" comes after "B" by code point
    assert fold((1, 5, "a"), (2, 5, "b")).latest == 2
    assert fold((1, 5, "z"), (2, 5, "~own")).latest == 2


samples = st.lists(
    st.tuples(st.integers(-20, 20).map(float), st.integers(0, 50), st.sampled_from("abcde")),
    unique_by=lambda sample: sample[1:],
    max_size=20,
)


@given(samples)
def test_aggregates_are_what_a_list_of_the_samples_says(given_: list[tuple[float, int, str]]) -> None:
    tally, values = fold(*given_), [sample[0] for sample in given_]
    assert (tally.count, tally.sum) == (len(values), sum(values))
    assert (tally.max, tally.min) == (max(values, default=None), min(values, default=None))
    assert tally.latest == max(given_, key=lambda sample: sample[1:], default=(None,))[0]


# -- streaks -----------------------------------------------------------------------------------------------------------


def day(n: int) -> Period:
    return Period(START + timedelta(days=n), START + timedelta(days=n + 1))


def streak(*days: int) -> Tally:
    tally = Tally()
    for n in days:
        tally.add_day(day(n))
    return tally


def test_days_in_a_row_are_a_streak_and_a_gap_ends_it() -> None:
    assert streak(0, 1, 2).streak == 3
    assert streak(0, 1, 3).streak == 2
    assert streak(0, 0, 0).streak == 1


def test_a_late_day_joins_the_runs_beside_it() -> None:
    assert streak(0, 1, 3, 4, 5).streak == 3
    assert streak(0, 1, 3, 4, 5, 2).streak == 6
    assert streak(1, 0).runs == [(day(0).opens, day(1).closes, 2)]


def test_the_longest_run_stays_and_the_current_one_is_shown_beside_it() -> None:
    tally = streak(0, 1, 2, 6)
    assert tally.streak == 3
    assert [tally.current_run(day(number)) for number in (6, 7, 8, 20)] == [1, 1, 0, 0]


def test_a_long_day_after_a_move_counts_once_and_adjoins() -> None:
    tally, long = Tally(), Period(day(1).opens, day(2).opens + timedelta(hours=12))
    for period in (day(0), long, long, Period(long.closes, long.closes + timedelta(days=1))):
        tally.add_day(period)
    assert tally.streak == 3


def test_a_run_is_alive_until_the_period_after_its_last_day_is_over_however_long_they_are() -> None:
    """The move's day has 47 hours here; then, a day of 25 hours: both count by the period, not by the hours."""
    tally, moving = Tally(), Period(day(1).opens, day(1).opens + timedelta(hours=47))
    tally.add_day(day(0))
    assert tally.current_run(moving) == 1
    tally.add_day(moving)
    after = Period(moving.closes, moving.closes + timedelta(hours=25))
    assert [tally.current_run(today) for today in (moving, after)] == [2, 2]
    assert tally.current_run(Period(after.closes, after.closes + timedelta(days=1))) == 0


def test_of_many_runs_the_oldest_are_forgotten_and_never_the_longest() -> None:
    tally = streak(0, 1, 2, *range(4, 4 + 6 * MAX_RUNS, 2))
    assert (len(tally.runs), tally.streak, tally.runs[0][2]) == (MAX_RUNS, 3, 3)
    assert tally.current_run(day(2 + 6 * MAX_RUNS)) == 1


@given(st.lists(st.integers(0, 25), max_size=30))
def test_a_streak_is_the_longest_run_of_days_in_any_order(days: list[int]) -> None:
    tally, seen = streak(*days), set(days)
    runs = [next(n for n in range(40) if start + n not in seen) for start in seen if start - 1 not in seen]
    assert tally.streak == max(runs, default=0)
    assert sorted(run[2] for run in tally.runs) == sorted(runs)
    assert load_runs(dump_runs(tally.runs)) == tally.runs
