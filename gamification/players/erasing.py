"""Erasing a player: every row goes, whatever state they were in.

Which tables those are is read off the models: whatever has a `player_id` column, so that no new one can be forgotten.
Each model says in `personal` which of its columns hold something of a player; where that is in rows that are not the
player's own, or that must stay, composition.py says what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.messages import Command, NotFound, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.storage.pseudonyms import pseudonym
from progress.models import ErasedPlayer
from progress.players import Players

CHUNK = 5_000
"""Rows deleted by one statement."""
ERASERS: dict[type[Model], Callable[[PlayerId], object]] = {}
"""Model → what happens to its rows that name an erased player, where they are not deleted."""


def eraser(model: type[Model], forget: Callable[[PlayerId], object]) -> None:
    """Register what becomes of a model's rows that name an erased player; without one they are deleted."""
    ERASERS[model] = forget


LEAVERS: list[Callable[[PlayerId], object]] = []
"""Who is told of an erased player while the rows are still there."""


def leaver(leave: Callable[[PlayerId], object]) -> None:
    """Register who has to see a player's rows once more before they are deleted."""
    LEAVERS.append(leave)


def tables() -> list[type[Model]]:
    """Every model whose rows belong to a player."""
    return [
        model
        for model in apps.get_models()
        if any(field.attname == "player_id" for field in model._meta.concrete_fields)
    ]


def rows_of(model: type[Model], player_id: PlayerId) -> QuerySet[Any]:
    return model._default_manager.filter(player_id=player_id)


def delete(rows: QuerySet[Any]) -> None:
    """Delete rows a chunk at a time: each call to the database must be short, however many events a player has."""
    while rows.filter(pk__in=rows.values("pk")[:CHUNK]).delete()[0] == CHUNK:
        pass


@dataclass(frozen=True, kw_only=True)
class ErasePlayer(Command):
    """Delete every row of a player. Transfers stay, under a random name that leads back to nobody, and a keyed hash of
    the id stays, so that later events are refused."""

    for_anyone = True
    player_id: PlayerId
    reason: str = ""
    """One of a few that name nobody: the entry of the audit log stays."""

    def handle(self, world: World) -> None:
        state = world[Players].by_id.get(self.player_id)
        if state is None or state.is_new:
            raise NotFound("There is no such player.")
        world.forget(self.player_id)
        world.changes.append(Change(Subject("player")))  # that somebody was erased, and not who
        for leave in LEAVERS:
            leave(self.player_id)
        for model in tables():
            if model not in ERASERS:
                delete(rows_of(model, self.player_id))
        for forget in dict.fromkeys(ERASERS.values()):
            forget(self.player_id)
        noted = {"erased_at": world.now, "erased_by": world.actor.signature}
        ErasedPlayer.objects.get_or_create(hash=pseudonym(self.player_id), defaults=noted)
