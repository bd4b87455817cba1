"""Drafts as their designers see them: which are published as they stand, and what stands in the way of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, assert_never

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import Kind, placed
from gamification.kernel.content.publishing import Change, Definition, Definitions, Unpublishable
from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import Invalid, NotFound
from gamification.kernel.core.vocabulary import Vocabulary
from gamification.kernel.models import Content, Version
from gamification.kernel.web import strict_fields


class DraftState(Vocabulary):
    DRAFT = "DRAFT"
    """It was never published."""
    PUBLISHED = "PUBLISHED"
    """It is published as it stands."""
    CHANGED = "CHANGED"
    """It was changed since it was published."""
    RETIRED = "RETIRED"


STATES = [state.value for state in DraftState]


def in_state(drafts: QuerySet[Any], state: DraftState | None) -> QuerySet[Any]:
    """The drafts in this state; None: all that are not retired."""
    match state:
        case DraftState.RETIRED:
            return drafts.filter(retired_at__isnull=False)
        case None:
            return drafts.filter(retired_at=None)
        case DraftState.DRAFT:
            return drafts.filter(retired_at=None, published=None)
        case DraftState.PUBLISHED:
            return drafts.filter(retired_at=None, published__isnull=False, has_changes=False)
        case DraftState.CHANGED:
            return drafts.filter(retired_at=None, published__isnull=False, has_changes=True)
        case _:
            assert_never(state)


def tagged(drafts: QuerySet[Any], tags: Iterable[str]) -> QuerySet[Any]:
    """The drafts that bear all of these tags."""
    for tag in tags:  # as text, which both databases can search: no tag holds a quotation mark
        drafts = drafts.alias(tags_as_text=Cast("tags", TextField())).filter(tags_as_text__contains=f'"{tag}"')
    return drafts


class UnknownContent(NotFound):
    def __init__(self, kind: Kind, id_: str) -> None:
        super().__init__(f"There is no {kind.name} {strict_fields.shown_id(id_)}.")


def find(of: Kind, id_: str) -> Content:
    """The draft that is not retired. Raises UnknownContent."""
    draft = (
        of.model._default_manager.filter(pk=id_, retired_at=None).first() if strict_fields.ID.fullmatch(id_) else None
    )
    if draft is None:
        raise UnknownContent(of, id_)
    return draft


def published_definition(of: Kind, draft: Content) -> Definition | None:
    """The newest published version's definition; None for what is only a draft, or retired."""
    if draft.published is None:
        return None
    newest = Version.objects.filter(kind=of.name, content_id=draft.pk).order_by("-number").first()
    return None if newest is None or newest.retires else publishing.whole(of.name, newest.definition)


def same(one: Definition | None, other: Definition | None) -> bool:
    """Equal as JSON: unlike in Python, true is not 1."""
    return canonical(one) == canonical(other)


def note(of: Kind, draft: Content, now: datetime) -> None:
    """Note that a draft was edited by other means than a command: whether it still is what is published."""
    draft = of.model._default_manager.get(pk=draft.pk)
    draft.has_changes = not same(published_definition(of, draft), of.read(draft))
    draft.updated_at = now
    draft.save(update_fields=["has_changes", "updated_at"])


def problems(of: Kind, draft: Content) -> list[str]:
    """What stands in the way of publishing a draft, a line each."""
    draft = of.model._default_manager.get(pk=draft.pk)
    try:
        dry_run(of, of.parse(of.read(draft)), publishing.rehearse)
    except Invalid as refused:
        return [f"{error['path']}: {error['detail']}" for error in refused.errors]
    return []


def advice(of: Kind, definition: Definition, now: datetime) -> list[dict[str, str]]:
    """What is odd about a definition, were it published now."""
    whole = publishing.with_changes([Change(of.name, of.id_of(definition), definition)])
    return list(advice_beside(of, definition, whole, now))


def advice_beside(of: Kind, definition: Definition, whole: Definitions, now: datetime) -> Iterator[dict[str, str]]:
    for path, code, detail in of.advise(definition, whole, now):
        yield {"path": path, "code": code, "detail": detail}


def dry_run(
    of: Kind, definition: Definition, rehearse: Callable[[Sequence[Change]], object] = publishing.dry_run
) -> None:
    """Raise Unpublishable, with paths within `definition`, if it could not be published as things stand, were its
    examples not looked at (`publishing.rehearse`: they are).
    """
    id_ = of.id_of(definition)
    try:
        rehearse([Change(of.name, id_, definition)])
    except Unpublishable as problem:
        errors = list(placed(problem.errors, (of.name, id_)))
        raise type(problem)(strict_fields.summary(errors), errors=errors) from None
