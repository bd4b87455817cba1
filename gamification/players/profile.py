"""A player's profile, composed of what the apps keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from progress import periods
from progress.leveling import LevelRules
from progress.models import Player
from progress.zones import Home
from rewards.models import Distribution
from rewards.rules import Status


@dataclass(frozen=True, slots=True)
class Profile:
    """A player as the game sees one; somebody never seen is one who did nothing."""

    player_id: PlayerId
    display_name: str
    timezone: str
    attributes: dict[str, Any]
    statistics: dict[str, int] = field(default_factory=dict)
    banned: bool = False


def show(player_id: PlayerId, now: datetime) -> dict[str, Any]:
    return {
        **asdict(profile(player_id, now)),
        "badges": _worn(player_id, "BADGE"),
        "titles": _worn(player_id, "TITLE"),
    }


def profile(player_id: PlayerId, now: datetime) -> Profile:
    player = Player.objects.filter(pk=player_id).first() or Player(player_id=player_id)
    rules = publishing.current()
    statistics = {
        "points": player.points,
        "xp": player.xp,
        # Read off the levels as they are published now: a player who never got experience has the one at 0.
        "level": rules[LevelRules].at(player.xp),
        "achievements_completed": player.achievements_completed,
        "quests_completed": player.quests_completed,
    }
    zone = periods.zone_name(periods.freeze(player.zones) or rules[Home])
    return Profile(player_id, player.display_name, zone, player.attributes, statistics, player.banned)


def _worn(player_id: PlayerId, kind: str) -> list[str]:
    """Badges or titles by their rewards' ids, each once, in the order they were earned."""
    claimed = Distribution.objects.filter(player_id=player_id, kind=kind, status=Status.CLAIMED)
    earned = claimed.order_by("claimed_at", "id").values_list("drawn", "reward_id")
    return list(dict.fromkeys(drawn or reward_id for drawn, reward_id in earned))
