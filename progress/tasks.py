"""What the clock does here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gamification.kernel.content import publishing
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from progress.models import Player, Rarity


def keep_rarities(kind: str, holders: Mapping[str, int], now: datetime) -> int:
    """Keep how many players have each piece of content of a kind, and how many there are; says of how many pieces.

    What nobody has, and what was retired, is among them. Overwrites, so it may run twice, or in two processes at once.
    """
    ids = sorted(publishing.current().published.get(kind, {}))
    players = Player.objects.count()
    # Counted a moment apart: who was erased in between is no longer among the players.
    rows = [(kind, id_, players, min(holders.get(id_, 0), players), now) for id_ in ids]
    key, counts = unique_key(Rarity), ("players", "holders", "at")
    sql.upsert(Rarity, (*key, *counts), rows, conflict=key, set_=counts)
    return len(rows)
