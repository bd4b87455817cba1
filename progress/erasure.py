"""What stays of an erased player: a keyed hash of the id, so that later events are refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from django.conf import settings

from gamification.kernel.messages import PlayerId
from progress.models import ErasedPlayer


def keyed_hash(player_id: PlayerId) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), player_id.encode(), hashlib.sha256).hexdigest()


def erased(player_ids: Iterable[PlayerId]) -> set[PlayerId]:
    """Which of these players were erased. One query."""
    hashes = {keyed_hash(id_): id_ for id_ in player_ids}
    found = ErasedPlayer.objects.filter(hash__in=list(hashes)).values_list("hash", flat=True)
    return {hashes[hash_] for hash_ in found}
