"""A quest's window: exact for a thousand samples, bounded beyond, and never more than there is."""

import json
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.kernel.core.messages import Sample
from progress.rules.requirements import Requirement, compile_requirement
from progress.rules.windows import WindowEntry, best_window
from quests import sliding
from quests.sliding import EXACT, MAX_ENTRIES, SHARE, Sliding
from tests.support.content import NOON, requirement

HOUR = {"duration": 60, "unit": "minutes"}


def asked(type_: str, threshold: float = 1e9) -> Requirement:
    return compile_requirement(requirement(type_, "m", threshold, timeframe=HOUR), {})


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def slide(window: Sliding, what: Requirement, *samples: tuple[float, float, str | None]) -> Sliding:
    """Samples `(second, value, member)`, stored and read again now and then."""
    for n, (second, value, member) in enumerate(samples):
        window.slide(what, Sample("m", value, member), at(second))
        if n % 97 == 0:
            window = sliding.load(json.loads(json.dumps(window.dump())))
    return window


@given(
    st.sampled_from(["COUNT", "SUM", "MAX", "DISTINCT"]),
    st.lists(
        st.tuples(st.integers(0, 9000), st.integers(1, 9), st.sampled_from(["s:a", "s:b", "s:c", None])), max_size=60
    ),
)
def test_in_whatever_order_they_come_it_is_the_best_of_all_windows(
    type_: str, samples: list[tuple[int, int, str | None]]
) -> None:
    what = asked(type_)
    found = slide(Sliding(), what, *((second, float(value), member) for second, value, member in samples)).best
    ordered = sorted(
        WindowEntry(at(second), str(n), float(value), member, 0) for n, (second, value, member) in enumerate(samples)
    )
    assert (found or 0) == (best_window(ordered, what)[0] or 0)


@pytest.mark.parametrize("late", [0, 300], ids=["in order", "some late"])
def test_a_window_of_more_than_a_thousand_lacks_at_most_a_64th_and_never_has_too_much(late: int) -> None:
    luck, what, window = Random(7), asked("COUNT"), Sliding()
    seconds: list[float] = []
    for n in range(5 * EXACT):
        second = n - luck.randint(0, late)
        seconds.append(second)
        window.slide(what, Sample("m", 1.0), at(second))
    ordered = sorted(WindowEntry(at(second), str(n), 1.0, None, 0) for n, second in enumerate(seconds))
    true = best_window(ordered, what)[0] or 0
    assert true > 2 * EXACT
    assert true * (1 - 1 / SHARE) <= (window.best or 0) <= true


def test_up_to_a_thousand_in_the_window_it_is_exact() -> None:
    what = asked("SUM", EXACT)
    window = slide(Sliding(), what, *((3.7 * n, 1.0, None) for n in range(5 * EXACT)))
    assert window.best == 973  # as many as an hour holds
    assert not any(entry.samples > 1 for entry in window.entries[-EXACT:])


@pytest.mark.parametrize("type_", ["COUNT", "SUM", "MAX", "DISTINCT"])
def test_what_is_kept_does_not_grow_with_the_number_of_samples(type_: str) -> None:
    luck, what = Random(11), asked(type_)
    window = slide(Sliding(), what, *((luck.randint(0, 86_400), 1.5, f"s:{n}") for n in range(2 * MAX_ENTRIES)))
    assert len(window.entries) <= MAX_ENTRIES
    assert len(json.dumps(window.dump())) < 40 * MAX_ENTRIES
