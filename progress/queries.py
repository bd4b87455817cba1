"""Questions about players that others ask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import QuerySet

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import shares, sql
from gamification.kernel.web.tokens import Admission
from progress.erasure import erased
from progress.models import Player, Rarity


def beginning_with(text: str, rows: QuerySet[Player] | None = None) -> QuerySet[Player]:
    """Players whose id begins so, read from an index of the id; whoever wants them in order sorts the few."""
    found = Player.objects.all() if rows is None else rows
    if connection.vendor == "postgresql":
        return found.filter(player_id__startswith=text)
    # SQLite compares ids byte by byte, and reads a LIKE from no index.
    return found.filter(player_id__gte=text, player_id__lt=f"{text}\U0010ffff")


def admission(player_id: PlayerId) -> Admission:
    """Whether a player may come in, and with which tokens. One query, and one for a player never seen."""
    with shares.within_share_of(player_id):
        found = Player.objects.filter(pk=player_id).values_list("banned", "token_generation").first()
        if found is None:
            return Admission("player_erased" if erased([player_id]) else None)
    banned, generation = found
    return Admission("banned" if banned else None, generation)


def of_public(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of any table's rows that belong to players, those of players who count publicly."""
    return rows.exclude(player_id__in=Player.objects.left_out_publicly().values("player_id"))


def rarities(kind: str, ids: Sequence[str] | None = None) -> dict[str, float]:
    """id → the share of all players who have completed it, from 0 to 1, as rolled up last: of these `ids`, or of all.
    One query.

    What was published since then is missing.
    """
    wanted: dict[str, Any] = {"kind": kind} if ids is None else {"kind": kind, "content_id": list(ids)}
    rolled_up = sql.select_where(Rarity, ("content_id", "holders", "players"), wanted)
    return {id_: holders / players for id_, holders, players in rolled_up if players}


class FeedHead(NamedTuple):
    """Where a player's feed stands."""

    last_seq: int = 0
    locked_out: str | None = None
    """Why they may not listen to it: `banned`, `player_erased`."""
    generation: int = 0
    """Tokens of an older one have ended."""


KnownHead = tuple[PlayerId, int, int]
"""A player, the number of the newest message and the generation of tokens, as somebody knows them."""


def feed_heads(player_ids: Collection[PlayerId]) -> dict[PlayerId, FeedHead]:
    """The same for many, and the number of their newest message. One query a share, and one for those never seen."""
    heads: dict[PlayerId, FeedHead] = {}
    for share, here in shares.by_share(player_ids, lambda player_id: player_id).items():
        with shares.within(share):
            heads |= _feed_heads(here)
    return heads


def feed_heads_unlike(known: Collection[KnownHead]) -> dict[PlayerId, FeedHead]:
    """The heads of the players of whom something else is true by now, and of those never seen. Of thousands who are
    asked about hardly any is found, and no more than an id of each is read."""
    heads: dict[PlayerId, FeedHead] = {}
    for share, here in shares.by_share(known, itemgetter(0)).items():
        with shares.within(share):
            ids, seqs, generations = zip(*here, strict=True)
            keys = {"player_id": ids, "last_seq": seqs, "token_generation": generations, "banned": (False,) * len(ids)}
            alike = {id_ for (id_,) in sql.select_in(Player, ("player_id",), keys)}
            if others := set(ids) - alike:
                heads |= _feed_heads(others)
    return heads


def _feed_heads(player_ids: Collection[PlayerId]) -> dict[PlayerId, FeedHead]:
    columns = ("player_id", "last_seq", "banned", "token_generation")
    rows = sql.select_in(Player, columns, {"player_id": list(player_ids)})
    heads = {id_: FeedHead(seq, "banned" if banned else None, generation) for id_, seq, banned, generation in rows}
    if unseen := set(player_ids) - heads.keys():
        gone = erased(unseen)
        heads |= {id_: FeedHead(locked_out="player_erased" if id_ in gone else None) for id_ in unseen}
    return heads
