"""What stays of an erased player: a keyed hash of the id, so that later events are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.conf import settings
from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.encoding import force_bytes

from gamification.kernel.core.messages import GameEvent, PlayerId, Refused
from gamification.kernel.storage.pseudonyms import keyed_hash, pseudonym, pseudonym_key
from progress.models import Backfill, ErasedPlayer, Player


class PlayerErased(Refused):
    """Nothing may be kept of an erased player again."""

    code = "player_erased"
    text = "This player was erased."

    def __init__(self) -> None:
        super().__init__(self.text)


def unnamed(event: GameEvent) -> GameEvent:
    """The event as it may be noted when it is refused: with the hash in place of the player, also in its id."""
    hash_ = pseudonym(event.player_id)
    return replace(event, player_id=hash_, id=hash_ if event.player_id in event.id else event.id)


def erased(player_ids: Iterable[PlayerId]) -> set[PlayerId]:
    """Which of these players were erased. One query."""
    # Who was erased before there was a key for it stands there under the SECRET_KEY of then.
    keys = [pseudonym_key(), *map(force_bytes, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))]
    hashes = {keyed_hash(key, id_): id_ for id_ in player_ids for key in keys}
    found = ErasedPlayer.objects.filter(hash__in=list(hashes)).values_list("hash", flat=True)
    return {hashes[hash_] for hash_ in found}


def step_back(player_id: PlayerId) -> None:
    """Have a preview that has come as far as this player stand at the one before: it goes on at the same place."""
    before = Player.objects.filter(player_id__lt=player_id).order_by("-player_id").values("player_id")[:1]
    Backfill.objects.filter(cursor=player_id).update(cursor=Coalesce(Subquery(before), Value("")))
