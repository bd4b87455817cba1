"""Content as its designers handle it: one way to create, change, publish and retire every kind.

Apps register their kinds at start-up: how a draft is stored, what its shape is, what it refers to. Whatever changes
content does so under the lock of publishing's head, so two designers at once cannot overwrite each other's versions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from rest_framework import serializers

from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Change, Definition, Definitions, Problem, Unpublishable
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.encoding import canonical
from gamification.kernel.core.messages import Command, Fact, Invalid, NotFound, PlayerId, Refused
from gamification.kernel.core.world import World
from gamification.kernel.models import Content, Head, Version
from gamification.kernel.web import strict_fields

Hidden = Mapping[str, set[str]]
"""kind → ids that one player must not learn of."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a definition that names other content. `code` is said when that is unknown."""

    path: str
    kind: str
    id: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of content. `read` and `save` are each other's inverse: canonical definition and draft rows."""

    name: str
    plural: str
    """What routes and packs call it."""
    model: type[Content]
    shape: type[strict_fields.Shape]
    read: Callable[[Any], Definition]
    save: Callable[[Any, Definition], None]
    lines: tuple[str, ...] = ()
    """The draft's child tables, to be fetched along."""
    key: str = "id"
    """The field by which a designer names it; as text it is the content's id."""
    references: Callable[[Definition], Iterable[Reference]] = lambda definition: ()
    advise: Callable[[Definition, Definitions, datetime], Iterable[tuple[str, str, str]]] = lambda *_: ()
    """(path, code, detail) of what is odd about it, beside everything in play, but may be meant."""
    announce: Callable[[Definition, int, datetime], Fact] | None = None
    """What is stated when a version is published."""
    backfill_mode: Callable[[Definition], str] = lambda definition: "DIGEST"
    show: Callable[[Definition, Hidden], Definition | None] | None = None
    """What a player to whom some content is hidden sees of this; None: nothing."""
    shape_when_hidden: type[serializers.Serializer[Any]] | None = None
    """The shape of what `show` leaves of it where it is hidden itself, if that is something."""
    also_counted: Mapping[str, Callable[[str, int], int]] = field(default_factory=dict)
    """What whoever saves it is told besides, each counted by its id and published version."""
    filters: tuple[str, ...] = ()
    asked_of_players: Mapping[str, Callable[[PlayerId, datetime], Collection[str]]] = field(default_factory=dict)
    """Filters that name a player, each with the ids that it lets through for that player now."""
    searched: tuple[str, ...] = ("id",)
    order: str = "pk"

    def id_of(self, definition: Definition) -> str:
        return str(definition[self.key])

    def parse(self, data: Any) -> Definition:
        """The canonical definition. Raises strict_fields.BadShape."""
        return strict_fields.parse(self.shape, data)

    def shown(self, definition: Definition, hidden: Hidden) -> Definition | None:
        if self.show is not None:
            return self.show(definition, hidden)
        return None if self.id_of(definition) in hidden.get(self.name, ()) else definition


_kinds: dict[str, Kind] = {}
_hiders: list[Callable[[PlayerId], Hidden]] = []
_schedule: Callable[[int, str, datetime], Any] | None = None
_schedule_preview: Callable[[str, Definition, Actor, datetime], Any] | None = None


def register(kind: Kind) -> None:
    _kinds[kind.name] = kind
    fields = kind.shape().fields.items()
    publishing.fields_of(kind.name, {name: f.get_default() for name, f in fields if f.default is not serializers.empty})


def kind(name: str) -> Kind:
    return _kinds[name]


def kinds() -> Sequence[Kind]:
    return list(_kinds.values())


def hider(hide: Callable[[PlayerId], Hidden]) -> None:
    """Register what some app hides from a player."""
    if hide not in _hiders:
        _hiders.append(hide)


def hidden(player_id: PlayerId) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for hide in _hiders:
        for name, ids in hide(player_id).items():
            found.setdefault(name, set()).update(ids)
    return found


def connect(
    *,
    schedule: Callable[[int, str, datetime], Any],
    schedule_preview: Callable[[str, Definition, Actor, datetime], Any],
) -> None:
    """Say who counts players' pasts for new content. `progress` does so at start-up."""
    global _schedule, _schedule_preview
    _schedule, _schedule_preview = schedule, schedule_preview


# -- refusals ----------------------------------------------------------------------------------------------------------


class AlreadyExists(Refused):
    """Ids are never given twice, not even after retiring."""

    code = "already_exists"


class Immutable(Invalid):
    code = "immutable"


class UnknownContent(NotFound):
    def __init__(self, kind: Kind, id_: str) -> None:
        super().__init__(f"There is no {kind.name} {strict_fields.shown_id(id_)}.")


# -- commands ----------------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True, kw_only=True)
class CreateContent(ContentCommand):
    definition: Any
    draft: bool = False

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        definition = of.parse(self.definition)
        lock()
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

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        if not isinstance(self.changes, dict):
            of.parse(self.changes)  # raises: not an object
        lock()
        draft = find(of, self.id)
        if str(self.changes.get(of.key, self.id)) != self.id:
            detail = f"The {of.key} was chosen once for ever."
            raise Immutable(detail, errors=[{"path": of.key, "code": "immutable", "detail": detail}])
        now = of.read(draft)
        definition = of.parse({**now, **self.changes})
        return _put(world, of, draft, definition, publishes=not self.draft, reason=self.reason)


@dataclass(frozen=True, kw_only=True)
class PublishContent(ContentCommand):
    """Make the draft as it stands the newest version; nothing happens when it already is."""

    id: str

    def handle(self, world: World) -> Saved:
        of = kind(self.kind)
        lock()
        draft = find(of, self.id)
        definition = of.parse(of.read(draft))
        return publish_one(world, of, draft, definition, self.reason)


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


def lock() -> None:
    """Wait for whoever else is changing content. Needs an open transaction."""
    Head.objects.select_for_update().get_or_create(pk=1)


def find(of: Kind, id_: str) -> Content:
    """The draft that is not retired. Raises UnknownContent."""
    draft = (
        of.model._default_manager.filter(pk=id_, retired_at=None).first() if strict_fields.ID.fullmatch(id_) else None
    )
    if draft is None:
        raise UnknownContent(of, id_)
    return draft


def _put(world: World, of: Kind, draft: Content, definition: Definition, *, publishes: bool, reason: str) -> Saved:
    if draft._state.adding or not same(of.read(draft), definition):
        draft.updated_at = world.now
        draft.has_changes = not same(definition, published_definition(of, draft))
        of.save(draft, definition)
    if publishes:
        return publish_one(world, of, draft, definition, reason)
    return Saved(draft, definition, warnings=advice(of, definition, world.now))


def publish_one(world: World, of: Kind, draft: Content, definition: Definition, reason: str) -> Saved:
    try:
        return publish(world, [(of, draft, definition)], reason=reason)[0]
    except Unpublishable as problem:
        errors = list(placed(problem.errors, (of.name, of.id_of(definition))))
        raise Unpublishable(strict_fields.summary(errors), errors=errors) from None


def publish(world: World, drafts: Sequence[tuple[Kind, Content, Definition]], *, reason: str) -> list[Saved]:
    """Publish those drafts that differ from what is published, in one publication. Raises Unpublishable."""
    results = [Saved(draft, definition) for _, draft, definition in drafts]
    whole = publishing.with_changes(Change(of.name, of.id_of(definition), definition) for of, _, definition in drafts)
    for (of, _, definition), saved in zip(drafts, results, strict=True):
        saved.warnings = list(_advice(of, definition, whole, world.now))
    fresh = [
        (of, saved)
        for (of, draft, definition), saved in zip(drafts, results, strict=True)
        if not same(published_definition(of, draft), definition)
    ]
    if not fresh:
        return results
    changes = [Change(of.name, of.id_of(saved.definition), saved.definition) for of, saved in fresh]
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
    return results


def _backfill(publication: publishing.Publication, fresh: Iterable[tuple[Kind, Saved]], now: datetime) -> int | None:
    if not publication.new_units:
        return None
    modes = {of.backfill_mode(saved.definition) for of, saved in fresh if of.name == "achievement"}
    assert _schedule is not None, "connect() was not called"
    scheduled: Any = _schedule(publication.number, modes.pop() if len(modes) == 1 else "DIGEST", now)
    return int(scheduled.pk)


def dry_run(of: Kind, definition: Definition) -> None:
    """Raise Unpublishable, with paths within `definition`, if it could not be published as things stand."""
    id_ = of.id_of(definition)
    try:
        publishing.dry_run([Change(of.name, id_, definition)])
    except Unpublishable as problem:
        errors = list(placed(problem.errors, (of.name, id_)))
        raise Unpublishable(strict_fields.summary(errors), errors=errors) from None


def placed(errors: Iterable[dict[str, str]], own: tuple[str, str] | None) -> Iterator[dict[str, str]]:
    """Errors with paths that say whose they are, where it is not the content that was sent."""
    for error in errors:
        path = error["path"]
        if (error.get("kind"), error.get("id")) != own and error.get("kind") in _kinds:
            path = f"{_kinds[error['kind']].plural}[{error['id']}].{path}".rstrip(".")
        yield {"path": path, "code": error["code"], "detail": error["detail"]}


# -- questions ---------------------------------------------------------------------------------------------------------


STATES = ("DRAFT", "PUBLISHED", "CHANGED", "RETIRED")


def in_state(drafts: QuerySet[Any], state: str | None) -> QuerySet[Any]:
    """Those drafts that were never published, are published as they stand, were changed since, or are retired. None:
    all that are not retired."""
    drafts = drafts.filter(retired_at__isnull=state != "RETIRED")
    match state:
        case "DRAFT":
            return drafts.filter(published=None)
        case "PUBLISHED" | "CHANGED":
            return drafts.filter(published__isnull=False, has_changes=state == "CHANGED")
    return drafts


def tagged(drafts: QuerySet[Any], tags: Iterable[str]) -> QuerySet[Any]:
    """Those drafts that bear all of these tags."""
    for tag in tags:  # as text, which both databases can search: no tag holds a quotation mark
        drafts = drafts.alias(tags_as_text=Cast("tags", TextField())).filter(tags_as_text__contains=f'"{tag}"')
    return drafts


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
        dry_run(of, of.parse(of.read(draft)))
    except Invalid as refused:
        return [f"{error['path']}: {error['detail']}" for error in refused.errors]
    return []


def advice(of: Kind, definition: Definition, now: datetime) -> list[dict[str, str]]:
    """What is odd about a definition, were it published now."""
    whole = publishing.with_changes([Change(of.name, of.id_of(definition), definition)])
    return list(_advice(of, definition, whole, now))


def _advice(of: Kind, definition: Definition, whole: Definitions, now: datetime) -> Iterator[dict[str, str]]:
    for path, code, detail in of.advise(definition, whole, now):
        yield {"path": path, "code": code, "detail": detail}


def unknown_references(definitions: Definitions) -> Iterator[Problem]:
    """What names content that is not in play. Registered as publishing's first validator."""
    for name, items in definitions.items():
        if name not in _kinds:
            continue
        for id_, definition in items.items():
            for reference in _kinds[name].references(definition):
                if reference.id not in definitions.get(reference.kind, {}):
                    detail = f"There is no published {reference.kind} {reference.id!r}."
                    yield Problem(name, id_, reference.path, reference.code, detail)
