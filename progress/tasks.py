"""What the clock does here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from gamification.kernel.content import publishing
from gamification.kernel.storage import shares, sql
from gamification.kernel.storage.columns import unique_key
from progress.models import Player, Rarity


def keep_rarities(kind: str, holders: Mapping[str, int], begun: Mapping[str, int], now: datetime) -> int:
    """Keep how many players have each piece of content of a kind, how many are at it, and how many there are; says of
    how many pieces.

    What nobody has, and what was retired, is among them. Players are those who count publicly. Overwrites, so it may
    run twice, or in two processes at once.
    """
    ids = sorted(publishing.current().published.get(kind, {}))
    players = sum(shares.each(Player.objects.counts_publicly().count))
    # Counted a moment apart: who was erased in between is no longer among the players.
    rows = [(kind, id_, players, min(holders.get(id_, 0), players), begun.get(id_, 0), now) for id_ in ids]
    key, counts = unique_key(Rarity), ("players", "holders", "in_progress", "at")
    sql.upsert(Rarity, (*key, *counts), rows, conflict=key, set_=counts)
    return len(rows)


def added_up(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of what was counted in each share, where no player is in two."""
    found: Counter[str] = Counter()
    for each in counts:
        found.update(each)
    return dict(found)
