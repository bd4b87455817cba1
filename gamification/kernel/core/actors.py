"""Who acts: everything that somebody or something does to the service's state names its actor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gamification.kernel.core.messages import PlayerId


@dataclass(frozen=True, slots=True)
class Actor:
    """A person of the console, a game server's key, a player by their own token, or the service itself.

    As text, which is how rows keep it: `user:NAME`, `key:PREFIX`, `player:ID` or `system`.
    """

    kind: Literal["user", "key", "player", "system"]
    name: str = ""

    @classmethod
    def user(cls, name: str) -> Actor:
        return cls("user", name)

    @classmethod
    def key(cls, prefix: str) -> Actor:
        return cls("key", prefix)

    @classmethod
    def player(cls, id_: PlayerId) -> Actor:
        return cls("player", id_)

    @property
    def signature(self) -> str:
        """How the row of a player keeps who changed it by a command: empty where that was nobody but the player or the
        service. So no row names a player otherwise than by the columns that erasing knows."""
        return str(self) if self.kind in ("user", "key") else ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def said_to_people(actor: str) -> str:
    """An actor's text as a page of the console says it: `mia`, `key 06a4fb6e`, `the service`."""
    kind, _, name = actor.partition(":")
    return {"user": name, "system": "the service"}.get(kind, f"{kind} {name}".strip())


SYSTEM = Actor("system")
"""The service itself: its clock, its workers, and whoever runs `manage.py` on its machine."""

MAX_SIGNATURE = 160
"""The longest text of an actor: Django's user names have up to 150 characters."""
