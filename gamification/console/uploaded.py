"""Uploaded packs: kept until they are confirmed, and compared with what is in play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gamification.console import packs
from gamification.console.models import UploadedPack
from gamification.console.pack_files import BadPack
from gamification.console.packs import Piece
from gamification.kernel.console.compared import Shown, shown
from gamification.kernel.content import drafts, publishing
from gamification.kernel.content.comparing import names
from gamification.kernel.content.publishing import Change, Unpublishable
from gamification.kernel.content.releasing import MAX_ITEMS
from gamification.kernel.core.audit import Subject
from gamification.kernel.core.messages import Command, PlayerId
from gamification.kernel.core.world import World

KEPT_FOR = timedelta(days=7)
MOST_SHOWN = 100
"""So many of its changes are shown field by field; of the others only the names."""


@dataclass(frozen=True, kw_only=True)
class UploadPack(Command):
    """Keep a pack to be looked at. Raises BadPack."""

    name: str
    pack: Any

    def players(self) -> Sequence[PlayerId]:
        return ()

    def subject(self) -> Subject:
        return Subject("pack", self.name)

    def handle(self, world: World) -> UploadedPack:
        pack: dict[str, list[Any]] = {}
        for piece in packs.parse([("", self.pack)]):
            pack.setdefault(piece.kind.plural, []).append(piece.definition)
        UploadedPack.objects.filter(uploaded_at__lt=world.now - KEPT_FOR).delete()
        return UploadedPack.objects.create(
            name=self.name[:200], pack=pack, uploaded_at=world.now, uploaded_by=world.actor.signature
        )


# -- what it would change ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """A piece of the pack that says something else than what is in play."""

    piece: Piece
    is_new: bool
    replaces_edits: bool
    """Whether its draft has edits that were never published, which the pack overwrites."""
    compared: Shown | None
    """None: there are too many to show them all."""


@dataclass(slots=True)
class Difference:
    changed: list[Changed] = field(default_factory=list)
    unchanged: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    """What stands in the way of publishing it as things stand: `{path, code, detail}`."""
    warnings: list[dict[str, str]] = field(default_factory=list)

    def by_kind(self) -> Iterator[tuple[str, int, int, list[Changed]]]:
        """(plural, new, changed, each of both), in the order of packs."""
        new = Counter(each.piece.kind.plural for each in self.changed if each.is_new)
        for plural in packs.ORDER:
            if found := [each for each in self.changed if each.piece.kind.plural == plural]:
                yield plural, new[plural], len(found) - new[plural], found

    @property
    def is_too_large(self) -> bool:
        return len(self.changed) > MAX_ITEMS


def difference(pack: Any, now: datetime) -> Difference:
    """What a pack would change, were it published now. Raises BadPack, where it is no pack any more."""
    found, pieces = Difference(), packs.parse([("", pack)])
    published = publishing.current().published
    known = _known(pieces)
    name = names(published)
    for piece in pieces:
        live = published.get(piece.kind.name, {}).get(piece.id)
        before = None if live is None or live.retired else live.definition
        if before is not None and drafts.same(before, piece.definition):
            found.unchanged += 1
            continue
        is_there, has_edits = known.get((piece.kind.name, piece.id), (False, False))
        compared = shown(piece.kind, before, piece.definition, name) if len(found.changed) < MOST_SHOWN else None
        found.changed.append(Changed(piece, not is_there, has_edits, compared))
    changes = [Change(each.piece.kind.name, each.piece.id, each.piece.definition) for each in found.changed]
    try:
        packs.refuse_retired(pieces)
        publishing.rehearse(changes)
    except Unpublishable as refused:
        found.problems = list(packs.placed(refused.errors, pieces))
    except BadPack as refused:
        found.problems = list(refused.errors)
    else:
        whole = publishing.with_changes(changes)
        for each in found.changed:
            for odd in drafts.advice_beside(each.piece.kind, each.piece.definition, whole, now):
                found.warnings.append({**odd, "path": f"{each.piece.path}.{odd['path']}"})
    return found


def _known(pieces: Sequence[Piece]) -> dict[tuple[str, str], tuple[bool, bool]]:
    """(kind, id) → whether there is such content, and whether its draft has edits of its own."""
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    for kind in {piece.kind.name: piece.kind for piece in pieces}.values():
        ids = [piece.id for piece in pieces if piece.kind is kind]
        rows = kind.model._default_manager.filter(pk__in=ids).values_list("pk", "has_changes")
        found |= {(kind.name, str(pk)): (True, has_changes) for pk, has_changes in rows}
    return found
