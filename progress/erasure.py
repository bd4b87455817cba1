"""Erased players: a keyed hash of the id is kept, so that later events are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gamification.kernel.content.previews import Found
from gamification.kernel.core.messages import GameEvent, PlayerId, Refused
from gamification.kernel.storage import shares
from gamification.kernel.storage.pseudonyms import pseudonym
from progress.models import Backfill, ErasedPlayer, Player


class PlayerErased(Refused):
    """Nothing may be kept of an erased player again."""

    code = "player_erased"
    text = "This player was erased."

    def __init__(self) -> None:
        super().__init__(self.text)


def unnamed(event: GameEvent) -> GameEvent:
    """The event as a refusal notes it: with the pseudonym for the player, and for an id that names the player."""
    hash_ = pseudonym(event.player_id)
    return replace(event, player_id=hash_, id=hash_ if event.player_id in event.id else event.id)


def erased(player_ids: Iterable[PlayerId]) -> set[PlayerId]:
    """Which of these players were erased. One query."""
    hashes = {pseudonym(id_): id_ for id_ in player_ids}
    found = ErasedPlayer.objects.filter(hash__in=list(hashes)).values_list("hash", flat=True)
    return {hashes[hash_] for hash_ in found}


def step_back(player_id: PlayerId) -> None:
    """Move the cursor of a preview from this player to the one before in their share, so that it goes on at the same
    place; and name the player in no preview."""
    before = Player.objects.filter(player_id__lt=player_id).order_by("-player_id").values_list("player_id", flat=True)
    at = before.first() or Backfill.beginning(shares.share_of(player_id))
    Backfill.objects.filter(cursor=player_id).update(cursor=at)
    for job in Backfill.objects.filter(preview__isnull=False):
        found = Found(job.found)
        if found.forget(player_id):
            Backfill.objects.filter(pk=job.pk).update(found=found.dump())
