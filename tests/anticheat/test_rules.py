from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anticheat.rules import MAX_TRAIL, HardRule, Trail, broken
from gamification.kernel.core.messages import GameEvent, Sample

NOW = datetime(2026, 5, 30, 18, 0, tzinfo=UTC)


def event(at: float = 0, *values: float, type_: str = "kill", metric: str = "gold") -> GameEvent:
    """An event `at` seconds after NOW, worth `values` to `metric`."""
    samples = tuple(Sample(metric, value) for value in values)
    return GameEvent(f"e{at}", "ada", type_, {}, NOW + timedelta(seconds=at), samples)


def judged(rule: HardRule, *events: GameEvent) -> list[bool]:
    """Whether each event breaks the rule, those that pass being remembered."""
    trail, verdicts = Trail(), []
    for each in events:
        values = broken(rule, each, trail, NOW)
        verdicts.append(values is not None)
        if values is None:
            trail.add(rule, each, NOW)
    return verdicts


def test_a_value_out_of_range_is_told_with_the_bound_it_broke() -> None:
    rule = HardRule("r", "VALUE_RANGE", metric="gold", minimum=0, maximum=10)
    assert broken(rule, event(0, 10), None, NOW) is None
    assert broken(rule, event(0, 0), None, NOW) is None
    assert broken(rule, event(0, 10.5), None, NOW) == {"value": 10.5, "maximum": 10}
    assert broken(rule, event(0, 3, -1), None, NOW) == {"value": -1, "minimum": 0}


def test_a_rule_minds_its_own_business() -> None:
    by_metric = HardRule("r", "VALUE_RANGE", metric="gold", maximum=10)
    assert broken(by_metric, event(0, 11, metric="wood"), None, NOW) is None
    assert broken(by_metric, event(0), None, NOW) is None
    by_type = HardRule("r", "CLOCK_SKEW", event_type="kill", seconds=1)
    assert broken(by_type, event(-9, type_="death"), None, NOW) is None
    assert broken(by_type, event(-9), None, NOW) == {"skew": -9, "seconds": 1}


def test_one_event_may_be_worth_so_much_in_all() -> None:
    rule = HardRule("r", "MAX_PER_EVENT", metric="gold", maximum=10)
    assert broken(rule, event(0, 6, 4), None, NOW) is None
    assert broken(rule, event(0, 6, 5), None, NOW) == {"amount": 11, "maximum": 10}


def test_a_clock_may_be_off_by_so_much_either_way() -> None:
    rule = HardRule("r", "CLOCK_SKEW", event_type="kill", seconds=60)
    assert broken(rule, event(-60), None, NOW) is None
    assert broken(rule, event(60), None, NOW) is None
    assert broken(rule, event(60.5), None, NOW) == {"skew": 60.5, "seconds": 60}
    assert broken(rule, event(-61), None, NOW) == {"skew": -61, "seconds": 60}


def test_the_first_of_a_flood_count_and_the_rest_does_not() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", event_type="kill", maximum=3, seconds=10)
    assert judged(rule, *[event(n) for n in range(6)]) == [False, False, False, True, True, True]


def test_a_window_leaves_out_the_instant_at_which_it_opens() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", event_type="kill", maximum=1, seconds=10)
    assert judged(rule, event(0), event(9.999999), event(10)) == [False, True, False]


def test_a_window_of_a_metric_sums_amounts() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", metric="gold", maximum=10, seconds=10)
    assert judged(rule, event(0, 6), event(1, 5), event(2, 4), event(3, 1), event(10, 6)) == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert broken(rule, event(1, 5), Trail([(int(NOW.timestamp()) * 1_000_000, 6)]), NOW) == {
        "amount": 11,
        "maximum": 10,
        "seconds": 10,
    }


def test_a_late_event_is_judged_among_its_contemporaries() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", event_type="kill", maximum=2, seconds=10)
    # The window that ends at 8 would hold three; the late event at -5 has company only at 0.
    assert judged(rule, event(0), event(8), event(4), event(-5)) == [False, False, True, False]


def test_too_soon_before_is_as_bad_as_too_soon_after() -> None:
    rule = HardRule("r", "COOLDOWN", event_type="kill", seconds=5)
    assert judged(rule, event(0), event(4), event(5), event(20), event(16), event(15), event(10)) == [
        False,
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    trail = Trail([(int(NOW.timestamp()) * 1_000_000, 1)])
    assert broken(rule, event(0), trail, NOW) == {"gap": 0, "seconds": 5}


def test_an_event_from_a_clock_that_is_ahead_makes_nobody_forget() -> None:
    rule = HardRule("r", "COOLDOWN", event_type="kill", seconds=10)
    assert judged(rule, event(0), event(290), event(5)) == [False, False, True]


def test_a_trail_forgets_what_no_event_to_come_is_judged_by() -> None:
    rule = HardRule("r", "COOLDOWN", event_type="kill", seconds=1)
    trail = Trail()
    for n in range(100):
        trail.add(rule, event(n - 200), NOW)
    assert len(trail.entries) == 3


def test_a_long_trail_is_thinned_and_loses_no_amount() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", metric="gold", maximum=1e9, seconds=10_000)
    trail = Trail()
    for n in range(3 * MAX_TRAIL):
        trail.add(rule, event(n - 4_000, 1), NOW)
    assert len(trail.entries) <= MAX_TRAIL
    assert sum(amount for _, amount in trail.entries) == 3 * MAX_TRAIL


def test_a_rule_of_an_unknown_kind_breaks_nothing() -> None:
    assert broken(HardRule("r", "LUCK", event_type="kill"), event(), None, NOW) is None


@given(st.lists(st.integers(-30, 0), max_size=30), st.integers(1, 5), st.integers(1, 10))
def test_no_window_ever_holds_more_than_the_maximum(instants: list[int], maximum: int, seconds: int) -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", event_type="kill", maximum=maximum, seconds=seconds)
    # In an order in which nothing is later than the trail's memory of two windows.
    instants = [at for n, at in enumerate(instants) if at > max(instants[: n + 1]) - seconds]
    verdicts = judged(rule, *[event(at) for at in instants])
    passed = [at for at, is_broken in zip(instants, verdicts, strict=True) if not is_broken]
    for end in passed:
        assert sum(end - seconds < at <= end for at in passed) <= maximum
    for n, (at, is_broken) in enumerate(zip(instants, verdicts, strict=True)):
        before = [b for b, wrong in zip(instants[:n], verdicts[:n], strict=True) if not wrong] + [at]
        over = any(sum(end - seconds < b <= end for b in before) > maximum for end in before if end - seconds < at)
        if is_broken:
            assert over


@given(st.lists(st.integers(-30, 0), max_size=30), st.integers(1, 10))
def test_no_two_events_that_pass_are_closer_than_the_cooldown(instants: list[int], seconds: int) -> None:
    rule = HardRule("r", "COOLDOWN", event_type="kill", seconds=seconds)
    instants = [at for n, at in enumerate(instants) if at > max(instants[: n + 1]) - seconds]
    verdicts = judged(rule, *[event(at) for at in instants])
    passed = sorted(at for at, is_broken in zip(instants, verdicts, strict=True) if not is_broken)
    assert all(later - earlier >= seconds for earlier, later in pairwise(passed))


def test_eight_times_seven_tenths_are_not_over_a_maximum_of_five_point_six() -> None:
    rule = HardRule("r", "MAX_PER_WINDOW", metric="gold", maximum=5.6, seconds=100)
    assert judged(rule, *(event(n, 0.7) for n in range(9))) == [False] * 8 + [True]


@pytest.mark.parametrize("kind", ["MAX_PER_WINDOW", "COOLDOWN"])
def test_a_trail_survives_being_stored(kind: str) -> None:
    rule = HardRule("r", kind, metric="gold", maximum=5, seconds=10)
    trail = Trail()
    trail.add(rule, event(0.000001, 2.5), NOW)
    assert Trail([list(entry) for entry in trail.entries]).entries == trail.entries  # type: ignore[misc]
