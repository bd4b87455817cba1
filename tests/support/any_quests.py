"""Whatever quests a designer may write, of the metrics and achievements of one game."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from gamification.kernel.content.publishing import Change
from gamification.kernel.core.encoding import instant
from tests.support.content import quest, requirement, step

BEGINNING = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
"""The evening before clocks are put back in Berlin; a week before they are in Los Angeles."""
QUESTS = ["q0", "q1", "q2", "q3"]
MINUTES, HOURS, DAYS = ({"duration": n, "unit": unit} for n, unit in ((10, "minutes"), (3, "hours"), (2, "days")))


def target(type_: str, id_: str) -> dict[str, Any]:
    return {"type": type_, "target": id_}


STEP_REQUIREMENTS = [
    *[requirement("COUNT", "hits", n) for n in (1, 1, 2, 3)],
    *[requirement("COUNT", "runs", n) for n in (1, 2)],
    requirement("COUNT", "hits", 1, "gt"),
    requirement("COUNT", "runs", 2, "eq"),
    requirement("COUNT", "runs", 0, "eq"),
    requirement("COUNT", "hard", 2, "lt"),
    requirement("SUM", "hits", 5),
    requirement("SUM", "hits", 4, "eq"),
    requirement("SUM", "hits", 0, "lt"),
    requirement("MAX", "hits", 3),
    requirement("MAX", "hits", 3, "lte"),
    requirement("MAX", "hits", 2, "eq"),
    requirement("MIN", "hits", 0, "lte"),
    requirement("MIN", "hits", 1),
    requirement("LATEST", "hits", 2, "gt"),
    requirement("LATEST", "hits", 2, "lt"),
    requirement("LATEST", "hits", 2, "eq"),
    requirement("DISTINCT", "runs", 2),
    requirement("DISTINCT", "runs", 1, "eq"),
    requirement("DISTINCT", "hits", 2, "lte"),
    requirement("STREAK", "runs", 2),
    requirement("STREAK", "hits", 1, "gt"),
    requirement("COUNT", "finished", 1),
    requirement("DISTINCT", "unlocked", 1),
    requirement("COUNT", "hits", 2, timeframe=MINUTES),
    requirement("SUM", "hits", 4, timeframe=HOURS),
    requirement("MAX", "hits", 3, timeframe=DAYS),
    requirement("DISTINCT", "runs", 1, "gt", timeframe=DAYS),
    *[target("ACHIEVEMENT", id_) for id_ in ("first", "first", "second", "hero")],
    *[target("QUEST", id_) for id_ in ("q0", "q0", "q1", "q2")],
]
FAIL_CONDITIONS = [
    requirement("COUNT", "hard", 2),
    requirement("COUNT", "runs", 3),
    requirement("LATEST", "hits", 0, "lt"),
    requirement("COUNT", "hits", 3, timeframe=MINUTES),
    requirement("SUM", "hits", 7, "gt"),
    target("ACHIEVEMENT", "first"),
    target("QUEST", "q0"),
]
START_REQUIREMENTS = [
    requirement("COUNT", "hits", 2),
    requirement("COUNT", "runs", 3, "lt"),
    requirement("MAX", "hits", 3),
    {"type": "LEVEL", "operator": "gte", "threshold": 2},
    {"type": "LEVEL", "operator": "lt", "threshold": 3},
    target("ACHIEVEMENT", "first"),
    target("QUEST", "q0"),
    target("QUEST", "q2"),
]
REPEATS = ["NEVER", "NEVER", "DAILY", "WEEKLY", "MONTHLY", "ALWAYS"]


def rarely(strategy: st.SearchStrategy[Any], default: Any, one_in: int = 4) -> st.SearchStrategy[Any]:
    return st.integers(1, one_in).flatmap(lambda n: strategy if n == one_in else st.just(default))


def lines(one_in: int = 2) -> st.SearchStrategy[list[str]]:
    return rarely(st.lists(st.sampled_from(["coin", "coin", "chest", "wisdom"]), max_size=2), [], one_in)


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    forks = draw(st.booleans())
    names = draw(st.permutations(["a", "b", "c", "d", "e"]))
    orders = draw(st.lists(st.sampled_from([1, 1, 2, 2, 3]), min_size=1, max_size=4))
    for name, order in zip(names, orders, strict=False):
        asked = draw(st.lists(st.sampled_from(STEP_REQUIREMENTS), max_size=2))
        several: list[Any] = ["ANY", {"at_least": 1}] if asked else []
        found.append(
            step(
                name,
                *asked,
                order=order,
                match=draw(st.sampled_from(["ALL", "ALL", *several])),
                rewards=draw(lines()),
                is_optional=draw(rarely(st.just(True), False)),
                branch=draw(st.sampled_from([None, "left", "right", "right"])) if forks else None,
            )
        )
    return found


def dates() -> st.SearchStrategy[str | None]:
    days = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=8)])
    return rarely(days.map(lambda after: instant(BEGINNING + after)), None, 6)


@st.composite
def quests(draw: st.DrawFn, id_: str, repeats: list[str] = REPEATS) -> Change:
    return quest(
        id_,
        *draw(steps()),
        rewards=draw(lines()),
        requirements=draw(rarely(st.lists(st.sampled_from(START_REQUIREMENTS), min_size=1, max_size=2), [], 3)),
        fail_conditions=draw(rarely(st.lists(st.sampled_from(FAIL_CONDITIONS), min_size=1, max_size=2), [], 3)),
        time_limit=draw(st.sampled_from([None, None, 60, 60, 3600, 86_400])),
        start_date=draw(dates()),
        end_date=draw(dates()),
        repeat=draw(st.sampled_from(repeats)),
        cooldown=draw(rarely(st.sampled_from([60, 7200, 86_400]), None)),
        auto_start=draw(rarely(st.just(True), False, 3)),
        is_active=draw(rarely(st.just(False), True, 10)),
    )
