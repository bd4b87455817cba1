"""What a person may decide about a held event: it counts after all, or it never will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anticheat import queries
from anticheat.models import Finding
from gamification.kernel.core.audit import change
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Command, Fact, NotFound, PlayerId, Refused, own_id
from gamification.kernel.core.shares import share_of_row
from gamification.kernel.core.world import World
from gamification.kernel.models import Event
from gamification.kernel.storage import inbox


class AlreadyDecided(Refused):
    """Somebody has released or dismissed this event before."""

    code = "already_decided"


@dataclass(frozen=True, kw_only=True)
class _Decide(Command):
    finding_id: int
    reason: str = ""

    def share(self, number: int) -> int:
        return share_of_row(self.finding_id, number)

    def players(self) -> Sequence[PlayerId]:
        return [queries.finding(self.finding_id).player_id]

    def decide(self, status: Finding.Status, world: World) -> Finding:
        """Note the decision. The condition in the UPDATE lets only one of two deciders through."""
        mine = queries.held().filter(pk=self.finding_id)
        decided = mine.update(
            status=status, decided_at=world.now, decided_by=world.actor.signature, decision_reason=self.reason
        )
        found = queries.finding(self.finding_id)
        if not decided:
            raise AlreadyDecided(f"This event was {found.get_status_display().lower()} before.")
        before, after = {"status": Finding.Status.HELD.name}, {"status": status.name}
        world.changes.append(change("finding", str(self.finding_id), before, after, player_id=found.player_id))
        return found


@dataclass(frozen=True, kw_only=True)
class ReleaseEvent(_Decide):
    """Let a held event count, with its own timestamp, past all rules. Answers with the finding."""

    def handle(self, world: World) -> Finding:
        found = self.decide(Finding.Status.RELEASED, world)
        event = inbox.find(found.player_id, found.event_id)
        if event is None:
            raise NotFound("This event is no longer kept.")
        inbox.restate([(found.player_id, found.event_id)], Event.State.COUNTED)
        world.released.append(event)
        data = {"id": event.id, "type": event.type, "rule": found.rule}
        id_ = own_id(FactType.EVENT_RELEASED, event.player_id, event.id, "0")
        world.state(Fact(id_, event.player_id, FactType.EVENT_RELEASED, data, event.timestamp))
        return found


@dataclass(frozen=True, kw_only=True)
class DismissEvent(_Decide):
    """Never let a held event count; it stays known, so that it cannot be sent again. Answers with the finding."""

    def handle(self, world: World) -> Finding:
        found = self.decide(Finding.Status.DISMISSED, world)
        inbox.restate([(found.player_id, found.event_id)], Event.State.DISMISSED)
        return found
