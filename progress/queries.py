"""Questions about players that others ask."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from gamification.kernel.web.tokens import Admission
from progress import periods
from progress.erasure import erased
from progress.leveling import LevelRules
from progress.models import Player, Rarity
from progress.zones import Home


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


def admission(player_id: PlayerId) -> Admission:
    """Whether a player may come in, and with which tokens. One query, and one for a player never seen."""
    found = Player.objects.filter(pk=player_id).values_list("banned", "token_generation").first()
    if found is None:
        return Admission("player_erased" if erased([player_id]) else None)
    banned, generation = found
    return Admission("banned" if banned else None, generation)


def rarities(kind: str) -> dict[str, float]:
    """id → the share of all players who have completed it, from 0 to 1, as rolled up last. One query.

    What was published since then is missing.
    """
    rolled_up = Rarity.objects.filter(kind=kind, players__gt=0).values_list("content_id", "holders", "players")
    return {id_: holders / players for id_, holders, players in rolled_up}


class FeedHead(NamedTuple):
    """Where a player's feed stands."""

    last_seq: int = 0
    locked_out: str | None = None
    """Why they may not listen to it: `banned`, `player_erased`."""
    generation: int = 0
    """Tokens of an older one have ended."""


def feed_heads(player_ids: Collection[PlayerId]) -> dict[PlayerId, FeedHead]:
    """The same for many, and the number of their newest message. One query, and one for those never seen."""
    columns = ("player_id", "last_seq", "banned", "token_generation")
    rows = sql.select_in(Player, columns, {"player_id": list(player_ids)})
    heads = {id_: FeedHead(seq, "banned" if banned else None, generation) for id_, seq, banned, generation in rows}
    if unseen := set(player_ids) - heads.keys():
        gone = erased(unseen)
        heads |= {id_: FeedHead(locked_out="player_erased" if id_ in gone else None) for id_ in unseen}
    return heads
