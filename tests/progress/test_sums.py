"""One sum everywhere: the double nearest to the true sum, whatever the order, wherever it is kept."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from achievements.models import Standing
from gamification import backfilling, pipeline
from gamification.kernel.core import bus, sums
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Sample
from gamification.kernel.core.vocabulary import BackfillMode
from progress.backfill import schedule
from progress.models import Tally as TallyRow
from progress.rules.requirements import compile_requirement
from progress.rules.tallies import Tally
from progress.tallies import from_row, to_row
from quests import counting
from quests.commands import StartQuest
from quests.models import Run
from tests.support.content import NOON, achievement, event, metric, publish, quest, requirement, step

HUGE = 2.0**53
VALUES = st.floats(-HUGE, HUGE) | st.integers(-(2**53), 2**53).map(float) | st.sampled_from([0.1, -0.1, 5e-324, HUGE])


def true_sum(values: list[float]) -> float:
    whole = sum(map(Fraction, values), Fraction())
    return float(whole)  # a fraction becomes the nearest double


@given(st.lists(VALUES, max_size=30), st.randoms(use_true_random=False))
@example([0.1] * 10, None)
@example([1e15, 0.3, -1e15, 0.3], None)
def test_it_is_the_nearest_double_in_any_order_also_when_it_is_stored_in_between(
    values: list[float], luck: Any
) -> None:
    if luck:
        luck.shuffle(values)
    tally, stored = Tally(), Tally()
    quests = counting.begin(compile_requirement(requirement("SUM", "m", 2.0**70), {}))
    for value in values:
        tally.fold(value, NOON, "e")
        stored.fold(value, NOON, "e")
        stored = from_row(to_row(stored))
        quests.fold(Sample("m", value), NOON, "e", lambda at: pytest.fail("no day is asked for"))
        quests = counting.load(quests.requirement, quests.dump())
    assert {tally.sum, stored.sum, float(quests.value or 0)} == {true_sum(values)}


@given(st.lists(VALUES, max_size=200))
def test_what_is_kept_beside_it_does_not_grow_with_the_number_of_samples(values: list[float]) -> None:
    total, rest = 0.0, sums.load("")
    for value in values:
        total, rest = sums.add(total, rest, value)
    assert len(rest) <= 24
    assert sum(map(Fraction, rest), Fraction(total)) == sum(map(Fraction, values), Fraction())


@given(st.lists(st.integers(-(2**30), 2**30).map(float), max_size=50))
def test_whole_numbers_leave_no_rest(values: list[float]) -> None:
    tally = Tally()
    for value in values:
        tally.fold(value, NOON, "e")
    assert (tally.sum, tally.rest) == (sum(values), ())


def test_a_sum_of_the_largest_samples_stays_a_number() -> None:
    tally = Tally()
    for n in range(5000):
        tally.fold(HUGE - n % 2, NOON, "e")
    assert tally.sum == true_sum([HUGE - n % 2 for n in range(5000)])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values", [[0.1] * 10, [1e15, 0.3, 0.7, 0.1, 0.1], [0.1, 0.2, 0.3, -0.6, 1]], ids=["tenths", "far apart", "mixed"]
)
def test_live_in_a_window_in_a_quest_and_in_a_backfill_it_is_the_same(values: list[float]) -> None:
    wanted = true_sum(values)
    asked = requirement("SUM", "score", wanted)
    within = {"duration": 1, "unit": "days"}
    publish(
        metric("score", value_field="points"),
        achievement("live", asked),
        achievement("equal", requirement("SUM", "score", wanted, "eq")),
        achievement("within-a-day", requirement("SUM", "score", wanted, timeframe=within)),
        achievement("daily", asked, repeat="DAILY"),
        quest("counted", step("all", asked)),
        quest("in-a-window", step("all", requirement("SUM", "score", wanted, timeframe=within))),
    )
    for id_ in ("counted", "in-a-window"):
        bus.handle(StartQuest(player_id="ann", quest_id=id_), actor=SYSTEM, now=NOON)
    for n, value in enumerate(values):  # one a batch: stored in between
        pipeline.process([event(f"e{n}", at=n + 1, points=value)], now=NOON)
    publication = publish(achievement("afterwards", asked, ends_at="2027-01-01T00:00:00Z"))
    schedule(publication.number, BackfillMode.DIGEST, NOON)
    backfilling.run_pending(NOON)
    assert set(TallyRow.objects.values_list("sum", flat=True)) == {wanted}
    completed = Standing.objects.filter(completed_at__isnull=False).values_list("achievement_id", flat=True)
    assert sorted(completed) == ["afterwards", "daily", "equal", "live", "within-a-day"]
    assert set(Run.objects.values_list("status", flat=True)) == {"COMPLETED"}
