"""Two versions of one piece of content as people read them: the same on every page that compares some."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from gamification.kernel.content.comparing import Comparison, Fate, compare
from gamification.kernel.content.kinds import Kind, Name
from gamification.kernel.content.publishing import Definition

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class ShownLine:
    where: str
    said: str
    fate: str
    tone: str


@dataclass(frozen=True, slots=True)
class Shown:
    lines: Sequence[ShownLine]
    fields: Sequence[tuple[str, str, str]]
    """(name, before, after)"""
    is_same: bool
    is_new: bool
    """Whether there was nothing of it before: then there is nothing to put beside it."""


def shown(of: Kind, before: Definition | None, after: Definition | None, name: Name) -> Shown:
    found = compare(of, before, after, name)
    fields = [(each.name, in_words(each.before), in_words(each.after)) for each in found.fields]
    fields = [each for each in fields if each[1:] != (NOTHING, NOTHING)]  # there is none of it, and it would be empty
    return Shown(list(_lines(of, found)), fields, found.is_same, before is None)


def rendered(of: Kind, before: Definition | None, after: Definition | None, name: Name) -> SafeString:
    """The same as a part of a page."""
    context = {"compared": shown(of, before, after, name), "before_is": "Before", "after_is": "Then"}
    return render_to_string("console/_compared.html", context)


def _lines(of: Kind, found: Comparison) -> Sequence[ShownLine]:
    return [ShownLine(line.where, line.said, *_fate(of, line.fate)) for line in found.asked]


def _fate(of: Kind, fate: Fate) -> tuple[str, str]:
    match fate:
        case Fate.KEPT:
            return "kept as it is", ""
        case Fate.NEW:
            return ("counted anew" if of.counts_pasts else "new"), "look"
        case Fate.DROPPED:
            return "dropped", "bad"
    assert_never(fate)


def in_words(value: Any) -> str:
    """A value of a definition as people read it."""
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, dict) and "id" in value:  # a quest's step
        said = {name: in_words(each) for name, each in value.items() if name != "id"}
        return ", ".join(f"{name} {text}" for name, text in said.items() if text != NOTHING)
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
