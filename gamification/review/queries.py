"""What can be asked about standings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import PlayerId
from progress.models import Player
from progress.player_standing import PlayerStanding


def standing(player_id: PlayerId) -> dict[str, Any]:
    """How a player stands, as keys and staff are told; whoever was never seen is clear."""
    player = Player.objects.filter(pk=player_id).first() or Player(player_id=player_id)
    return {
        "player_id": player_id,
        "standing": PlayerStanding.of(player.standing, player.banned).value,
        "expires_at": player.standing_ends_at and instant(player.standing_ends_at),
        "case": player.standing_case,
        "is_test": player.is_test,
    }


def due(now: datetime, limit: int) -> list[PlayerId]:
    """Whose standing has come to its end."""
    over = Player.objects.filter(standing_ends_at__lte=now).order_by("standing_ends_at")
    return list(over.values_list("player_id", flat=True)[:limit])


def is_over(player_id: PlayerId, now: datetime) -> bool:
    return Player.objects.filter(pk=player_id, standing_ends_at__lte=now).exists()
