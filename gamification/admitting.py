"""Which events of a batch are new, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from anticheat.screening import note_reuse
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import World
from gamification.kernel.storage import inbox
from progress.erasure import PlayerErased, unnamed
from progress.players import Players


@timed("admit")
def admit(world: World, batch: Sequence[GameEvent]) -> list[GameEvent]:
    """Keep what is new, in the order in which it counts; note the rest as refused or as duplicates."""
    erased = world[Players].erased
    admission = inbox.admit([event for event in batch if event.player_id not in erased], world.now)
    of_erased = [(event, PlayerErased.code, PlayerErased.text) for event in batch if event.player_id in erased]
    refused = admission.refused + of_erased
    inbox.reject(admission.refused + [(unnamed(event), code, text) for event, code, text in of_erased], world.now)
    note_reuse(world, admission.reused)
    outcome = world.outcome
    outcome.fresh, outcome.repeated = admission.fresh, admission.duplicates
    outcome.refused = refused
    return sorted(admission.fresh, key=lambda event: event.order)
