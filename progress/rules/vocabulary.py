"""The words of metrics' conditions and of requirements, each with all that differs between one and another.

Whoever adds a word says here what it means; until then the types do not check.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

from gamification.kernel.core.vocabulary import Vocabulary


class RequirementType(Vocabulary):
    """What a requirement asks for: an aggregate of a metric, something completed, or the player's level."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    MIN = "MIN"
    LATEST = "LATEST"
    DISTINCT = "DISTINCT"
    STREAK = "STREAK"
    ACHIEVEMENT = "ACHIEVEMENT"
    QUEST = "QUEST"
    LEVEL = "LEVEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a type of requirement needs, and what its value can be."""

    words: str = ""
    """What its name alone does not tell a designer."""
    needs: tuple[str, ...] = ("metric", "operator", "threshold")
    """The fields that it must have, and no others; with a metric, a time frame is optional."""
    attribute: str = ""
    """What of a tally it reads; empty: it reads no tally."""
    takes_timeframe: bool = False
    is_whole: bool = False
    """A whole number from 0 on, whatever the samples are worth."""
    grows_by_one: bool = False
    never_falls: bool = False
    is_zero_over_nothing: bool = False
    """0 without any sample; the others are undefined then."""


def _traits(type_: RequirementType) -> Traits:
    match type_:
        case RequirementType.COUNT:
            return Traits(
                words="how many",
                attribute="count",
                takes_timeframe=True,
                is_whole=True,
                grows_by_one=True,
                never_falls=True,
                is_zero_over_nothing=True,
            )
        case RequirementType.SUM:  # it may rise by more than one and fall: a report may bear any number
            return Traits(words="altogether", attribute="sum", takes_timeframe=True, is_zero_over_nothing=True)
        case RequirementType.MAX:
            return Traits(words="greatest", attribute="max", takes_timeframe=True, never_falls=True)
        case RequirementType.MIN:
            return Traits(words="least", attribute="min")
        case RequirementType.LATEST:
            return Traits(words="newest", attribute="latest")
        case RequirementType.DISTINCT:
            return Traits(
                words="kinds",
                attribute="members",
                takes_timeframe=True,
                is_whole=True,
                grows_by_one=True,
                never_falls=True,
                is_zero_over_nothing=True,
            )
        case RequirementType.STREAK:
            return Traits(words="days", attribute="streak", is_whole=True, never_falls=True, is_zero_over_nothing=True)
        case RequirementType.ACHIEVEMENT | RequirementType.QUEST:
            return Traits(needs=("target",))
        case RequirementType.LEVEL:
            return Traits(words="to start", needs=("operator", "threshold"))
    assert_never(type_)


TRAITS = {type_: _traits(type_) for type_ in RequirementType}
"""Also found by a word as it stands in a definition: a word is a string."""

WITH_A_METRIC = tuple(type_ for type_, traits in TRAITS.items() if traits.attribute)
WITH_A_TARGET = tuple(type_ for type_, traits in TRAITS.items() if "target" in traits.needs)
WITH_A_TIMEFRAME = tuple(type_ for type_, traits in TRAITS.items() if traits.takes_timeframe)
ZERO_OVER_NOTHING = frozenset(type_ for type_, traits in TRAITS.items() if traits.is_zero_over_nothing)


class Operator(Vocabulary):
    """How a requirement's value is to stand to its threshold."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EQ = "eq"

    @property
    def is_upward(self) -> bool:
        """Whether only more is ever asked for."""
        return self in (Operator.GT, Operator.GTE)

    @property
    def is_downward(self) -> bool:
        """Whether more can undo it."""
        return self in (Operator.LT, Operator.LTE)


def _comparison(op: Operator) -> Callable[[Any, Any], bool]:
    match op:
        case Operator.GT:
            return operator.gt
        case Operator.GTE:
            return operator.ge
        case Operator.LT:
            return operator.lt
        case Operator.LTE:
            return operator.le
        case Operator.EQ:
            return operator.eq
    assert_never(op)


COMPARE = {op: _comparison(op) for op in Operator}


class TimeUnit(Vocabulary):
    """What the length of a time frame is said in."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"

    @property
    def seconds(self) -> int:
        match self:
            case TimeUnit.MINUTES:
                return 60
            case TimeUnit.HOURS:
                return 3_600
            case TimeUnit.DAYS:
                return 86_400
        assert_never(self)


class ConditionOp(Vocabulary):
    """How a field of an event's data is to stand to a condition's value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"

    @property
    def takes_number(self) -> bool:
        return self in (ConditionOp.GT, ConditionOp.GTE, ConditionOp.LT, ConditionOp.LTE)

    @property
    def takes_list(self) -> bool:
        return self in (ConditionOp.IN, ConditionOp.NOT_IN)
