"""The promise of order: the same events, however they arrive, complete the same achievements."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from achievements.models import Standing
from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core.encoding import instant
from tests.support.achievement_model import Happened
from tests.support.content import NOON, achievement, metric, publish, requirement
from tests.support.made_up import START, as_sent, cut
from tests.support.playing import undone

pytestmark = pytest.mark.django_db

METRICS = [
    metric("hits", "hit", value_field="v", member_field="w"),
    metric("signed", "hit", value_field="s", member_field="v"),
    metric("done", "achievement.completed", member_field="id"),
]
PROMISED = [
    *((type_, operator) for type_ in ("COUNT", "DISTINCT") for operator in ("gt", "gte", "eq")),
    *((type_, operator) for type_ in ("SUM", "MAX") for operator in ("gt", "gte")),
    ("MIN", "lt"),
    ("MIN", "lte"),
]
FRAMES = [{"duration": 90, "unit": "minutes"}, {"duration": 1, "unit": "days"}]


@st.composite
def requirements(draw: st.DrawFn) -> dict[str, Any]:
    type_, operator = draw(st.sampled_from(PROMISED))
    if draw(st.integers(0, 4)) == 0:  # a time frame over own events would depend on what caused them when
        return requirement(draw(st.sampled_from(["COUNT", "DISTINCT"])), "done", draw(st.integers(1, 4)))
    named = "hits" if type_ == "SUM" else draw(st.sampled_from(["hits", "signed"]))
    threshold = draw(st.integers(1, 12 if type_ == "SUM" else 4)) if type_ != "MIN" else draw(st.integers(-3, 3))
    framed = type_ != "MIN" and operator != "eq" and draw(st.booleans())
    return requirement(
        type_, named, threshold, operator, **({"timeframe": draw(st.sampled_from(FRAMES))} if framed else {})
    )


@st.composite
def contents(draw: st.DrawFn) -> list[Change]:
    found: list[Change] = []
    for n in range(draw(st.integers(2, 6))):
        before: list[str] = [change.id for change in found]
        asked = draw(st.lists(requirements(), min_size=1, max_size=3))
        around: dict[str, Any] = {"match": draw(st.sampled_from(["ALL", "ANY", {"at_least": len(asked)}]))}
        if draw(st.booleans()) and before:
            around["prerequisites"] = draw(st.lists(st.sampled_from(before), unique=True, max_size=2))
            waits = draw(st.booleans())
            asked += [{"type": "ACHIEVEMENT", "target": draw(st.sampled_from(before))}] if waits else []
        elif not any(each["metric"] == "done" for each in asked) and draw(st.booleans()):
            # Only with nothing to wait for: whether it is open when that happens depends on the order.
            around["starts_at"] = instant(START + timedelta(hours=draw(st.integers(0, 30))))
        found.append(achievement(f"a{draw(st.integers(0, 99))}-{n}", *asked, **around))
    return found


events = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {}, optional={"v": st.integers(0, 6), "s": st.integers(-4, 4), "w": st.sampled_from("xyz")}
        ),
        st.integers(0, 3000),
    ),
    min_size=6,
    max_size=25,
).map(lambda found: [Happened(f"e{n}", "hit", said, START + timedelta(minutes=m)) for n, (said, m) in enumerate(found)])


def completed(content: Sequence[Change], arriving: Sequence[Sequence[Happened]]) -> set[str]:
    with undone("UTC"):
        publish(*METRICS, *content)
        for batch in arriving:
            pipeline.process(as_sent(batch), now=NOON)
        assert not Standing.objects.filter(completed_at__isnull=False).exclude(occurrence="0").exists()
        return set(Standing.objects.filter(completed_at__isnull=False).values_list("achievement_id", flat=True))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(contents(), events, st.randoms(use_true_random=False), st.integers(1, 8))
def test_any_order_of_the_same_events_completes_the_same_achievements(
    content: list[Change], happened: list[Happened], dice: random.Random, size: int
) -> None:
    in_order = completed(content, [sorted(happened, key=lambda event: (event.at, event.id))])
    one_by_one = completed(content, [[event] for event in reversed(happened)])
    again = happened + dice.sample(happened, len(happened) // 2)
    dice.shuffle(again)
    shuffled = completed(content, [*cut(again, range(0, len(again), size)), happened])
    assert one_by_one == in_order
    assert shuffled == in_order
