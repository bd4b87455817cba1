"""What the audit log is told of: which commands leave an entry, and what an entry says of what it changed.

The log is of what staff and game servers do *about* players and content. What a player does for themself (claiming,
spending, starting a quest) has rows of its own that say so, and is not in it, unless a person of the console did it in
the player's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, assert_never

if TYPE_CHECKING:  # commands say how they are audited, so that module imports this one
    from gamification.kernel.core.actors import Actor
    from gamification.kernel.core.messages import PlayerId


class Audited(StrEnum):
    """Of which actors a command leaves an entry."""

    ALWAYS = "always"
    """Whoever sends it, but the player themself."""
    FOR_STAFF = "for staff"
    """Only where a person of the console sends it: it is what players do for themselves, by their token or through
    their game's key."""
    NEVER = "never"
    """The service's own daily work."""

    def applies_to(self, actor: Actor) -> bool:
        match self:
            case Audited.ALWAYS:
                return actor.kind != "player"
            case Audited.FOR_STAFF:
                return actor.kind == "user"
            case Audited.NEVER:
                return False
            case never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act was about: a kind (`achievement`, `distribution`, `player`, `api_key` …) and its id."""

    kind: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What an act changed of one subject. `before` and `after` hold the same fields, those that differ; None: it was
    not there before, or is not there any more."""

    subject: Subject
    player_id: PlayerId = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def change(
    kind: str,
    id_: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    player_id: PlayerId = "",
) -> Change:
    """The change from one whole state to the other; of what stays the same nothing is kept."""
    if before is not None and after is not None:
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before = {name: before[name] for name in names if name in before}
        after = {name: after[name] for name in names if name in after}
    return Change(Subject(kind, id_), player_id, before, after)
