"""A requirement is said as a sentence, of every type and operator there is."""

from __future__ import annotations

from typing import Any

import pytest

from progress.rules.sentences import BOUNDS, PATTERNS, sentence, together
from progress.rules.vocabulary import Operator, RequirementType


def asked(type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "metric": "kills", "operator": "gte", "threshold": 10.0, "timeframe": None, **fields}


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        (asked("COUNT"), "kills: at least 10 times"),
        (asked("COUNT", timeframe={"duration": 7, "unit": "days"}), "kills: at least 10 times within 7 days"),
        (asked("SUM", operator="gt", threshold=2.5), "kills: more than 2.5 altogether"),
        (asked("MAX", operator="eq"), "kills: exactly 10 at once"),
        (asked("MIN", operator="lt"), "kills: the least ever is less than 10"),
        (asked("LATEST", operator="lte"), "kills: the newest is at most 10"),
        (asked("DISTINCT"), "kills: at least 10 different ones"),
        (asked("STREAK"), "kills: at least 10 days in a row"),
        ({"type": "ACHIEVEMENT", "target": "hunter"}, "unlock hunter"),
        ({"type": "QUEST", "target": "trail"}, "complete the quest trail"),
        ({"type": "LEVEL", "operator": "gte", "threshold": 3}, "be on a level of at least 3"),
        (asked("COUNT", threshold=1.0), "kills: at least once"),
        (
            asked("COUNT", threshold=11.0, timeframe={"duration": 1, "unit": "days"}),
            "kills: at least 11 times within 1 day",
        ),
        (asked("STREAK", threshold=1.0), "kills: at least 1 day in a row"),
        (asked("DISTINCT", threshold=1.0), "kills: at least 1 different one"),
        (asked("COUNT", threshold=0.1), "kills: at least 0.1 times"),
        ({"type": "COUNT"}, "…: … times"),
        ({}, "…"),
    ],
)
def test_a_requirement_is_said(requirement: dict[str, Any], said: str) -> None:
    assert sentence(requirement) == said


def test_names_stand_for_ids() -> None:
    assert sentence(asked("COUNT"), lambda kind, id_: f"the {kind} {id_}") == "the metric kills: at least 10 times"


def test_every_word_has_a_pattern() -> None:
    assert PATTERNS.keys() == {type_.value for type_ in RequirementType}
    assert BOUNDS.keys() == {op.value for op in Operator}


@pytest.mark.parametrize(
    ("match", "said"),
    [("ALL", "One, and two."), ("ANY", "One, or two."), ({"at_least": 1}, "1 of: one; two.")],
)
def test_several_are_said_together(match: Any, said: str) -> None:
    assert together(["one", "two"], match) == said


def test_of_none_nothing_is_said() -> None:
    assert together([]) == ""
