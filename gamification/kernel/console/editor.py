"""What the page of one draft shows around its form: its sections, what is wrong at which field, who uses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import Value
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from gamification.kernel.console.readonly_admin import page_of, place
from gamification.kernel.content import drafts, publishing
from gamification.kernel.content.kinds import Kind, kind, kinds
from gamification.kernel.content.publishing import Definition
from gamification.kernel.models import Content

PATH = re.compile(r"(?P<rows>\w+)\[(?P<at>\d+)\](?:\.(?P<name>\w+))?.*|(?P<own>\w+).*")
IN_OTHER_WORDS = {"timeframe": "duration", "rewards": "reward", "prerequisites": "requires", "quests": "quest"}
"""What the contract calls so, and the form otherwise: the list of ids is a table of rows that name one each."""


MOST_DRAFTS = 200
"""So many drafts of a kind are looked through for what they name."""

# -- sections ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Section:
    """A part of a form that fits a screen."""

    title: str
    fieldsets: list[Any] = field(default_factory=list)
    inlines: list[Any] = field(default_factory=list)
    says_together: bool = False
    """Whether its rows are said as one sentence above them."""

    @property
    def slug(self) -> str:
        return re.sub(r"\W+", "-", self.title.lower())

    @property
    def is_wrong(self) -> bool:
        own = any(line.errors() for fieldset in self.fieldsets for line in fieldset)
        return own or any(inline.formset.total_error_count() for inline in self.inlines if inline.formset.is_bound)


def sections(parts: Sequence[tuple[str, Sequence[str]]], form: Any, inlines: Sequence[Any]) -> list[Section]:
    """The form's fieldsets and tables by section: `parts` names them by the fieldset's name or the table's prefix. What
    no section names stands in the first."""
    found = [Section(title) for title, _ in parts] or [Section("All of it")]
    where = {name: section for section, (_, names) in zip(found, parts, strict=False) for name in names}
    for fieldset in form:
        where.get(str(fieldset.name or ""), found[0]).fieldsets.append(fieldset)
    for inline in inlines:
        section = where.get(inline.formset.prefix, found[0])
        section.inlines.append(inline)
        section.says_together |= getattr(inline.opts, "says_together", False)
    return found


# -- what is wrong, and where ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that stands in the way of publishing, or is odd, in the form's words."""

    field: str
    """The id of the field in the page; empty: it is about the whole."""
    where: str
    why: str


def placed(problems: Iterable[tuple[str, str]], form: Any, formsets: Iterable[Any]) -> list[Wrong]:
    """(path within the form's tables, why) → beside which field that is."""
    tables = {formset.prefix: list(_in_order(formset)) for formset in formsets}
    return [Wrong(_field_of(path, form, tables), place(path) or "It", why) for path, why in problems]


def _in_order(formset: Any) -> Iterator[Any]:
    """The forms of the rows that were saved, in the order in which the draft has them."""
    forms = {form.instance.pk: form for form in formset.forms if form.instance.pk}
    order = formset.model._default_manager.filter(pk__in=forms).values_list("pk", flat=True)
    return (forms[pk] for pk in order)


def _field_of(path: str, form: Any, tables: dict[str, list[Any]]) -> str:
    found = PATH.fullmatch(path)
    if found is None:
        return ""
    if found["own"]:
        return _id_of(form, found["own"])
    rows, at = tables.get(found["rows"], []), int(found["at"])
    if at >= len(rows):
        return ""
    name = found["name"] or found["rows"]
    return _id_of(rows[at], IN_OTHER_WORDS.get(name, name)) or _id_of(rows[at], next(iter(rows[at].fields)))


def _id_of(form: Any, name: str) -> str:
    if name not in form.fields:
        return ""
    bound = form[name]
    return str(bound.id_for_label or bound.auto_id)


def mistakes(form: Any, formsets: Iterable[Any]) -> list[Wrong]:
    """What a bound form refuses of what was typed."""
    found = []
    for each in [form, *(each for formset in formsets for each in formset.forms)]:
        for name, errors in (each.errors if each.is_bound else {}).items():
            bound = _id_of(each, name)
            label = str(each.fields[name].label or name) if name in each.fields else ""
            found += [Wrong(bound, label, str(error)) for error in errors]
    return found


# -- what it is, and who needs it --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    words: str
    tone: str
    differs: bool
    """Whether publishing would change something."""
    short: str


def state_of(draft: Content) -> State:
    if draft.retired_at is not None:
        return State("retired", "", False, "retired")
    if draft.published is None:
        return State("draft", "look", True, "draft")
    if draft.has_changes:
        return State(
            f"draft, differs from version {draft.published}",
            "look",
            True,
            f"published v{draft.published}, changed since",
        )
    return State(f"published, version {draft.published}", "good", False, f"published v{draft.published}")


@dataclass(frozen=True, slots=True)
class Use:
    name: str
    address: str


def draft_address(name: str, id_: str) -> str:
    """The page of a piece of content, without a look at it."""
    model: type[models.Model] = kind(name).model
    return page_of(model(pk=id_))


Elsewhere = Callable[[str, str], Iterable[models.Model]]
_elsewhere: list[Elsewhere] = []


def user(uses: Elsewhere) -> None:
    """Register who else names content: (kind, id) → the rows that do. composition.py does so at start-up."""
    _elsewhere.append(uses)


def used_by(of: Kind, id_: str) -> list[Use]:
    """What names it: what is published, drafts that are not, and whatever else does."""
    found: dict[tuple[str, str], Use] = {}
    for name, draft in _changed_drafts(of, id_):
        if any((ref.kind, ref.id) == (of.name, id_) for ref in kind(name).references(kind(name).read(draft))):
            found[name, str(draft.pk)] = Use(f"the draft of {name} {draft.pk}", page_of(draft))
    for name, items in publishing.current().published.items():
        for item in items.values():
            if not item.retired and any(
                (ref.kind, ref.id) == (of.name, id_) for ref in kind(name).references(item.definition)
            ):
                found[name, item.id] = Use(f"{name} {item.id}", draft_address(name, item.id))
    rows = [row for uses in _elsewhere for row in uses(of.name, id_)]
    others = [Use(f"{row._meta.verbose_name} {row}", page_of(row)) for row in rows]
    return [*(found[key] for key in sorted(found)), *others]


def _changed_drafts(but: Kind, id_: str) -> Iterator[tuple[str, Content]]:
    """The drafts that differ from what is published, of the kinds that name others; the newest of each, without one."""
    changed = {
        of.name: of.model._default_manager.filter(has_changes=True, retired_at=None) for of in kinds() if of.lines
    }
    changed[but.name] = changed.get(but.name, but.model._default_manager.none()).exclude(pk=id_)
    names = [rows.order_by().values_list(Value(name), flat=True).distinct() for name, rows in changed.items()]
    for name in names[0].union(*names[1:]):  # one look at all kinds: most have none
        lines = kind(name).lines
        for draft in changed[name].order_by("-updated_at").prefetch_related(*lines)[:MOST_DRAFTS]:
            yield name, draft


def seen_by_players(of: Kind, definition: Definition) -> SafeString | None:
    """What a player is shown of it, who has and who has not unlocked it; None: players never see such content."""
    if "title" not in definition:
        return None
    whole = of.shown(definition, {})
    hidden = of.shown(definition, {of.name: {of.id_of(definition)}}) if definition.get("type") == "SECRET" else None
    return render_to_string("console/_seen.html", {"whole": whole, "hidden": hidden})


# -- three versions of one draft ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    name: str
    base: Any
    theirs: Any
    mine: Any
    is_both: bool
    """Whether both changed it, to different values."""


def differences(base: Definition, theirs: Definition, mine: Definition) -> list[Difference]:
    """The fields that somebody has changed since the base, those first that both have."""
    found = []
    for name in {**theirs, **mine}:
        values = base.get(name), theirs.get(name), mine.get(name)
        by_them, by_me = (not drafts.same({"_": values[0]}, {"_": each}) for each in values[1:])
        if by_them or by_me:
            both = by_them and by_me and not drafts.same({"_": values[1]}, {"_": values[2]})
            found.append(Difference(name, *values, is_both=both))
    return sorted(found, key=lambda each: not each.is_both)
