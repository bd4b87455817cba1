"""What stays of an erased player: a keyed hash of the id, so that later events are refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import replace

from django.conf import settings

from gamification.kernel.messages import GameEvent, PlayerId, Refused
from progress.models import ErasedPlayer


class PlayerErased(Refused):
    """Nothing may be kept of an erased player again."""

    code = "player_erased"
    text = "This player was erased."

    def __init__(self) -> None:
        super().__init__(self.text)


def unnamed(event: GameEvent) -> GameEvent:
    """The event as it may be noted when it is refused: with the hash in place of the player."""
    return replace(event, player_id=keyed_hash(event.player_id))


def keyed_hash(player_id: PlayerId) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), player_id.encode(), hashlib.sha256).hexdigest()


def erased(player_ids: Iterable[PlayerId]) -> set[PlayerId]:
    """Which of these players were erased. One query."""
    hashes = {keyed_hash(id_): id_ for id_ in player_ids}
    found = ErasedPlayer.objects.filter(hash__in=list(hashes)).values_list("hash", flat=True)
    return {hashes[hash_] for hash_ in found}
