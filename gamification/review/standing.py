"""How a player's standing changes, and what follows from it at once. Every command that changes one calls this."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from gamification.kernel.core.audit import Change, change
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.world import World
from gamification.review import facts
from gamification.review.models import Case
from gamification.review.rules import State
from progress import backfill
from progress.models import Player
from progress.player_standing import PlayerStanding
from progress.players import Players
from rewards.withholding import give_withheld


def change_standing(
    world: World,
    player_id: PlayerId,
    standing: PlayerStanding,
    *,
    ends_at: datetime | None = None,
    case: int | None = None,
    reason: str = "",
) -> Change:
    """Have a player of this world stand so from now on; answers what that changed, for the audit log.

    To stand as before may still move when it ends.
    """
    state = world[Players].by_id[player_id]
    before = {**_told(player_id), "standing": state.standing.value}
    columns: dict[str, Any] = {"standing": standing.value, "standing_ends_at": ends_at, "standing_case": case}
    if standing != state.standing:
        is_ban, was_ban = standing == PlayerStanding.BANNED, state.standing == PlayerStanding.BANNED
        if is_ban or was_ban:
            columns |= {"banned": is_ban, "banned_at": world.now, "banned_by": world.actor.signature}
        if is_ban:
            end_tokens(player_id)
        elif was_ban and state.backfilled_to < world.rules.number:
            backfill.run_soon(world.now)
        world.state(
            facts.standing_changed(
                player_id, state.standing, standing, ends_at=ends_at, case=case, reason=reason, at=world.now
            )
        )
        state.standing, state.banned = standing, is_ban
        (world.withheld.add if standing == PlayerStanding.WITHHELD else world.withheld.discard)(player_id)
        if standing not in (PlayerStanding.WITHHELD, PlayerStanding.BANNED):
            give_withheld(world, player_id)
    if standing == PlayerStanding.WITHHELD:  # by whomever: what waits is at stake in the case that is open
        Case.objects.filter(player_id=player_id, state=State.OPEN, withheld_at=None).update(withheld_at=world.now)
    Player.objects.filter(pk=player_id).update(**columns)
    return change("player", player_id, before, _told(player_id), player_id=player_id)


def end_tokens(player_id: PlayerId) -> int:
    """End all tokens that were issued; to be called within a command. Returns the new generation."""
    mine = Player.objects.filter(pk=player_id)
    mine.update(token_generation=F("token_generation") + 1)
    return int(mine.values_list("token_generation", flat=True)[0])


def _told(player_id: PlayerId) -> dict[str, Any]:
    """What the audit log says of it."""
    columns = ("standing", "standing_ends_at", "standing_case")
    found: dict[str, Any] = Player.objects.filter(pk=player_id).values(*columns).get()
    ends_at = found["standing_ends_at"]
    return {"standing": found["standing"], "expires_at": ends_at and instant(ends_at), "case": found["standing_case"]}
