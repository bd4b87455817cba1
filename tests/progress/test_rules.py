"""When a requirement is met, and how far it is from that: the rules alone, without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progress.rule_index import ThresholdIndex, compile_rule_index
from progress.rules import windows
from progress.rules.goals import Goal, combined
from progress.rules.requirements import DERIVED, MOMENTARY, STICKY, WINDOW, Requirement, compile_requirement
from progress.rules.samples import Metric, compile_metric
from progress.rules.scopes import LIFETIME, Repeat, Scope
from progress.rules.vocabulary import WITH_A_TIMEFRAME, RequirementType
from progress.rules.windows import WindowEntry, best_window

START = datetime(2026, 3, 1, tzinfo=UTC)


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
        ("COUNT", "gte", DERIVED), ("COUNT", "gt", DERIVED), ("COUNT", "eq", DERIVED), ("COUNT", "lt", MOMENTARY),
        ("DISTINCT", "eq", DERIVED), ("SUM", "gte", STICKY), ("SUM", "lte", MOMENTARY), ("MAX", "gte", DERIVED),
        ("MAX", "eq", STICKY), ("MAX", "lte", MOMENTARY), ("MIN", "gt", STICKY), ("MIN", "lt", MOMENTARY),
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
    assert requirement("SUM", "eq", 0).is_met(7, remembered=None)
    assert requirement("SUM", "gte", -5).is_met(-9, remembered=None)
    assert requirement("COUNT", "eq", 0).is_met(3)
    assert requirement("STREAK", "eq", 0).is_met(3, remembered=None)
    assert not requirement("SUM", "gt", 0).is_met(7, remembered=None)
    assert not requirement("MAX", "gte", -5).is_met(None)
    assert not requirement("COUNT", "lte", 2).is_met(3)


# -- thresholds --------------------------------------------------------------------------------------------------------

values = st.integers(-6, 6).map(float) | st.floats(-10, 10)
OPERATORS = ["gt", "gte", "lt", "lte", "eq"]


def thresholds_on(type_: RequirementType, asked: list[tuple[str, float]]) -> tuple[ThresholdIndex, list[Goal]]:
    goals = []
    for place, (operator, threshold) in enumerate(asked):
        only = requirement(type_, operator, threshold)
        goals.append(Goal(f"g{place}", (only,), 1, LIFETIME, 0, plain=False))
    index = compile_rule_index({"m": metric(value_field="v")}, goals, {}, Units())  # type: ignore[arg-type]
    [spec] = index.specs["m"]
    return spec.thresholds.get(type_, ThresholdIndex()), goals


@given(st.lists(st.tuples(st.sampled_from(OPERATORS), values), max_size=12), st.none() | values, values)
def test_a_threshold_index_names_exactly_whose_requirement_became_met(
    asked: list[tuple[str, float]], before: float | None, after: float
) -> None:
    thresholds, goals = thresholds_on(RequirementType.LATEST, asked)
    became = [
        goal.owner for goal in goals if not goal.requirements[0].compare(before) and goal.requirements[0].compare(after)
    ]
    assert sorted(goal.owner for goal, _ in thresholds.crossed(before, after)) == sorted(became)


@given(st.lists(st.integers(1, 12).map(float), max_size=6), st.integers(0, 12), st.integers(0, 12))
def test_a_threshold_index_names_the_quarters_that_were_passed(
    thresholds: list[float], before: int, after: int
) -> None:
    goals = [
        Goal(f"g{n}", (requirement("COUNT", "gte", threshold),), 1, LIFETIME, 0, plain=True)
        for n, threshold in enumerate(thresholds)
    ]
    index = compile_rule_index({"m": metric()}, goals, {}, Units())  # type: ignore[arg-type]
    passed = index.specs["m"][0].thresholds.get(RequirementType.COUNT, ThresholdIndex()).passed(before, after)
    expected = [
        (goal.owner, quarter)
        for goal in goals
        for quarter in (1, 2, 3)
        if before / goal.requirements[0].threshold < quarter / 4 <= after / goal.requirements[0].threshold
    ]
    assert sorted((goal.owner, quarter) for goal, quarter in passed) == sorted(expected)


# -- windows -----------------------------------------------------------------------------------------------------------

kept_samples = st.lists(
    st.builds(
        WindowEntry,
        st.integers(0, 40).map(lambda minute: START + timedelta(minutes=minute)),
        st.sampled_from("abcdef"),
        st.integers(-5, 9).map(float),
        st.sampled_from([None, "s:x", "s:y", "n:1"]),
        st.just(0),
    ),
    unique_by=lambda sample: sample[:2],
    max_size=14,
).map(lambda found: sorted(found, key=lambda sample: sample[:2]))


def by_hand(asked: Requirement, kept: list[WindowEntry], end: datetime) -> float:
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
    kept: list[WindowEntry], type_: str, operator: str, threshold: int, minutes: int, holding: int | None
) -> None:
    asked = requirement(type_, operator, threshold, minutes)
    assert asked.nature == WINDOW
    assert asked.window is not None
    held = None if holding is None else START + timedelta(minutes=holding)
    ends = sorted({sample[0] for sample in kept if held is None or held <= sample[0] < held + asked.window})
    seen = [(by_hand(asked, kept, end), end) for end in ends]
    met = [end for value, end in seen if asked.compare(value)]
    best, met_at = best_window(kept, asked, held)
    assert met_at == (met[0] if met else None)
    if not met:
        assert best == max((value for value, _ in seen), default=None)


@pytest.mark.parametrize("type_", WITH_A_TIMEFRAME)
def test_whatever_takes_a_time_frame_is_added_up_in_small_windows_and_in_large_ones(type_: RequirementType) -> None:
    for size in (windows.FEW, windows.FEW + 1):
        kept: list[WindowEntry] = [
            WindowEntry(START + timedelta(seconds=n), f"{n}", 1.0, f"s:{n}", n) for n in range(size)
        ]
        best, _ = best_window(kept, requirement(type_, "gt", 100, 10))
        assert best == (1 if type_ == RequirementType.MAX else size)


def test_a_window_leaves_out_the_sample_that_is_exactly_as_old_as_it_is_long() -> None:
    kept = [WindowEntry(START, "a", 1.0, None, 1), WindowEntry(START + timedelta(minutes=10), "b", 1.0, None, 2)]
    assert best_window(kept, requirement("COUNT", "gte", 2, 10)) == (1, None)
    assert best_window(kept, requirement("COUNT", "gte", 2, 11)) == (2, kept[1][0])


# -- goals -------------------------------------------------------------------------------------------------------------


def goal(match: str, *asked: Requirement) -> Goal:
    need = {"ALL": len(asked), "ANY": 1, "2": 2}[match]
    return Goal("g", asked, need, LIFETIME, 0, plain=False)


def progress(of: Goal, *found: tuple[float | None, bool]) -> float:
    asked = zip(of.requirements, found, strict=True)
    return combined(of.need, [r.fraction(value, met) for r, (value, met) in asked], [met for _, met in found])


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
    assert combined(0, [], []) == 1


# -- scopes ------------------------------------------------------------------------------------------------------------


def test_dates_hold_from_the_first_instant_to_before_the_last() -> None:
    scope = Scope(starts_at=START, ends_at=START + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    asked = (START - tick, START, START + timedelta(hours=1) - tick, START + timedelta(hours=1))
    assert [scope.contains(at) for at in asked] == [False, True, True, False]


def test_equal_scopes_share_a_key_and_different_ones_do_not() -> None:
    later = START + timedelta(days=1)
    scopes = [
        Scope(), Scope(Repeat.DAILY), Scope(Repeat.WEEKLY), Scope(Repeat.MONTHLY), Scope(Repeat.ALWAYS, run_of="a"),
        Scope(Repeat.ALWAYS, run_of="b"), Scope(starts_at=START), Scope(ends_at=START), Scope(starts_at=later),
        Scope(Repeat.DAILY, starts_at=START),
    ]  # fmt: skip
    assert len({scope.key(START if scope.period_kind else None) for scope in scopes}) == 10
    assert Scope(Repeat.DAILY).key(START) != Scope(Repeat.DAILY).key(later)
    longest = Scope(Repeat.ALWAYS, START + timedelta(microseconds=1), later + timedelta(microseconds=1), "x" * 64)
    assert len(longest.key(None)) <= 160
