"""One way to create, change and publish content of every kind.

Whatever changes content does so under the lock of publishing's head, so two designers at once cannot overwrite each
other's versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gamification.kernel.content import publishing, released
from gamification.kernel.content.drafts import advice, advice_beside, dry_run, find, published_definition, same
from gamification.kernel.content.kinds import Kind, kind, placed
from gamification.kernel.content.publishing import Change, Definition, Publication, Unpublishable
from gamification.kernel.content.released import Item
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Subject, change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Command, Invalid, PlayerId, Refused
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.core.world import World
from gamification.kernel.models import Content
from gamification.kernel.web import strict_fields

_schedule: Callable[[int, BackfillMode, datetime], Any] | None = None
_schedule_preview: Callable[[str, Definition, Actor, datetime], Any] | None = None


def connect(
    *,
    schedule: Callable[[int, BackfillMode, datetime], Any],
    schedule_preview: Callable[[str, Definition, Actor, datetime], Any],
) -> None:
    """Say who counts players' pasts for new content. composition.py does so at start-up."""
    global _schedule, _schedule_preview
    _schedule, _schedule_preview = schedule, schedule_preview


class AlreadyExists(Refused):
    """Ids are never given twice, not even after retiring."""

    code = "already_exists"


class Immutable(Invalid):
    code = "immutable"


class SavedSince(Refused):
    """What was to be changed is not what the draft is by now."""

    code = "saved_since"


@dataclass(slots=True)
class Saved:
    """What came of a command: the draft as it is now, and what publishing it set going."""

    draft: Content
    definition: Definition
    published: bool = False
    """Whether a new version came of it."""
    backfill: int | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    """What is odd about it but may be meant: `{path, code, detail}`."""


@dataclass(frozen=True, kw_only=True)
class ContentCommand(Command):
    kind: str
    reason: str = ""

    def players(self) -> Sequence[PlayerId]:
        return ()

    def subject(self) -> Subject:
        return Subject(self.kind, getattr(self, "id", ""))


@dataclass(frozen=True, kw_only=True)
class CreateContent(ContentCommand):
    definition: Any
    draft: bool = False

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        definition = of.parse(self.definition)
        publishing.lock()
        id_ = of.id_of(definition)
        if of.model._default_manager.filter(pk=id_).exists():
            raise AlreadyExists(f"The {of.name} {id_} exists already, or was retired: then it can be restored.")
        draft = of.model(pk=id_, created_at=world.now)  # type: ignore[misc] # Content is abstract
        return _put(world, of, draft, definition, publishes=not self.draft, reason=self.reason)


@dataclass(frozen=True, kw_only=True)
class UpdateContent(ContentCommand):
    """Change some fields of a draft and, unless `draft`, publish it."""

    id: str
    changes: Any
    draft: bool = False
    seen: str | None = None
    """When the draft was saved last, as whoever worked the changes out has seen it. None: whatever it is by now."""

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        if not isinstance(self.changes, dict):
            of.parse(self.changes)  # raises: not an object
        publishing.lock()
        draft = find(of, self.id)
        if str(self.changes.get(of.key, self.id)) != self.id:
            detail = f"The {of.key} was chosen once for ever."
            raise Immutable(detail, errors=[{"path": of.key, "code": "immutable", "detail": detail}])
        if self.seen is not None and self.seen != instant(draft.updated_at):
            raise SavedSince("Somebody has saved the draft since: nothing of this is stored.")
        now = of.read(draft)
        definition = of.parse({**now, **self.changes})
        return _put(world, of, draft, definition, publishes=not self.draft, reason=self.reason)


@dataclass(frozen=True, kw_only=True)
class PublishContent(ContentCommand):
    """Make the draft as it stands the newest version; nothing happens when it already is."""

    id: str

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        publishing.lock()
        draft = find(of, self.id)
        definition = of.parse(of.read(draft))
        return publish_one(world, of, draft, definition, self.reason)


@dataclass(frozen=True, kw_only=True)
class PublishTogether(ContentCommand):
    """Make drafts of one kind the newest versions in one publication, so that they may need each other; or none."""

    ids: Sequence[str]

    def handle(self, world: World) -> list[Saved]:
        of = kind(self.kind)
        publishing.lock()
        found = [find(of, id_) for id_ in self.ids]
        try:
            return publish(world, [(of, draft, of.parse(of.read(draft))) for draft in found], reason=self.reason)
        except Unpublishable as problem:
            errors = list(placed(problem.errors, None))
            raise type(problem)(strict_fields.summary(errors), errors=errors) from None


@dataclass(frozen=True, kw_only=True)
class PreviewContent(ContentCommand):
    """Count who would complete the draft, with these changes to it; nothing is published."""

    id: str
    changes: Any = field(default_factory=dict)

    def handle(self, world: World) -> Any:
        of = kind(self.kind)
        draft = find(of, self.id)
        if not isinstance(self.changes, dict):
            of.parse(self.changes)  # raises: not an object
        definition = of.parse({**of.read(draft), **self.changes, of.key: of.read(draft)[of.key]})
        dry_run(of, definition)
        assert _schedule_preview is not None, "connect() was not called"
        return _schedule_preview(of.name, {"id": self.id, **definition}, world.actor, world.now)


def _put(world: World, of: Kind, draft: Content, definition: Definition, *, publishes: bool, reason: str) -> Saved:
    if not publishes:  # else publishing asks
        released.require_unlocked([(of.name, of.id_of(definition))])
    before = None if draft._state.adding else of.read(draft)
    if before is None or not same(before, definition):
        draft.updated_at = world.now
        draft.has_changes = not same(definition, published_definition(of, draft))
        of.save(draft, definition)
    if publishes:
        return publish_one(world, of, draft, definition, reason)
    world.changes.append(change(of.name, of.id_of(definition), before, definition))
    return Saved(draft, definition, warnings=advice(of, definition, world.now))


def publish_one(world: World, of: Kind, draft: Content, definition: Definition, reason: str) -> Saved:
    try:
        return publish(world, [(of, draft, definition)], reason=reason)[0]
    except Unpublishable as problem:
        errors = list(placed(problem.errors, (of.name, of.id_of(definition))))
        raise type(problem)(strict_fields.summary(errors), errors=errors) from None


def publish(world: World, drafts: Sequence[tuple[Kind, Content, Definition]], *, reason: str) -> list[Saved]:
    """Publish those drafts that differ from what is published, in one publication, as a release of its own. Raises
    Unpublishable, or ReviewRequired."""
    released.require_unlocked((of.name, of.id_of(definition)) for of, _, definition in drafts)
    released.require_no_review()
    results, publication = put_live(world, drafts, reason=reason)
    if publication is not None:
        items = [
            Item(kind=of.name, id=of.id_of(definition), digest=released.digest(definition))
            for of, _, definition in drafts
            if (of.name, of.id_of(definition)) in publication.versions
        ]
        released.record(world, publication, items, reason)
    return results


def put_live(
    world: World,
    drafts: Sequence[tuple[Kind, Content, Definition]],
    *,
    retiring: Sequence[tuple[Kind, Content]] = (),
    reason: str,
) -> tuple[list[Saved], Publication | None]:
    """Publish what differs from what is published and retire the others, in one publication; None: nothing differs."""
    results = [Saved(draft, definition) for _, draft, definition in drafts]
    whole = publishing.with_changes(Change(of.name, of.id_of(definition), definition) for of, _, definition in drafts)
    for (of, _, definition), saved in zip(drafts, results, strict=True):
        saved.warnings = list(advice_beside(of, definition, whole, world.now))
    fresh = [
        (of, saved)
        for (of, draft, definition), saved in zip(drafts, results, strict=True)
        if not same(published_definition(of, draft), definition)
    ]
    leaving = [(of, draft) for of, draft in retiring if draft.published is not None]
    for of, draft in retiring:
        world.changes.append(change(of.name, str(draft.pk), {"retired": False}, {"retired": True}))
    publication = None
    if fresh or leaving:
        publication = _publish(world, fresh, leaving, reason)
    for _, draft in retiring:
        draft.retired_at = draft.updated_at = world.now
        draft.has_changes = False
        draft.save(update_fields=["published", "retired_at", "updated_at", "has_changes"])
    return results, publication


def _publish(
    world: World, fresh: Sequence[tuple[Kind, Saved]], leaving: Sequence[tuple[Kind, Content]], reason: str
) -> Publication:
    for of, saved in fresh:
        before = published_definition(of, saved.draft)
        world.changes.append(change(of.name, of.id_of(saved.definition), before, saved.definition))
    changes = [Change(of.name, of.id_of(saved.definition), saved.definition) for of, saved in fresh]
    changes += [Change(of.name, str(draft.pk), None) for of, draft in leaving]
    publication = publishing.publish(changes, who=world.actor, reason=reason, now=world.now)
    backfill = _backfill(publication, fresh, world.now)
    for of, saved in fresh:
        saved.published = True
        saved.backfill = backfill
        draft = saved.draft
        draft.published = publication.versions[of.name, of.id_of(saved.definition)]
        draft.has_changes = False
        draft.save(update_fields=["published", "has_changes"])
        if of.announce is not None:
            world.state(of.announce(saved.definition, draft.published, world.now))
    for of, draft in leaving:
        draft.published = publication.versions[of.name, str(draft.pk)]
    return publication


def _backfill(publication: Publication, fresh: Iterable[tuple[Kind, Saved]], now: datetime) -> int | None:
    if not publication.new_units:
        return None
    modes = {of.backfill_mode(saved.definition) for of, saved in fresh if of.name == "achievement"}
    assert _schedule is not None, "connect() was not called"
    scheduled: Any = _schedule(publication.number, modes.pop() if len(modes) == 1 else BackfillMode.DIGEST, now)
    return int(scheduled.pk)
