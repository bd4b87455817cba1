"""Admission that only reads: which events would be new to the inbox, and what would become of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.core.world import World
from gamification.kernel.storage import inbox


def admit(world: World, events: Sequence[GameEvent]) -> list[GameEvent]:
    """The events that are new, in the order in which they count; notes the rest as the pipeline's admission does."""
    admission = inbox.look_up(events, world.now, publishing.ask_head()().retention_cut)
    outcome = world.outcome
    outcome.fresh, outcome.repeated, outcome.refused = admission.fresh, admission.duplicates, admission.refused
    return sorted(admission.fresh, key=lambda event: event.order)
