"""Commands about a player's own row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gamification.kernel.core.audit import change
from gamification.kernel.core.messages import Command, PlayerId
from gamification.kernel.core.world import World
from gamification.kernel.models import Event
from gamification.review import queries
from gamification.review.standing import change_standing, end_tokens
from progress import periods
from progress.models import Player, Tally
from progress.player_standing import PlayerStanding
from progress.players import Players, PlayerState


@dataclass(frozen=True, kw_only=True)
class ChangeProfile(Command):
    """Set what `changes` names of a player: display_name, timezone, attributes, banned, is_test. An unseen player is
    made."""

    player_id: PlayerId
    changes: Mapping[str, Any]
    reason: str = ""

    def handle(self, world: World) -> None:
        state = world[Players].by_id[self.player_id]
        columns = dict(self.changes)
        before = self._now(state)
        zone = columns.pop("timezone", None)
        if zone is not None:
            history = state.zone_history if self._has_a_past() else (("", zone),)
            state.zones = periods.change_zone(history, zone, world.now)
            columns["zones"] = [list(entry) for entry in state.zones]
        is_banned = columns.pop("banned", state.banned)
        if is_banned != state.banned:
            case = None if is_banned else queries.open_case(self.player_id)
            let_in = PlayerStanding.CLEAR if case is None else PlayerStanding.WITHHELD
            standing = PlayerStanding.BANNED if is_banned else let_in
            change_standing(world, self.player_id, standing, case=case, reason=self.reason)
        if columns:
            Player.objects.filter(pk=self.player_id).update(**columns)
        noted = change("player", self.player_id, before, before | dict(self.changes), player_id=self.player_id)
        world.changes.append(noted)

    def _now(self, state: PlayerState) -> dict[str, Any]:
        """What the row says now of the fields that are to change."""
        rows = Player.objects.filter(pk=self.player_id).values("display_name", "attributes", "banned", "is_test")
        found: dict[str, Any] = dict(rows.first() or {})
        zones = [name for _, name in state.zones]
        said = {**found, "timezone": zones[-1] if zones else None}
        return {name: said.get(name) for name in self.changes}

    def _has_a_past(self) -> bool:
        """Whether anything was counted for this player by another zone. If not, the first zone is no change."""
        mine = {"player_id": self.player_id}
        chosen = Player.objects.filter(**mine).values_list("zones", flat=True).first()
        return bool(chosen) or Tally.objects.filter(**mine).exists() or Event.objects.filter(**mine).exists()


@dataclass(frozen=True, kw_only=True)
class EndTokens(Command):
    """End every token that the player has; new ones may be made."""

    player_id: PlayerId
    reason: str = ""

    def handle(self, world: World) -> None:
        world[Players].by_id[self.player_id].tokens_ended = end_tokens(self.player_id)
