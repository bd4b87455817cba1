"""How long answers about a player last, so that whoever has one can be told so without its being worked out again.

A view that shows one player says so (`lasts`), and until when its answer holds if nothing happens: what a period, a
deadline or an expiry changes by itself. What else may change an answer is in the player's *version*, which an app
registers. `gamification.serving.remembered` makes use of both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rest_framework.request import Request

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.web.access import Principal, principal

Versions = Mapping[PlayerId, Hashable]

_versions: Callable[[Collection[PlayerId]], Versions] = lambda player_ids: {}  # noqa: E731


def versions_by(tell: Callable[[Collection[PlayerId]], Versions]) -> None:
    """Register what tells players' versions. composition.py does so at start-up."""
    global _versions
    _versions = tell


def versions(player_ids: Collection[PlayerId]) -> Versions:
    """player → a value that is equal to an earlier one only where nothing has changed since; without those of whom
    nothing can be said."""
    return _versions(player_ids)


@dataclass(frozen=True, slots=True)
class Lasting:
    player_id: PlayerId
    caller: Principal
    until: datetime | None
    """None: for as long as nothing happens."""


def lasts(
    request: Request, player_id: PlayerId, *, until: Callable[[], Iterable[datetime | None]] = lambda: ()
) -> None:
    """Note that the answer to this request is about that player alone, and ends to hold at the earliest of these
    instants. They are asked for only of a client that may ask again."""
    if "If-None-Match" in request.headers:
        ends = [at for at in until() if at is not None]
        request._request.lasting = Lasting(  # type: ignore[attr-defined] # for whoever serves
            player_id, principal(request), min(ends, default=None)
        )
