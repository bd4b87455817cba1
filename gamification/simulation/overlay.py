"""The rules as they would be were some drafts published: the published ones, with those drafts laid over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from django.db.models import Q

from gamification.kernel.content import drafts, publishing
from gamification.kernel.content.kinds import Kind, kinds, placed
from gamification.kernel.content.publishing import Change, Rules, Unpublishable
from gamification.kernel.core.messages import Invalid
from gamification.kernel.models import Content
from gamification.kernel.web import strict_fields


class DraftNamed(NamedTuple):
    kind: str
    id: str


Wanted = Literal["none", "all"] | Sequence[DraftNamed]
"""Which drafts are laid over."""


class UnknownDraft(Invalid):
    code = "unknown_draft"


def rules_with(wanted: Wanted) -> Rules:
    """Raises UnknownDraft, or Unpublishable with every problem, each with the path of the content that has it."""
    found = list(_all() if wanted == "all" else () if wanted == "none" else _named(wanted))
    changes = []
    for of, draft in found:
        definition = _parsed(of, draft)
        if not drafts.same(drafts.published_definition(of, draft), definition):
            changes.append(Change(of.name, of.id_of(definition), definition))
    if not changes:
        return publishing.current()
    try:
        return publishing.dry_run(changes)
    except Unpublishable as problem:
        raise Unpublishable(problem.detail, list(placed(problem.errors, None))) from None


def _all() -> Iterator[tuple[Kind, Content]]:
    for of in kinds():
        changed = of.model._default_manager.filter(Q(published=None) | Q(has_changes=True), retired_at=None)
        for draft in changed.prefetch_related(*of.lines):
            yield of, draft


def _named(wanted: Sequence[DraftNamed]) -> Iterator[tuple[Kind, Content]]:
    by_name = {name: of for of in kinds() for name in (of.name, of.plural)}
    errors: list[dict[str, str]] = []
    for index, each in enumerate(wanted):
        of = by_name.get(each.kind)
        if of is None:
            detail = f"Expected one of {', '.join(kind.name for kind in kinds())}."
            errors.append({"path": f"drafts[{index}].kind", "code": "unknown_kind", "detail": detail})
            continue
        try:
            yield of, drafts.find(of, each.id)
        except drafts.UnknownContent as unknown:
            errors.append({"path": f"drafts[{index}].id", "code": UnknownDraft.code, "detail": unknown.detail})
    if errors:
        raise UnknownDraft(strict_fields.summary(errors), errors)


def _parsed(of: Kind, draft: Content) -> dict[str, Any]:
    try:
        return of.parse(of.read(draft))
    except strict_fields.BadShape as bad:  # saved in the console, where a draft may be unfinished
        errors = list(placed([{**error, "kind": of.name, "id": str(draft.pk)} for error in bad.errors], None))
        raise Unpublishable(strict_fields.summary(errors), errors) from None
