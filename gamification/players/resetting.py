"""Having a player for testing begin anew: what they have played goes, who they are stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from gamification.kernel.core.audit import change
from gamification.kernel.core.messages import Command, PlayerId, Refused
from gamification.kernel.core.world import World
from gamification.players import erasing
from gamification.review import facts
from progress.models import Player
from progress.player_standing import PlayerStanding

STAYS: set[type[Model]] = set()
"""Models whose rows about a player stay when that player begins anew: what staff did and wrote."""
WHO_THEY_ARE = ("player_id", "display_name", "zones", "attributes", "is_test", "token_generation", "last_seq")
"""Columns that stay as they are. The feed goes on counting, so that a client which is connected asks for all anew."""
TOLD = ("points", "xp", "level", "achievements_completed", "quests_completed", "standing")


def stays(model: type[Model]) -> None:
    """Register a model whose rows a reset leaves alone."""
    STAYS.add(model)


class NotATestPlayer(Refused):
    """What a player of the game has played is nobody's to take."""

    code = "not_a_test_player"


@dataclass(frozen=True, kw_only=True)
class ResetPlayer(Command):
    """Delete all that a player for testing has played and got, so that they begin anew under the same id. Events that
    were sent may be sent again. As with erasing, transfers stay under a random name, so that money adds up."""

    player_id: PlayerId
    reason: str = ""

    def handle(self, world: World) -> None:
        mine = Player.objects.filter(pk=self.player_id)
        before: dict[str, Any] = mine.values(*TOLD, "is_test").get()
        if not before.pop("is_test"):
            raise NotATestPlayer("Only a player that is marked as one for testing is reset.")
        number = world.rules.number
        world.forget(self.player_id)
        for leave in erasing.LEAVERS:
            leave(self.player_id)
        for model in erasing.tables():
            if model not in erasing.ERASERS and model not in STAYS and model is not Player:
                erasing.delete(erasing.rows_of(model, self.player_id))
        for forget in dict.fromkeys(each for model, each in erasing.ERASERS.items() if model not in STAYS):
            forget(self.player_id)
        anew = {f.attname: f.get_default() for f in Player._meta.concrete_fields if f.attname not in WHO_THEY_ARE}
        mine.update(**anew | {"created_at": world.now, "backfilled_to": number})
        after: dict[str, Any] = mine.values(*TOLD).get()
        self._tell_of_standing(world, PlayerStanding(before["standing"]), PlayerStanding(after["standing"]))
        world.changes.append(change("player", self.player_id, before, after, player_id=self.player_id))

    def _tell_of_standing(self, world: World, before: PlayerStanding, after: PlayerStanding) -> None:
        """Whoever follows how players stand would take this one for banned for ever."""
        if before != after:
            ends = facts.standing_changed(
                self.player_id, before, after, ends_at=None, case=None, reason=self.reason, at=world.now
            )
            world.state(ends)
