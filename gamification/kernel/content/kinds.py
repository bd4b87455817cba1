"""The kinds of content there are. Apps register theirs at start-up: how a draft is stored, what its shape is, what it
refers to, and what of it a player may see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rest_framework import serializers

from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Definition, Definitions, Problem
from gamification.kernel.core.messages import Fact, PlayerId
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.models import Content
from gamification.kernel.storage import shares
from gamification.kernel.web import strict_fields

Hidden = Mapping[str, set[str]]
"""The ids that one player must not learn of, by kind."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a definition that names other content. `code` is said when that is unknown."""

    path: str
    kind: str
    id: str
    code: str


Name = Callable[[str, str], str]
"""(kind, id) → what people call it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that content asks of players, as people are told of two versions."""

    said: str
    """As a sentence."""
    counted: Any
    """All that decides on what counts for it: with an equal one, what players reached of it is kept."""
    where: str = ""
    """For what it is asked, where content asks for several things."""


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
    backfill_mode: Callable[[Definition], BackfillMode] = lambda definition: BackfillMode.DIGEST
    show: Callable[[Definition, Hidden], Definition | None] | None = None
    """What a player to whom some content is hidden sees of this; None: nothing."""
    shape_when_hidden: type[serializers.Serializer[Any]] | None = None
    """The shape of what `show` leaves of it where it is hidden itself, if that is something."""
    also_counted: Mapping[str, Callable[[str, int], int]] = field(default_factory=dict)
    """What whoever saves it is told besides, each counted by its id and published version."""
    asks: Callable[[Definition, Name], Iterable[Asked]] = lambda definition, name: ()
    asked_in: tuple[str, ...] = ()
    """The fields that `asks` tells of."""
    under_way: Callable[[str, int], int] | None = None
    """How many players are in progress on one of its versions."""
    counts_pasts: bool = False
    """Whether what it asks anew is counted in players' pasts."""
    goes_on: str = ""
    """What becomes of them when another version is published, as a sentence."""
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
    _hiders.append(hide)


def hidden(player_id: PlayerId) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with shares.within_share_of(player_id):
        for hide in _hiders:
            for name, ids in hide(player_id).items():
                found.setdefault(name, set()).update(ids)
    return found


def placed(errors: Iterable[dict[str, str]], own: tuple[str, str] | None) -> Iterator[dict[str, str]]:
    """Errors with paths that say whose they are, where it is not the content that was sent."""
    for error in errors:
        path = error["path"]
        if (error.get("kind"), error.get("id")) != own and error.get("kind") in _kinds:
            path = f"{_kinds[error['kind']].plural}[{error['id']}].{path}".rstrip(".")
        yield {"path": path, "code": error["code"], "detail": error["detail"]}


def unknown_references(definitions: Definitions) -> Iterator[Problem]:
    """The problem of each name of content that is not in play. It is told before what apps find wrong."""
    for name, items in definitions.items():
        if name not in _kinds:
            continue
        for id_, definition in items.items():
            for reference in _kinds[name].references(definition):
                if reference.id not in definitions.get(reference.kind, {}):
                    detail = f"There is no published {reference.kind} {reference.id!r}."
                    yield Problem(name, id_, reference.path, reference.code, detail)
