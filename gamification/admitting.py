"""Which events of a batch are new, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from anticheat.screening import note_reuse
from gamification.kernel.core.messages import GameEvent, Outcome
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import World
from gamification.kernel.storage import inbox
from progress.erasure import PlayerErased, unnamed
from progress.players import Players


@timed("admit")
def admit(world: World, batches: Sequence[Sequence[GameEvent]]) -> list[list[GameEvent]]:
    """Keep what is new, each batch in the order in which it counts; note the rest as refused or as duplicates.

    Of one identity in two batches, the first batch has the event.
    """
    erased = world[Players].erased
    batch = [event for each in batches for event in each] if len(batches) > 1 else batches[0]
    admissible = [event for event in batch if event.player_id not in erased]
    admission = inbox.admit(admissible, world.now, world.retention_cut)
    of_erased = [(event, PlayerErased.code, PlayerErased.text) for event in batch if event.player_id in erased]
    refused = admission.refused + of_erased
    inbox.reject(admission.refused + [(unnamed(event), code, text) for event, code, text in of_erased], world.now)
    note_reuse(world, admission.reused)
    outcome = world.outcome
    outcome.fresh, outcome.repeated = admission.fresh, admission.duplicates
    outcome.refused = refused
    if len(batches) > 1:
        world.outcomes = _apart(outcome, batches)
    return [sorted(outcome.fresh, key=lambda event: event.order) for outcome in world.outcomes]


def _apart(outcome: Outcome, batches: Sequence[Sequence[GameEvent]]) -> list[Outcome]:
    """Which events of each batch were new, known or refused."""
    outcomes = [Outcome() for _ in batches]
    whose = {id(event): each for each, batch in zip(outcomes, batches, strict=True) for event in batch}
    for event in outcome.fresh:
        whose[id(event)].fresh.append(event)
    for event in outcome.repeated:
        whose[id(event)].repeated.append(event)
    for refusal in outcome.refused:
        whose[id(refusal[0])].refused.append(refusal)
    return outcomes
