"""What goes with an erased player: every case about them, and what reviewers said of it."""

from __future__ import annotations

from gamification.kernel.core.messages import PlayerId
from gamification.review.models import Case


def forget_player(player_id: PlayerId) -> None:
    Case.objects.filter(player_id=player_id).delete()  # with its votes
