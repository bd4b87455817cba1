"""What one event is worth to a metric: its conditions, its value and its member."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import GameEvent, Json, Sample
from gamification.kernel.core.vocabulary import Vocabulary
from progress.rules.vocabulary import ConditionOp

MAX_EXACT = 2**53

_MISSING = object()


class NoValue(Exception):
    """The conditions hold, but there is no number to count."""


def look_up(data: Json, path: Sequence[str]) -> Any:
    """The value at a dotted path, or `_MISSING`."""
    for key in path:
        if type(data) is not dict or key not in data:
            return _MISSING
        data = data[key]
    return data


def is_absent(found: Any) -> bool:
    """Whether `look_up` found nothing there."""
    return found is _MISSING


def is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def is_countable(value: Any) -> bool:
    """Whether it may be a sample's value: a number within ±2^53. Beyond, all doubles are integers, and how somebody
    spelled one (1e16, 10000000000000000) must not matter.
    """
    return is_number(value) and abs(value) <= MAX_EXACT


def same(one: Json, other: Json) -> bool:
    """Equal as JSON values of one kind: 1 is 1.0, but neither "1" nor true."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if type(one) is list:
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if type(one) is dict:
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _of_one_kind(one: Json, other: Json) -> bool:
    return (is_number(one) and is_number(other)) or type(one) is type(other)


def _differs(value: Json, other: Json) -> bool:
    return _of_one_kind(value, other) and not same(value, other)


def _among(value: Json, options: Json) -> bool:
    return isinstance(options, list) and any(same(value, option) for option in options)


def _beside(value: Json, options: Json) -> bool:
    """In none of the options, of which there is at least one of its kind (or there are none at all)."""
    if not isinstance(options, list) or _among(value, options):
        return False
    return not options or any(_of_one_kind(value, option) for option in options)


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    return lambda value, bound: is_number(value) and is_number(bound) and compare(value, bound)


def _comparison(op: ConditionOp) -> Callable[[Json, Json], bool]:
    match op:
        case ConditionOp.EQ:
            return same
        case ConditionOp.NE:
            return _differs
        case ConditionOp.IN:
            return _among
        case ConditionOp.NOT_IN:
            return _beside
        case ConditionOp.GT:
            return _numbers(operator.gt)
        case ConditionOp.GTE:
            return _numbers(operator.ge)
        case ConditionOp.LT:
            return _numbers(operator.lt)
        case ConditionOp.LTE:
            return _numbers(operator.le)
        case ConditionOp.EXISTS:
            return lambda value, expected: bool(expected)
    assert_never(op)


_COMPARE = {op: _comparison(op) for op in ConditionOp}
"""How a value that is there compares with the condition's."""


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    path: tuple[str, ...]
    op: ConditionOp
    value: Json

    def is_met_by(self, data: dict[str, Json]) -> bool:
        """Never raises; an absent field meets only `exists: false`, one of another kind than asked for nothing."""
        found = look_up(data, self.path)
        if found is _MISSING:
            return self.op == ConditionOp.EXISTS and not self.value
        return _COMPARE[self.op](found, self.value)


class ReportedBy(Vocabulary):
    """Who may report samples of a metric, beside the events that it counts."""

    SERVER = "SERVER"
    PLAYER = "PLAYER"


@dataclass(frozen=True, slots=True)
class Metric:
    id: str
    event_type: str
    value_path: tuple[str, ...]
    member_path: tuple[str, ...]
    conditions: tuple[Condition, ...]
    reported_by: ReportedBy

    def sample(self, data: dict[str, Json]) -> Sample | None:
        """What an event of the metric's type is worth; None where a condition does not hold.

        Raises NoValue where they hold but the value is absent, not a number, or beyond ±2^53.
        """
        for condition in self.conditions:
            if not condition.is_met_by(data):
                return None
        value: Any = 1.0
        if self.value_path:
            value = look_up(data, self.value_path)
            if not is_countable(value):
                raise NoValue
        member = member_text(look_up(data, self.member_path)) if self.member_path else None
        return Sample(self.id, float(value), member)


def compile_metric(definition: Mapping[str, Any]) -> Metric:
    def path(name: str | None) -> tuple[str, ...]:
        return tuple(name.split(".")) if name else ()

    return Metric(
        id=definition["id"],
        event_type=definition["event_type"],
        value_path=path(definition.get("value_field")),
        member_path=path(definition.get("member_field")),
        conditions=tuple(
            Condition(c["field"], path(c["field"]), ConditionOp(c["op"]), c.get("value"))
            for c in definition.get("conditions", [])
        ),
        reported_by=ReportedBy(definition.get("reported_by", ReportedBy.SERVER)),
    )


def reported(event: GameEvent, metrics: Mapping[str, Metric]) -> tuple[Sample, ...]:
    """What a `metrics.reported` event is worth: a sample for each metric it names, whatever the metric's conditions."""
    values = event.data.get("metrics", {})
    return tuple(Sample(id_, float(value)) for id_, value in values.items() if id_ in metrics and is_countable(value))


def member_text(value: Any) -> str | None:
    """A member as it is stored: strings, numbers and booleans, told apart by kind; long ones as a hash."""
    if type(value) is str:
        text = "s:" + value
    elif type(value) is bool:
        text = "b:1" if value else "b:0"
    elif is_number(value):
        text = "n:" + canonical(value).decode()
    else:
        return None
    if len(text) > 80:
        text = "h:" + hashlib.blake2b(text.encode(), digest_size=24).hexdigest()
    return text
