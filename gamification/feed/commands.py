"""The command about a player's feed."""

from __future__ import annotations

from dataclasses import dataclass

from gamification.feed.models import ReadMark
from gamification.kernel.core.audit import Audited
from gamification.kernel.core.messages import Command, Invalid, PlayerId
from gamification.kernel.core.world import World
from progress.players import Players


@dataclass(frozen=True, kw_only=True)
class MarkRead(Command):
    """Mark the messages up to a number as read. Returns up to which they are marked: a mark never goes back."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    up_to: int

    def handle(self, world: World) -> int:
        newest = world[Players].by_id[self.player_id].last_seq
        if self.up_to > newest:
            detail = f"The newest message is {newest}."
            raise Invalid(detail, [{"path": "up_to", "code": "invalid", "detail": detail}])
        before = read_up_to(self.player_id)
        if self.up_to > before:
            ReadMark.objects.update_or_create(player_id=self.player_id, defaults={"up_to": self.up_to})
        return max(before, self.up_to)


def read_up_to(player_id: PlayerId) -> int:
    """The number of the newest message that the player marked as read; 0: none yet."""
    return ReadMark.objects.filter(pk=player_id).values_list("up_to", flat=True).first() or 0
