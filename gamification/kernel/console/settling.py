"""Two people saved one draft: field by field, whose value it is to have, each said in the form's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing

from gamification.kernel.console.compared import NOTHING, in_words
from gamification.kernel.console.editor import Difference, differences
from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import Kind, Name
from gamification.kernel.content.publishing import Definition

MINE, THEIRS = "mine", "theirs"
TAKE = "take-"
"""What the fields are called by which is chosen: this, and the name of a field of the definition."""


@dataclass(frozen=True, slots=True)
class FieldToSettle:
    """A field that somebody has changed since it was opened."""

    name: str
    label: str
    base: Sequence[str]
    theirs: Sequence[str]
    mine: Sequence[str]
    is_both: bool
    chosen: str
    """MINE or THEIRS; empty: nobody has said so, and both have changed it."""

    @property
    def takes(self) -> str:
        return TAKE + self.name


@dataclass(frozen=True, slots=True)
class ThreeSides:
    """What a draft was when somebody opened it, what it has become since, and what they would make of it."""

    base: Definition
    theirs: Definition
    mine: Definition

    def differing(self) -> list[Difference]:
        return differences(self.base, self.theirs, self.mine)

    def chosen(self, posted: Mapping[str, str]) -> dict[str, str]:
        """Field → whose value it is to have. What only one of them has changed is theirs, unless somebody says so."""
        found = {}
        for each in self.differing():
            said = posted.get(TAKE + each.name, "")
            only_one = "" if each.is_both else THEIRS if each.mine == each.base else MINE
            found[each.name] = said if said in (MINE, THEIRS) else only_one
        return found

    def changes(self, chosen: Mapping[str, str]) -> Definition:
        """What saving the choices changes of what is stored."""
        return {name: self.mine.get(name) for name, whose in chosen.items() if whose == MINE}

    def fields(self, of: Kind, chosen: Mapping[str, str], form: Any, name: Name) -> Iterator[FieldToSettle]:
        for each in self.differing():
            base, theirs, mine = (
                list(_said(of, side, each.name, form, name)) for side in (self.base, self.theirs, self.mine)
            )
            label = _label(form, each.name)
            yield FieldToSettle(each.name, label, base, theirs, mine, each.is_both, chosen[each.name])


def kept(of: Kind, side: Definition) -> str:
    """A definition as a page keeps it for us. It is signed, since it is shown in sentences before anybody checks it:
    only what a draft of this kind was comes back."""
    return signing.dumps(side, salt=_salt(of), compress=True)


def given_back(of: Kind, text: str | None) -> Definition | None:
    """What `kept` gave out; None for anything else."""
    try:
        found: Definition = signing.loads(text or "", salt=_salt(of))
    except signing.BadSignature:
        return None
    return publishing.whole(of.name, found)


def _salt(of: Kind) -> str:
    return f"{__name__}:{of.name}"


def _label(form: Any, name: str) -> str:
    field = form.fields.get(name)
    label = str(field.label) if field is not None and field.label else name.replace("_", " ")
    return label[:1].upper() + label[1:]


def _said(of: Kind, side: Definition, field: str, form: Any, name: Name) -> Iterator[str]:
    """A field's value, a line for each thing in it."""
    value = side.get(field)
    asked: Definition = {other: [] for other in of.asked_in if other != field}
    sentences = list(of.asks({**side, **asked}, name)) if field in side and _holds_what_is_asked(of, field) else []
    if field in of.asked_in:
        yield from [each.said for each in sentences] or [NOTHING]
        return
    if not isinstance(value, list) or not value:
        yield _choice(form, field, value)
        return
    for each in value:
        yield _of_a_list(of, each)
    for each in sentences:
        yield f"{each.where}: {each.said}" if each.where else each.said


def _holds_what_is_asked(of: Kind, field: str) -> bool:
    return field in of.asked_in or field == "steps"


def _of_a_list(of: Kind, value: Any) -> str:
    if not isinstance(value, dict):
        return in_words(value)
    told = {name: in_words(each) for name, each in value.items() if name not in of.asked_in}
    called = told.pop("title", "") or told.pop("id", "")
    more = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in told.items() if text not in (NOTHING, called))
    return f"{called}: {more}" if called and more else called or more


def _choice(form: Any, field: str, value: Any) -> str:
    """A value as the form's field says it: of a choice its label."""
    choices = getattr(form.fields.get(field), "choices", None)
    labels = {str(key): str(label) for key, label in choices if not isinstance(label, list | tuple)} if choices else {}
    return labels.get(str(value), "") or in_words(value)
