"""Facts about events whose sender gets no answer: which were refused or held. They are for game servers, in no feed."""

from __future__ import annotations

from anticheat.screening import Screening
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, GameEvent, own_id
from gamification.kernel.core.world import World
from progress.erasure import PlayerErased, unnamed


def state_outcome(world: World) -> None:
    """State which events were refused and which are held."""
    for event, code, detail in world.outcome.refused:
        world.origin = event.origin
        about = unnamed(event) if code == PlayerErased.code else event
        _state_about(world, about, FactType.EVENT_REJECTED, code=code, detail=detail)
    for event, rule, _ in world[Screening].held:
        if event.cause is None:  # not one of the service's own
            world.origin = event.origin
            _state_about(world, event, FactType.EVENT_HELD, rule=rule)


def _state_about(world: World, event: GameEvent, type_: FactType, **data: str) -> None:
    id_ = own_id(type_, event.player_id, event.id, event.digest().hex())
    fact = Fact(id_, event.player_id, type_, {"id": event.id, "type": event.type, **data}, event.timestamp)
    world.state(fact)
    world.outcome.facts.append(fact)
