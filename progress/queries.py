"""Questions about players that others ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gamification.kernel import publishing
from gamification.kernel.messages import PlayerId
from progress import periods
from progress.erasure import erased
from progress.leveling import LevelRules
from progress.models import Player


@dataclass(frozen=True, slots=True)
class Profile:
    """A player as the game sees one; somebody never seen is one who did nothing."""

    player_id: PlayerId
    display_name: str
    timezone: str
    attributes: dict[str, Any]
    statistics: dict[str, int] = field(default_factory=dict)
    banned: bool = False


def profile(player_id: PlayerId, now: datetime) -> Profile:
    player = Player.objects.filter(pk=player_id).first() or Player(player_id=player_id)
    statistics = {
        "points": player.points,
        "xp": player.xp,
        # Read off the levels as they are published now: a player who never got experience has the one at 0.
        "level": publishing.current()[LevelRules].at(player.xp),
        "achievements_completed": player.achievements_completed,
        "quests_completed": player.quests_completed,
    }
    zone = periods.zone_name(player.zones, now)
    return Profile(player_id, player.display_name, zone, player.attributes, statistics, player.banned)


def locked_out(player_id: PlayerId) -> str | None:
    """Why a player's token opens nothing: `banned`, `player_erased`, or None when it does."""
    banned = Player.objects.filter(pk=player_id).values_list("banned", flat=True).first()
    if banned is None:
        return "player_erased" if erased([player_id]) else None
    return "banned" if banned else None
