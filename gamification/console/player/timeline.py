"""What happened to a player, newest first: several logs read as one, a page at a time.

Each log is a `Source`; composition.py has the table of them, so that whoever keeps a log of players adds a line there.
A page reads each source once and merges what it finds. Entries are ordered by (instant, source, key), which names one
entry, so a cursor leaves none out and shows none twice however many happened at one instant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.messages import PlayerId

PAGE = 200
SALT = "timeline of a player"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened, as people read it."""

    at: datetime
    said: str
    more: str = ""
    """What is said beside it: ids, who did it, why."""
    tone: str = ""
    """`good`, `look` or `bad`; empty: nothing to look at. It is never said by colour alone."""
    address: str = ""
    kind: str = ""
    """The label of its source; whoever makes an entry leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A log of what happens to players."""

    name: str
    label: str
    needs: str
    """The permission it takes to see it."""
    rows: Callable[[PlayerId], QuerySet[Any]]
    """All of a player, in any order. They are found by an index that begins with the player."""
    at: str
    """The column that says when."""
    say: Callable[[Any], Entry]
    moments: Mapping[str, Callable[[Any], Entry]] = field(default_factory=dict)
    """What else happens to a row, by the column that says when. Such a log is read whole: its rows have to be few."""
    is_asked_for: bool = False
    """Whether it is left out unless somebody asks for it: it repeats what others say."""


class Place(NamedTuple):
    """Where a page begins: after the entry with this key, of the source with this number."""

    at: str
    source: str
    key: str


class Page(NamedTuple):
    entries: list[Entry]
    next: str
    """The cursor of the next page; empty: there is none."""


class BadCursor(ValueError):
    pass


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Have the page show a log. composition.py does so at start-up, in the order in which they are offered."""
    _sources[source.name] = source


def sources(request: HttpRequest) -> list[Source]:
    """The logs that this person may see."""
    return [source for source in _sources.values() if request.user.has_perm(source.needs)]


def chosen(offered: Sequence[Source], names: Collection[str]) -> list[Source]:
    """The logs that are named; nobody names any: those that are shown unasked."""
    named = [source for source in offered if source.name in names]
    return named or [source for source in offered if not source.is_asked_for]


def read(player_id: PlayerId, shown: Sequence[Source], cursor: str = "", size: int = PAGE) -> Page:
    """The newest entries of these sources, or those after the cursor. A query for each source."""
    after = _opened(cursor) if cursor else None
    found = sorted(_found(player_id, shown, after, size + 1), reverse=True, key=lambda each: each[0])
    entries = [say(row) for _, say, row, _ in found[:size]]
    kinds = [source.label for *_, source in found[:size]]
    place = found[size - 1][0] if len(found) > size else None
    cursor = signing.dumps([instant(place[0]), _named(place[1]), str(place[2])], salt=SALT) if place else ""
    return Page([_labelled(entry, kind) for entry, kind in zip(entries, kinds, strict=True)], cursor)


def _labelled(entry: Entry, kind: str) -> Entry:
    return Entry(
        at=entry.at, said=entry.said, more=entry.more, tone=entry.tone, address=entry.address, kind=entry.kind or kind
    )


Key = tuple[datetime, int, Any]
"""The instant, minus the source's number (the first source comes first), the row's key."""


def _found(
    player_id: PlayerId, shown: Sequence[Source], after: Place | None, most: int
) -> Iterator[tuple[Key, Callable[[Any], Entry], Any, Source]]:
    for source in shown:
        rank = -_rank(source.name)
        if source.moments:
            for key, say, row in _all(source, player_id):
                if after is None or key < (parse_instant(after.at), -_rank(after.source), after.key):
                    yield key, say, row, source
            continue
        rows = source.rows(player_id)
        if after is not None:
            rows = rows.filter(_beyond(source, after))
        for row in rows.order_by(f"-{source.at}", "-pk")[:most]:
            yield (getattr(row, source.at), rank, row.pk), source.say, row, source


def _all(source: Source, player_id: PlayerId) -> Iterator[tuple[Key, Callable[[Any], Entry], Any]]:
    """Everything that happened to the rows of a log of which each has several moments."""
    for row in source.rows(player_id):
        for number, (at, say) in enumerate({source.at: source.say, **source.moments}.items()):
            when = getattr(row, at)
            if when is not None:
                yield (when, -_rank(source.name), f"{row.pk:020}/{number}"), say, row


def _beyond(source: Source, after: Place) -> Q:
    """What of a source comes after that place. The bound on the instant stands first, where a database can use it."""
    at = parse_instant(after.at)
    earlier, same = Q(**{f"{source.at}__lt": at}), Q(**{source.at: at})
    mine, other = _rank(source.name), _rank(after.source)
    if mine < other:
        return earlier
    return earlier | (same & Q(pk__lt=after.key)) if mine == other else Q(**{f"{source.at}__lte": at})


def _rank(name: str) -> int:
    return list(_sources).index(name)


def _named(rank: int) -> str:
    return list(_sources)[-rank]


def _opened(cursor: str) -> Place:
    try:
        at, source, key = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise BadCursor from None
    if source not in _sources:
        raise BadCursor
    return Place(at, source, key)
