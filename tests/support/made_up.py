"""Content and events that nobody would think of, for hypothesis: small numbers, so that things meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from achievements.checks import problems
from gamification.kernel.content.publishing import Change, Definitions
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent
from progress.checks import requirement_problems
from progress.rules.vocabulary import WITH_A_METRIC, WITH_A_TIMEFRAME, Operator
from tests.support.achievement_model import Happened
from tests.support.content import NOON, achievement, metric, requirement

START = NOON - timedelta(days=100)
METRICS: list[Change] = [
    metric("hits", "hit", value_field="v", member_field="w"),
    metric("hard_hits", "hit", value_field="v", conditions=[{"field": "v", "op": "gt", "value": 2}]),
    metric("runs", "run", member_field="w"),
    metric("done", "achievement.completed", member_field="id"),
]
DIFFERENT = ("hits", "runs", "done")
"""Metrics with a member."""

AGGREGATES = list(WITH_A_METRIC)
OPERATORS = list(Operator)
THRESHOLDS = [1, 1, 2, 2, 3, 4, 0, -1]
SUMS = [1, 3, 5, 8, 12, 0, 0, -2]
FRAMES = [None] * 5 + [{"duration": 90, "unit": "minutes"}, {"duration": 20, "unit": "hours"},
          {"duration": 3, "unit": "days"}, {"duration": 60, "unit": "days"}]  # fmt: skip

# -- events ------------------------------------------------------------------------------------------------------------


def seconds(spread: int) -> st.SearchStrategy[int]:
    """Instants over so many days: often the same, or a window's length apart."""
    return st.builds(
        lambda day, minute, second: day * 86400 + minute * 60 + second,
        st.integers(0, spread),
        st.sampled_from([0, 1, 30, 89, 90, 91, 600, 719, 720, 1200, 1439]),
        st.sampled_from([0, 0, 0, 1, 59]),
    )


data = st.builds(
    lambda value, member: {"v": value, "w": member} if value is not None else {"w": member},
    st.sampled_from([None, -3, -1, 0, 1, 1, 2, 2, 3, 4, 5, 8]),
    st.sampled_from([None, "x", "y", "z", 1, True, "1"]),
)


def histories(spread: int = 3, size: int = 30) -> st.SearchStrategy[list[Happened]]:
    """Events with ids of their own, in no order."""
    told = st.tuples(st.sampled_from(["hit", "hit", "hit", "run", "run", "rest"]), data, seconds(spread))
    return st.lists(told, min_size=size // 3, max_size=size).map(
        lambda found: [
            Happened(f"e{n}", type_, said, START + timedelta(seconds=at)) for n, (type_, said, at) in enumerate(found)
        ]
    )


@st.composite
def batches(draw: st.DrawFn, of: st.SearchStrategy[list[Happened]]) -> list[list[Happened]]:
    """A history as it arrives: shuffled or sorted, cut anywhere, some of it again."""
    events = draw(of)
    again = draw(st.lists(st.sampled_from(events), max_size=5)) if events else []
    arriving = draw(st.permutations(events + again))
    return cut(arriving, draw(st.lists(st.integers(0, len(arriving)), min_size=2, max_size=6)))


def cut(events: Sequence[Happened], places: Sequence[int]) -> list[list[Happened]]:
    bounds = sorted({0, *places, len(events)})
    return [list(events[a:b]) for a, b in pairwise(bounds)]


def as_sent(batch: Sequence[Happened], player: str = "ann") -> list[GameEvent]:
    return [GameEvent(event.id, player, event.type, dict(event.data), event.at) for event in batch]


# -- content -----------------------------------------------------------------------------------------------------------


@st.composite
def requirements(draw: st.DrawFn) -> dict[str, Any]:
    named = draw(st.sampled_from(["hits", "hits", "hard_hits", "runs", "runs", "done"]))
    if named == "done":
        # Of two completions at one event nobody says which is stated first: only what that cannot change.
        return requirement("COUNT", "done", draw(st.integers(1, 8)), draw(st.sampled_from(["gt", "gte", "eq"])))
    frame = draw(st.sampled_from(FRAMES))
    if frame is not None:
        type_ = draw(st.sampled_from(WITH_A_TIMEFRAME))
        operator = draw(st.sampled_from(["gt", "gte"]))
    else:
        type_, operator = draw(st.sampled_from(AGGREGATES)), draw(st.sampled_from(OPERATORS))
    if type_ == "DISTINCT" and named not in DIFFERENT:
        named = "hits"
    asked = requirement(type_, named, draw(st.sampled_from(THRESHOLDS if type_ != "SUM" else SUMS)), operator)
    asked |= {"timeframe": frame} if frame else {}
    if list(requirement_problems([asked], {change.id: change.definition or {} for change in METRICS})):
        asked |= {"operator": "gte", "threshold": 1}
    return asked


def targets(before: Sequence[str]) -> list[st.SearchStrategy[dict[str, Any]]]:
    """Requirements that may name another achievement, where there is one."""
    if not before:
        return []
    return [requirements() | st.sampled_from(before).map(lambda id_: {"type": "ACHIEVEMENT", "target": id_})]


@st.composite
def achievements(draw: st.DrawFn, most: int = 7) -> list[Change]:
    found: list[Change] = []
    for n in range(draw(st.integers(1, most))):
        # Ids in an order of their own, so that nobody relies on what waits coming after what it waits for.
        id_ = f"a{draw(st.integers(0, 99))}-{n}"
        before = [change.id for change in found]
        asked = draw(st.lists(draw(st.sampled_from([requirements(), *targets(before)])), max_size=3))
        around = draw(circumstances(before, asked))
        one = achievement(id_, *asked, **around)
        if list(problems(Definitions({"achievement": {id_: one.definition or {}}, "metric": {}}))):
            one = achievement(id_, *asked, requirement("COUNT", "runs", 2), **around | {"match": "ALL"})
        found.append(one)
    return found


@st.composite
def circumstances(draw: st.DrawFn, before: Sequence[str], asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    repeats = ["NEVER", "NEVER", "NEVER", "DAILY", "WEEKLY", "MONTHLY"]
    if {each["type"] for each in asked} & {"COUNT", "SUM", "DISTINCT"} and all("metric" in each for each in asked):
        repeats += ["ALWAYS", "ALWAYS"]  # with a target, it might be complete again at every event
    several: list[Any] = [{"at_least": n} for n in range(1, len(asked) + 1)]
    return {
        "match": draw(st.sampled_from(["ALL", "ALL", "ANY", *several])),
        "prerequisites": draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else [],
        "repeat": draw(st.sampled_from(repeats)),
        "is_enabled": draw(st.sampled_from([True] * 7 + [False])),
        **draw(dates()),
    }


@st.composite
def dates(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.integers(0, 3)):
        return {}
    starts = draw(st.none() | st.integers(0, 2))
    ends = draw(st.none() | st.integers(1, 3))
    if starts is not None and ends is not None and ends <= starts:
        ends = None
    return {"starts_at": _day(starts), "ends_at": _day(ends)}


def _day(n: int | None) -> str | None:
    at: datetime | None = None if n is None else START + timedelta(days=n, minutes=30)
    return instant(at) if at else None
