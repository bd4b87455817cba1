"""Content packs: the whole of a game's content in YAML or JSON files, loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from gamification.console.pack_files import BadPack, problem, read
from gamification.kernel.content import drafts, editing, kinds, publishing, released
from gamification.kernel.content.kinds import Kind
from gamification.kernel.content.publishing import Definition, Unpublishable
from gamification.kernel.content.releasing import OpenRelease
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Subject, change
from gamification.kernel.core.messages import Command
from gamification.kernel.core.world import World
from gamification.kernel.models import Content
from gamification.kernel.web import strict_fields

ORDER = ("metrics", "currencies", "rewards", "levels", "achievements", "quests", "pools")

Pack = Mapping[str, Any]


class DryRun(Exception):
    """Raised at the end of a dry run, so that its transaction is rolled back."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__("dry run")
        self.loaded = loaded


@dataclass(slots=True)
class Loaded:
    """What was loaded: `(plural kind, id)` of each piece of content."""

    created: list[tuple[str, str]] = field(default_factory=list)
    updated: list[tuple[str, str]] = field(default_factory=list)
    unchanged: list[tuple[str, str]] = field(default_factory=list)
    backfill: int | None = None
    release: int | None = None
    """The release that was made of it, where it was not published."""
    warnings: list[dict[str, str]] = field(default_factory=list)
    """`{path, code, detail}` of what is odd but may be meant."""


def load(
    files: Sequence[Path],
    *,
    actor: Actor,
    now: datetime,
    reason: str = "load_content",
    dry_run: bool = False,
    release: str = "",
) -> Loaded:
    """Load packs as one. Raises BadPack, its errors' paths like `achievements[3].requirements[0].metric` (after the
    file's name, where there are several)."""
    packs = [(f"{file.name}: " if len(files) > 1 else "", read(file)) for file in files]
    loaded: Loaded
    try:
        wish = LoadContent(packs=packs, reason=reason, dry_run=dry_run, release=release)
        loaded = bus.handle(wish, actor=actor, now=now)
    except DryRun as done:
        loaded = done.loaded
    return loaded


def dump(*, drafts: bool = False) -> dict[str, list[Definition]]:
    """All published content (`drafts`: the drafts) as a pack; loading it again changes nothing."""
    pack: dict[str, list[Definition]] = {}
    published = publishing.current().published
    for plural in ORDER:
        kind = _by_plural()[plural]
        if drafts:
            rows = kind.model._default_manager.filter(retired_at=None).order_by(kind.order)
            pack[plural] = [kind.read(draft) for draft in rows.prefetch_related(*kind.lines)]
        else:
            found = [item.definition for item in published.get(kind.name, {}).values() if not item.retired]
            # Through the shape, for its order of fields: PostgreSQL keeps one of its own.
            pack[plural] = [kind.parse(definition) for definition in sorted(found, key=itemgetter(kind.key))]
    return pack


def ids(pack: Mapping[str, Sequence[Definition]]) -> dict[str, list[str]]:
    """What a pack that was dumped holds, by kind."""
    return {plural: [str(item[_by_plural()[plural].key]) for item in items] for plural, items in pack.items() if items}


@dataclass(frozen=True, kw_only=True)
class LoadContent(Command):
    packs: Sequence[tuple[str, Pack]]
    """Each with the prefix of its paths."""
    reason: str = ""
    dry_run: bool = False
    release: str = ""
    """The title of a release that is to be made of what differs; empty: it is published."""

    def subject(self) -> Subject:
        return Subject("pack")

    def handle(self, world: World) -> Loaded:
        pieces = parse(self.packs)
        publishing.lock()
        released.require_unlocked((piece.kind.name, piece.id) for piece in pieces)
        loaded = Loaded()
        changed: list[tuple[Kind, Content, Definition]] = []
        for piece in pieces:
            draft = _draft(piece, world.now)
            is_new = draft._state.adding
            if not is_new and drafts.published_definition(piece.kind, draft) == piece.definition:
                loaded.unchanged.append(piece.name)
                continue
            before = None if is_new else piece.kind.read(draft)
            draft.updated_at, draft.has_changes = world.now, True
            piece.kind.save(draft, piece.definition)
            if self.release:  # of what is published, the versions tell
                world.changes.append(change(piece.kind.name, piece.id, before, piece.definition))
            changed.append((piece.kind, draft, piece.definition))
            (loaded.created if is_new or draft.published is None else loaded.updated).append(piece.name)
        if self.release:
            return self._as_release(world, loaded, changed)
        try:
            results = editing.publish(world, changed, reason=self.reason)
        except Unpublishable as refused:
            raise _refused(list(placed(refused.errors, pieces))) from None
        places = {piece.name: piece.path for piece in pieces}
        for (kind, _, definition), saved in zip(changed, results, strict=True):
            place = places[kind.plural, kind.id_of(definition)]
            loaded.warnings += [{**each, "path": f"{place}.{each['path']}"} for each in saved.warnings]
        loaded.backfill = next((saved.backfill for saved in results if saved.backfill), None)
        if self.dry_run:
            raise DryRun(loaded)
        return loaded

    def _as_release(self, world: World, loaded: Loaded, changed: Sequence[tuple[Kind, Content, Definition]]) -> Loaded:
        items = [{"kind": kind.name, "id": kind.id_of(definition)} for kind, _, definition in changed]
        made = OpenRelease(title=self.release, note=self.reason, items=items).handle(world)
        if self.dry_run:
            raise DryRun(loaded)
        loaded.release = made.pk
        return loaded


@dataclass(frozen=True, slots=True)
class Piece:
    kind: Kind
    definition: Definition
    path: str

    @property
    def id(self) -> str:
        return self.kind.id_of(self.definition)

    @property
    def name(self) -> tuple[str, str]:
        return (self.kind.plural, self.id)


def parse(packs: Sequence[tuple[str, Pack]]) -> list[Piece]:
    """Every piece in its canonical form. Raises BadPack with everything that is wrong with any of them."""
    pieces: list[Piece] = []
    errors: list[dict[str, str]] = []
    seen: dict[tuple[str, str], str] = {}
    for prefix, pack in packs:
        for path, kind, raw in _items(prefix, pack, errors):
            try:
                piece = Piece(kind, kind.parse(raw), path)
            except strict_fields.BadShape as bad:
                errors += [{**error, "path": f"{path}.{error['path']}".rstrip(".")} for error in bad.errors]
                continue
            first = seen.setdefault(piece.name, path)
            if first != path:
                errors.append(problem(path, "duplicate_id", f"{piece.id} is described at {first} already."))
            pieces.append(piece)
    if errors:
        raise _refused(errors)
    return pieces


def _items(prefix: str, pack: Pack, errors: list[dict[str, str]]) -> Iterator[tuple[str, Kind, Any]]:
    if not isinstance(pack, dict):
        errors.append(problem(prefix, "invalid", f"A pack is an object with the lists {', '.join(ORDER)}."))
        return
    kinds = _by_plural()
    for plural, items in pack.items():
        path = f"{prefix}{plural}"
        if plural not in ORDER:
            errors.append(problem(path, "unknown_field", f"A pack has the lists {', '.join(ORDER)}."))
        elif not isinstance(items, list) and items is not None:
            errors.append(problem(path, "not_a_list", "A list is expected."))
        else:
            yield from ((f"{path}[{index}]", kinds[plural], raw) for index, raw in enumerate(items or []))


def _by_plural() -> dict[str, Kind]:
    return {kind.plural: kind for kind in kinds.kinds()}


def refuse_retired(pieces: Sequence[Piece]) -> None:
    """Raise BadPack with the place of each piece whose id was retired."""
    errors = []
    for kind in {piece.kind.name: piece.kind for piece in pieces}.values():
        theirs = {piece.id: piece for piece in pieces if piece.kind is kind}
        gone = kind.model._default_manager.filter(pk__in=list(theirs), retired_at__isnull=False)
        errors += [_retired(theirs[str(pk)]) for pk in gone.order_by("pk").values_list("pk", flat=True)]
    if errors:
        raise _refused(errors)


def _retired(piece: Piece) -> dict[str, str]:
    return problem(piece.path, "already_exists", f"{piece.id} was retired, and ids are never given twice.")


def _draft(piece: Piece, now: datetime) -> Content:
    draft = piece.kind.model._default_manager.filter(pk=piece.id).first()
    if draft is None:
        return piece.kind.model(pk=piece.id, created_at=now)  # type: ignore[misc] # Content is abstract
    if draft.retired_at is not None:
        raise _refused([_retired(piece)])
    return draft


def placed(errors: Sequence[dict[str, str]], pieces: Sequence[Piece]) -> Iterator[dict[str, str]]:
    """Publishing's problems with their place in the pack, or in what is published already."""
    places = {(piece.kind.name, piece.id): piece.path for piece in pieces}
    plurals = {kind.name: kind.plural for kind in kinds.kinds()}
    for error in errors:
        kind, id_ = error["kind"], error["id"]
        place = places.get((kind, id_), f"{plurals[kind]}[{id_}]")
        yield problem(f"{place}.{error['path']}".rstrip("."), error["code"], error["detail"])


def _refused(errors: list[dict[str, str]]) -> BadPack:
    return BadPack(strict_fields.summary(errors), errors=errors)
