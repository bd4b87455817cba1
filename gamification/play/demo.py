"""The demo player of the sample game, whom whoever has the service on their own machine may be. Nobody else can be
played from here: the player is this constant, never something that a request says."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.conf import settings
from uuid_utils.compat import uuid7

from gamification import pipeline
from gamification.console import sample
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent, Refused
from gamification.play.moves import MOVES
from quests import reading
from quests.commands import CompleteStep

PLAYER = "demo"
OBLIGE = "oblige"
"""The move that is no event: as the game's server, see to the quest steps that wait for it."""


def is_open() -> bool:
    """In development, where the sample game was set up."""
    return not settings.PRODUCTION and sample.is_here()


def play(move: str, now: datetime) -> list[dict[str, Any]]:
    """Process the events of one of `MOVES` as the player's; returns them. KeyError: there is no such move."""
    dice = random.Random()  # noqa: S311 - a game
    events = [GameEvent(str(uuid7()), PLAYER, type_, data, now) for type_, data in MOVES[move].play(dice)]
    pipeline.process(events, now=now)
    return [{"type": event.type, "data": event.data} for event in events]


def oblige(now: datetime) -> list[dict[str, str]]:
    """Complete the steps under way that only a game server may; returns them."""
    done = []
    for run in reading.rows(PLAYER, now, state="IN_PROGRESS", for_player=False):
        for step in run["steps"]:
            if step["id"] in run["active_steps"] and not step["requirements"] and step["completed_by"] == "SERVER":
                wish = CompleteStep(player_id=PLAYER, quest_id=run["quest_id"], step_id=step["id"], by_player=False)
                with suppress(Refused):  # the step before may have ended the run, or chosen another branch
                    bus.handle(wish, actor=SYSTEM, now=now)
                    done.append({"quest": run["quest_id"], "step": step["id"]})
    return done
