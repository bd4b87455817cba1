"""A player's profile, composed of what the apps keep."""

from __future__ import annotations

from typing import Any

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from progress import periods
from progress.leveling import LevelRules
from progress.models import Player
from progress.player_standing import PlayerStanding
from progress.zones import Home
from rewards.models import Distribution
from rewards.rules import RewardType, Status

_COLUMNS = (
    "display_name",
    "zones",
    "attributes",
    "points",
    "xp",
    "achievements_completed",
    "quests_completed",
    "banned",
    "standing",
    "is_test",
)
_UNSEEN = tuple(getattr(Player(), name) for name in _COLUMNS)
_WORN = {"badges": RewardType.BADGE.value, "titles": RewardType.TITLE.value}


def show(player_id: PlayerId, *, to_player: bool = False) -> dict[str, Any]:
    """A player as the game sees one; somebody never seen is one who did nothing. Three queries.

    To the player nothing is said of how they stand.
    """
    rows = sql.select_where(Player, _COLUMNS, {"player_id": player_id}) or [_UNSEEN]
    player = dict(zip(_COLUMNS, rows[0], strict=True))
    rules = publishing.current()
    standing = PlayerStanding.of(player["standing"], player["banned"]).value
    return {
        "player_id": player_id,
        "display_name": player["display_name"],
        "timezone": periods.zone_name(periods.freeze(player["zones"]) or rules[Home]),
        "attributes": player["attributes"],
        "statistics": {
            "points": player["points"],
            "xp": player["xp"],
            # Read off the levels as they are published now: a player who never got experience has the one at 0.
            "level": rules[LevelRules].at(player["xp"]),
            "achievements_completed": player["achievements_completed"],
            "quests_completed": player["quests_completed"],
        },
        "banned": player["banned"],
        **({} if to_player else {"standing": standing, "is_test": player["is_test"]}),
        **_worn(player_id),
    }


def _worn(player_id: PlayerId) -> dict[str, list[str]]:
    """Badges and titles by their rewards' ids, each once, in the order they were earned."""
    claimed = {"player_id": player_id, "kind": list(_WORN.values()), "status": Status.CLAIMED.value}
    order = ("claimed_at", "id")
    earned = sql.select_where(Distribution, ("kind", "drawn", "reward_id"), claimed, order_by=order)
    return {
        name: list(dict.fromkeys(drawn or reward_id for kind, drawn, reward_id in earned if kind == of))
        for name, of in _WORN.items()
    }
