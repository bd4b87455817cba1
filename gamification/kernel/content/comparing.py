"""Two versions of one piece of content, compared by meaning: what it asks for and what becomes of that, and each field.

A requirement is the same as one of the other version when both count the same in the same way, wherever they stand:
then players keep what they reached of it. Any other is counted anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gamification.kernel.content.drafts import same
from gamification.kernel.content.kinds import Asked, Kind, Name
from gamification.kernel.content.publishing import Definition, Published
from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.vocabulary import Vocabulary


class Fate(Vocabulary):
    KEPT = "KEPT"
    NEW = "NEW"
    """Players' pasts are counted for it."""
    DROPPED = "DROPPED"


@dataclass(frozen=True, slots=True)
class Line:
    """Something that one version asks for, or both."""

    said: str
    where: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs. None: that version has none of it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    fields: list[Field]
    asked: list[Line]

    @property
    def is_same(self) -> bool:
        return not self.fields and all(line.fate == Fate.KEPT for line in self.asked)


def compare(of: Kind, before: Definition | None, after: Definition | None, name: Name) -> Comparison:
    """What changes from one version to the other; None: there is nothing of it in play."""
    return Comparison(list(_fields(of, before or {}, after or {})), list(_asked(of, before, after, name)))


def names(published: Mapping[str, Mapping[str, Published]]) -> Name:
    """What published content is called."""

    def name(kind: str, id_: str) -> str:
        item = published.get(kind, {}).get(id_)
        definition = item.definition if item else {}
        return str(definition.get("title") or definition.get("name") or id_)

    return name


def _asked(of: Kind, before: Definition | None, after: Definition | None, name: Name) -> Iterator[Line]:
    old = list(of.asks(before, name)) if before else []
    new = list(of.asks(after, name)) if after else []
    left = Counter(map(_meaning, old))
    for each in new:
        meaning = _meaning(each)
        is_kept = left[meaning] > 0
        left[meaning] -= is_kept
        yield Line(each.said, each.where, Fate.KEPT if is_kept else Fate.NEW)
    for each in reversed(old):  # of several alike those go that stand last
        meaning = _meaning(each)
        if left[meaning] > 0:
            left[meaning] -= 1
            yield Line(each.said, each.where, Fate.DROPPED)


def _meaning(each: Asked) -> bytes:
    return canonical({"counted": each.counted, "where": each.where})


def _fields(of: Kind, before: Definition, after: Definition) -> Iterator[Field]:
    both = _things(before) & _things(after)
    old, new = _flat(of, before, both), _flat(of, after, both)
    for name in {**old, **new}:
        if not same({"_": old.get(name)}, {"_": new.get(name)}):
            yield Field(name, old.get(name), new.get(name))


def _flat(of: Kind, definition: Definition, both: set[tuple[str, str]]) -> dict[str, Any]:
    """The fields by name. Of a thing with an id in a list of such things (a quest's step) each is a field of its own,
    where both versions have it; else it is one field."""
    found: dict[str, Any] = {}
    for name, value in definition.items():
        if _has_ids(value):
            for each in value:
                own = {inner: said for inner, said in each.items() if inner not in of.asked_in}
                if (name, each["id"]) in both:
                    found |= {f"{name} {each['id']}: {inner}": said for inner, said in own.items()}
                else:
                    found[f"{name} {each['id']}"] = own
        elif name not in of.asked_in:
            found[name] = value
    return found


def _things(definition: Definition) -> set[tuple[str, str]]:
    return {(name, each["id"]) for name, value in definition.items() if _has_ids(value) for each in value}


def _has_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "id" in each for each in value)
