"""Content leaves play, once nothing needs it any more, and comes back as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gamification.kernel.content import publishing, released
from gamification.kernel.content.drafts import UnknownContent, find, same
from gamification.kernel.content.editing import ContentCommand, Saved, publish_one, put_live
from gamification.kernel.content.kinds import Kind, kind, placed
from gamification.kernel.content.publishing import Unpublishable
from gamification.kernel.content.released import Item
from gamification.kernel.core.audit import change
from gamification.kernel.core.messages import Refused
from gamification.kernel.core.world import World
from gamification.kernel.models import Version
from gamification.kernel.web import strict_fields


@dataclass(frozen=True, slots=True)
class Need:
    """What goes on by a version that is not in play, and where that version names the content in question."""

    path: str
    what: str


Holder = Callable[[str, str], Iterable[Need]]

_holders: list[Holder] = []


def holder(needs: Holder) -> None:
    """Register what an app still needs: of `(kind, id)`, what goes on that names it."""
    _holders.append(needs)


class StillNeeded(Refused):
    code = "still_needed"

    def __init__(self, what: str, by: Iterable[str], errors: Iterable[dict[str, str]]) -> None:
        super().__init__(f"The {what} is still needed by {', '.join(dict.fromkeys(by))}.", list(errors))


def refuse_what_is_held(of: Kind, id_: str) -> None:
    """Raise StillNeeded where players' runs, or other content that is no longer in play, need this content."""
    if needs := [need for needed in _holders for need in needed(of.name, id_)]:
        errors = ({"path": n.path, "code": StillNeeded.code, "detail": f"{n.what} need it."} for n in needs)
        raise StillNeeded(f"{of.name} {id_}", (need.what for need in needs), errors)


def still_needed(what: str, problem: Unpublishable) -> StillNeeded:
    """What stands in the way of publishing without some content, as what needs that content."""
    by = sorted(f"{error['kind']} {error['id']}" for error in problem.errors)
    return StillNeeded(what, by, placed(problem.errors, None))


@dataclass(frozen=True, kw_only=True)
class RetireContent(ContentCommand):
    """Take content out of play; players keep what they have. Refused while other content in play names it, or what
    players have begun on an older version, or on content that was retired."""

    id: str

    def handle(self, world: World) -> None:
        of = kind(self.kind)
        publishing.lock()
        draft = find(of, self.id)
        released.require_unlocked([(of.name, self.id)])
        if draft.published is not None:
            released.require_no_review()
            refuse_what_is_held(of, self.id)
        item = Item(kind=of.name, id=self.id, digest=released.digest(None), retires=True)
        try:
            _, publication = put_live(world, [], retiring=[(of, draft)], reason=self.reason)
        except Unpublishable as problem:
            raise still_needed(f"{of.name} {self.id}", problem) from None
        if publication is not None:
            released.record(world, publication, [item], self.reason)


@dataclass(frozen=True, kw_only=True)
class RestoreContent(ContentCommand):
    """Bring retired content back: what was published is published again, what was a draft is one again. Nothing happens
    to what is not retired."""

    id: str

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        publishing.lock()
        draft = of.model._default_manager.filter(pk=self.id).first() if strict_fields.ID.fullmatch(self.id) else None
        if draft is None:
            raise UnknownContent(of, self.id)
        if draft.retired_at is None:
            return Saved(draft, of.read(draft))
        world.changes.append(change(of.name, self.id, {"retired": True}, {"retired": False}))
        draft.retired_at, draft.updated_at = None, world.now
        draft.has_changes = True
        draft.save(update_fields=["retired_at", "updated_at", "has_changes"])
        if draft.published is None:
            return Saved(draft, of.read(draft))
        last = Version.objects.get(kind=of.name, content_id=self.id, number=draft.published)
        definition = of.parse(publishing.whole(of.name, last.definition))
        saved = publish_one(world, of, draft, definition, self.reason)
        draft.has_changes = not same(of.read(draft), definition)
        draft.save(update_fields=["has_changes"])
        return saved
