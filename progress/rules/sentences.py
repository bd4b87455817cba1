"""A requirement as a sentence, in English: "at least 10 bow kills within 7 days".

The patterns are also what the console's form fills in while somebody types (kernel/static/kernel/sentences.js), so both
say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from gamification.kernel.core.encoding import number
from progress.rules.vocabulary import Operator, RequirementType


def _pattern(type_: RequirementType) -> str:
    match type_:
        case RequirementType.COUNT:
            return "{metric}: {bound} times{within}"
        case RequirementType.SUM:
            return "{metric}: {bound} altogether{within}"
        case RequirementType.MAX:
            return "{metric}: {bound} at once{within}"
        case RequirementType.MIN:
            return "{metric}: the least ever is {bound}"
        case RequirementType.LATEST:
            return "{metric}: the newest is {bound}"
        case RequirementType.DISTINCT:
            return "{metric}: {bound} different ones{within}"
        case RequirementType.STREAK:
            return "{metric}: {bound} days in a row"
        case RequirementType.ACHIEVEMENT:
            return "unlock {target}"
        case RequirementType.QUEST:
            return "complete the quest {target}"
        case RequirementType.LEVEL:
            return "be on a level of {bound}"
    assert_never(type_)


def _bound(op: Operator) -> str:
    match op:
        case Operator.GTE:
            return "at least {threshold}"
        case Operator.GT:
            return "more than {threshold}"
        case Operator.EQ:
            return "exactly {threshold}"
        case Operator.LTE:
            return "at most {threshold}"
        case Operator.LT:
            return "less than {threshold}"
    assert_never(op)


PATTERNS = {type_.value: _pattern(type_) for type_ in RequirementType}
BOUNDS = {op.value: _bound(op) for op in Operator}
WITHIN = " within {duration} {unit}"
ONE = re.compile(r"\b(?<![.\d])1 (minute|hour|day|different one)s\b")
NOT_SAID = "…"
"""What stands for what is not chosen yet."""

Name = Callable[[str, str], str]
"""(kind, id) → how people call it."""


def sentence(requirement: Mapping[str, Any], name: Name = lambda kind, id_: id_) -> str:
    """One requirement, as it stands in a definition."""
    type_ = requirement.get("type")
    if type_ not in PATTERNS:
        return NOT_SAID
    threshold = requirement.get("threshold")
    frame = requirement.get("timeframe") or {}
    bound = BOUNDS.get(requirement.get("operator") or "", "{threshold}")
    said = {
        "metric": name("metric", requirement["metric"]) if requirement.get("metric") else NOT_SAID,
        "target": name(str(type_).lower(), requirement["target"]) if requirement.get("target") else NOT_SAID,
        "bound": bound.format(threshold=NOT_SAID if threshold is None else number(threshold)),
        "within": WITHIN.format(**frame) if frame.get("duration") and frame.get("unit") else "",
    }
    return in_the_singular(PATTERNS[type_].format(**said))


def in_the_singular(text: str) -> str:
    """`at least 1 times within 1 days` as people say it: at least once within 1 day."""
    return ONE.sub(r"1 \1", text.replace(" 1 times", " once"))


def together(sentences: Iterable[str], match: Any = "ALL") -> str:
    """All requirements of an achievement, as one sentence."""
    said = list(sentences)
    if not said:
        return ""
    if isinstance(match, Mapping):
        whole = f"{match.get('at_least', NOT_SAID)} of: {'; '.join(said)}"
    else:
        whole = (", or " if match == "ANY" else ", and ").join(said)
    return f"{whole[0].upper()}{whole[1:]}."
