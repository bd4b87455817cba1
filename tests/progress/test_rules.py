"""What an event is worth, and when a requirement is met: the rules alone, without a database."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.kernel.messages import GameEvent, Sample
from progress.periods import Period
from progress.rules import (
    DERIVED,
    HOLD,
    LIFETIME,
    STICKY,
    WINDOW,
    Condition,
    Goal,
    Metric,
    NoValue,
    Requirement,
    Scope,
    Tally,
    best_window,
    combined,
    compile_metric,
    compile_requirement,
    dump_runs,
    load_runs,
    member_text,
    reported,
)
from progress.watching import Ladder, compile_watch

START = datetime(2026, 3, 1, tzinfo=UTC)


def condition(op: str, value: Any = None, field: str = "a.b") -> Condition:
    return Condition(field, tuple(field.split(".")), op, value)


def holds(op: str, value: Any, found: Any) -> bool:
    return condition(op, value).holds({"a": {"b": found}})


def metric(**fields: Any) -> Metric:
    return compile_metric({"id": "m", "event_type": "e", **fields})


def requirement(type_: str, operator: str, threshold: float, minutes: int | None = None) -> Requirement:
    definition: dict[str, Any] = {"type": type_, "metric": "m", "operator": operator, "threshold": threshold}
    if minutes:
        definition["timeframe"] = {"duration": minutes, "unit": "minutes"}
    return compile_requirement(definition, {"m": metric(value_field="v", member_field="w")})


class Units:
    def since(self, key: str) -> int:
        return 0


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
    assert condition(op, value).holds(data) is False
    assert condition("exists", True).holds(data) is False


def test_an_absent_field_meets_exists_false() -> None:
    assert condition("exists", False).holds({"a": {}})
    assert condition("exists", False).holds({"a": "text"})
    assert not condition("exists", False).holds({"a": {"b": None}})


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
    assert condition(op, value).holds(data) in (True, False)
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
    nothing = {type_: Tally().value(type_) for type_ in ("COUNT", "SUM", "DISTINCT", "STREAK", "MAX", "MIN", "LATEST")}
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
    assert (tally.streak, tally.current_run(day(7).opens)) == (3, 1)
    assert tally.current_run(day(20).opens) == 0


def test_a_long_day_after_a_move_counts_once_and_adjoins() -> None:
    tally, long = Tally(), Period(day(1).opens, day(2).opens + timedelta(hours=12))
    for period in (day(0), long, long, Period(long.closes, long.closes + timedelta(days=1))):
        tally.add_day(period)
    assert tally.streak == 3


@given(st.lists(st.integers(0, 25), max_size=30))
def test_a_streak_is_the_longest_run_of_days_in_any_order(days: list[int]) -> None:
    tally, seen = streak(*days), set(days)
    runs = [next(n for n in range(40) if start + n not in seen) for start in seen if start - 1 not in seen]
    assert tally.streak == max(runs, default=0)
    assert sorted(run[2] for run in tally.runs) == sorted(runs)
    assert load_runs(dump_runs(tally.runs)) == tally.runs


# -- requirements ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [("gt", False, False, True), ("gte", False, True, True), ("lt", True, False, False), ("lte", True, True, False),
     ("eq", False, True, False)],
)  # fmt: skip
def test_operators_compare_a_value_with_the_threshold(operator: str, below: bool, at: bool, above: bool) -> None:
    asked = requirement("LATEST", operator, 5)
    assert [asked.compare(value) for value in (4.999, 5.0, 5.001)] == [below, at, above]


@pytest.mark.parametrize(
    ("type_", "operator", "nature"),
    [
        ("COUNT", "gte", DERIVED), ("COUNT", "gt", DERIVED), ("COUNT", "eq", DERIVED), ("COUNT", "lt", HOLD),
        ("DISTINCT", "eq", DERIVED), ("SUM", "gte", STICKY), ("SUM", "lte", HOLD), ("MAX", "gte", DERIVED),
        ("MAX", "eq", STICKY), ("MAX", "lte", HOLD), ("MIN", "gt", STICKY), ("MIN", "lt", HOLD),
        ("LATEST", "gt", STICKY), ("STREAK", "gte", DERIVED), ("STREAK", "eq", STICKY),
    ],
)  # fmt: skip
def test_what_could_be_lost_again_is_remembered(type_: str, operator: str, nature: str) -> None:
    assert requirement(type_, operator, 3).nature == nature


def test_a_sum_is_remembered_even_where_each_event_is_worth_one_since_a_report_may_bear_any_number() -> None:
    definition = {"type": "SUM", "metric": "m", "operator": "gte", "threshold": 3}
    assert compile_requirement(definition, {"m": metric()}).nature == STICKY


def test_a_count_that_went_past_eq_was_there() -> None:
    assert [requirement("COUNT", "eq", 3).is_met(value) for value in (2, 3, 4)] == [False, True, True]


def test_what_zero_meets_was_reached_before_the_first_sample() -> None:
    assert requirement("SUM", "eq", 0).is_met(7, reached=None)
    assert requirement("SUM", "gte", -5).is_met(-9, reached=None)
    assert requirement("COUNT", "eq", 0).is_met(3)
    assert requirement("STREAK", "eq", 0).is_met(3, reached=None)
    assert not requirement("SUM", "gt", 0).is_met(7, reached=None)
    assert not requirement("MAX", "gte", -5).is_met(None)
    assert not requirement("COUNT", "lte", 2).is_met(3)


# -- ladders -----------------------------------------------------------------------------------------------------------

values = st.integers(-6, 6).map(float) | st.floats(-10, 10)
OPERATORS = ["gt", "gte", "lt", "lte", "eq"]


def ladder(type_: str, asked: list[tuple[str, float]]) -> tuple[Ladder, list[Goal]]:
    goals = []
    for place, (operator, threshold) in enumerate(asked):
        only = requirement(type_, operator, threshold)
        goals.append(Goal(f"g{place}", (only,), 1, LIFETIME, 0, plain=False))
    watch = compile_watch({"m": metric(value_field="v")}, goals, {}, Units())  # type: ignore[arg-type]
    [keeper] = watch.keepers["m"]
    return keeper.ladders.get(type_, Ladder()), goals


@given(st.lists(st.tuples(st.sampled_from(OPERATORS), values), max_size=12), st.none() | values, values)
def test_a_ladder_names_exactly_whose_requirement_became_met(
    asked: list[tuple[str, float]], before: float | None, after: float
) -> None:
    rungs, goals = ladder("LATEST", asked)
    became = [
        goal.owner for goal in goals if not goal.requirements[0].compare(before) and goal.requirements[0].compare(after)
    ]
    assert sorted(goal.owner for goal, _ in rungs.hits(before, after)) == sorted(became)


@given(st.lists(st.integers(1, 12).map(float), max_size=6), st.integers(0, 12), st.integers(0, 12))
def test_a_ladder_names_exactly_which_quarters_were_passed(thresholds: list[float], before: int, after: int) -> None:
    goals = [
        Goal(f"g{n}", (requirement("COUNT", "gte", threshold),), 1, LIFETIME, 0, plain=True)
        for n, threshold in enumerate(thresholds)
    ]
    watch = compile_watch({"m": metric()}, goals, {}, Units())  # type: ignore[arg-type]
    passed = watch.keepers["m"][0].ladders.get("COUNT", Ladder()).passed(before, after)
    expected = [
        (goal.owner, quarter)
        for goal in goals
        for quarter in (1, 2, 3)
        if before / goal.requirements[0].threshold < quarter / 4 <= after / goal.requirements[0].threshold
    ]
    assert sorted((goal.owner, quarter) for goal, quarter in passed) == sorted(expected)


# -- windows -----------------------------------------------------------------------------------------------------------

Kept = tuple[datetime, str, float, str | None]

kept_samples = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda minute: START + timedelta(minutes=minute)),
        st.sampled_from("abcdef"),
        st.integers(-5, 9).map(float),
        st.sampled_from([None, "s:x", "s:y", "n:1"]),
    ),
    unique_by=lambda sample: sample[:2],
    max_size=14,
).map(lambda found: sorted(found, key=lambda sample: sample[:2]))


def by_hand(asked: Requirement, kept: list[Kept], end: datetime) -> float:
    assert asked.window is not None
    held = [sample for sample in kept if end - asked.window < sample[0] <= end]
    if asked.type == "COUNT":
        return len(held)
    if asked.type == "SUM":
        return sum(sample[2] for sample in held)
    if asked.type == "MAX":
        return max(sample[2] for sample in held)
    return len({sample[3] for sample in held} - {None})


@given(
    kept_samples,
    st.sampled_from(["COUNT", "SUM", "MAX", "DISTINCT"]),
    st.sampled_from(["gt", "gte"]),
    st.integers(-6, 12),
    st.integers(1, 15),
    st.none() | st.integers(0, 40),
)
def test_windows_are_what_looking_at_each_of_them_shows(
    kept: list[Kept], type_: str, operator: str, threshold: int, minutes: int, since: int | None
) -> None:
    asked = requirement(type_, operator, threshold, minutes)
    assert asked.nature == WINDOW
    first = None if since is None else START + timedelta(minutes=since)
    ends = sorted({sample[0] for sample in kept if first is None or sample[0] >= first})
    seen = [(by_hand(asked, kept, end), end) for end in ends]
    met = [end for value, end in seen if asked.compare(value)]
    best, met_at = best_window(kept, asked, since=first)
    assert met_at == (met[0] if met else None)
    if not met:
        assert best == max((value for value, _ in seen), default=None)


def test_a_window_leaves_out_the_sample_that_is_exactly_as_old_as_it_is_long() -> None:
    kept: list[Kept] = [(START, "a", 1.0, None), (START + timedelta(minutes=10), "b", 1.0, None)]
    assert best_window(kept, requirement("COUNT", "gte", 2, 10)) == (1, None)
    assert best_window(kept, requirement("COUNT", "gte", 2, 11)) == (2, kept[1][0])


# -- goals -------------------------------------------------------------------------------------------------------------


def goal(match: str, *asked: Requirement) -> Goal:
    need = {"ALL": len(asked), "ANY": 1, "2": 2}[match]
    return Goal("g", asked, need, LIFETIME, 0, plain=False)


def progress(of: Goal, *found: tuple[float | None, bool]) -> float:
    asked = zip(of.requirements, found, strict=True)
    return combined(of, [r.fraction(value, met) for r, (value, met) in asked], [met for _, met in found])


TEN, HUNDRED, FEW = requirement("COUNT", "gte", 10), requirement("SUM", "gte", 100), requirement("COUNT", "lte", 3)


def test_all_is_the_mean() -> None:
    assert progress(goal("ALL", TEN, HUNDRED), (5, False), (25, False)) == pytest.approx(0.375)


def test_any_is_the_best() -> None:
    assert progress(goal("ANY", TEN, HUNDRED), (5, False), (25, False)) == 0.5


def test_at_least_n_is_the_mean_of_the_n_best() -> None:
    assert progress(goal("2", TEN, HUNDRED, FEW), (5, False), (25, False), (1, True)) == 0.75


def test_a_hold_is_all_or_nothing() -> None:
    assert FEW.fraction(3, True) == 1
    assert FEW.fraction(4, False) == 0


def test_a_fraction_is_never_below_0_nor_above_1() -> None:
    assert HUNDRED.fraction(-50, False) == 0
    assert requirement("SUM", "eq", 10).fraction(25, False) == 1
    assert requirement("MAX", "gte", 10).fraction(None, False) == 0


@pytest.mark.parametrize("threshold", [0, -4])
def test_a_threshold_that_is_not_above_0_is_all_or_nothing(threshold: float) -> None:
    asked = requirement("SUM", "eq", threshold)
    assert asked.fraction(threshold / 2 - 1, False) == 0
    assert asked.fraction(threshold, True) == 1


def test_unmet_as_a_whole_is_at_most_99_percent() -> None:
    assert progress(goal("ALL", requirement("SUM", "gt", 100)), (100, False)) == 0.99
    assert progress(goal("ALL", requirement("SUM", "gt", 100)), (101, True)) == 1


def test_where_only_prerequisites_stand_in_the_way_there_is_nothing_left_to_do() -> None:
    assert combined(goal("ALL"), [], []) == 1


# -- scopes ------------------------------------------------------------------------------------------------------------


def test_dates_hold_from_the_first_instant_to_before_the_last() -> None:
    scope = Scope(starts_at=START, ends_at=START + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    asked = (START - tick, START, START + timedelta(hours=1) - tick, START + timedelta(hours=1))
    assert [scope.holds(at) for at in asked] == [False, True, True, False]


def test_equal_scopes_share_a_key_and_different_ones_do_not() -> None:
    later = START + timedelta(days=1)
    scopes = [
        Scope(), Scope("DAILY"), Scope("WEEKLY"), Scope("MONTHLY"), Scope("ALWAYS", run_of="a"),
        Scope("ALWAYS", run_of="b"), Scope(starts_at=START), Scope(ends_at=START), Scope(starts_at=later),
        Scope("DAILY", starts_at=START),
    ]  # fmt: skip
    assert len({scope.key(START if scope.repeat in ("DAILY", "WEEKLY", "MONTHLY") else None) for scope in scopes}) == 10
    assert Scope("DAILY").key(START) != Scope("DAILY").key(later)
    longest = Scope("ALWAYS", START + timedelta(microseconds=1), later + timedelta(microseconds=1), "x" * 64)
    assert len(longest.key(None)) <= 160
