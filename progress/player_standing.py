"""A player's standing: what anti-cheat and people have come to think of how somebody plays, and who counts publicly.

It is one column of the player's row, read with the lock, so that no batch asks for it. Whatever shows players to others
(rarity, boards, analytics) asks for those who count publicly, by the one condition that stands here.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from gamification.kernel.core.vocabulary import Vocabulary
from gamification.kernel.models import ActorField


class PlayerStanding(Vocabulary):
    """What somebody's play is taken for, and so what becomes of what they earn."""

    CLEAR = "CLEAR"
    WATCHED = "WATCHED"
    """Somebody has an eye on it; nothing else."""
    UNRANKED = "UNRANKED"
    """They see themself as before, and count in nothing that others are shown."""
    WITHHELD = "WITHHELD"
    """What they are given waits until a person has looked."""
    BANNED = "BANNED"
    """They may not come in, and their events are held."""

    @classmethod
    def of(cls, standing: str, is_banned: bool) -> PlayerStanding:
        """What two columns say. The older one is right about bans: a release that knew no other may have set it."""
        if is_banned:
            return cls.BANNED
        return cls.CLEAR if standing == cls.BANNED else cls(standing)


_LEFT_OUT = Q(banned=True) | Q(is_test=True) | Q(standing=PlayerStanding.UNRANKED.value)
COUNTS_PUBLICLY = Q(banned=False, is_test=False) & ~Q(standing=PlayerStanding.UNRANKED.value)
"""Who is shown to others and counted among all players. Somebody whose rewards wait is: that is only a suspicion."""


def counts_publicly_sql(player: str) -> str:
    """The same for a statement of one's own, about the row of `progress_player` that is called `player` there."""
    return f"NOT {player}.banned AND NOT {player}.is_test AND {player}.standing <> '{PlayerStanding.UNRANKED}'"


STANDING_INDEXES = (
    models.Index(fields=["player_id"], condition=_LEFT_OUT, name="left_out_publicly"),
    models.Index(fields=["standing_ends_at"], condition=Q(standing_ends_at__isnull=False), name="standing_ends"),
    models.Index(
        fields=["standing", "player_id"],
        condition=~Q(standing=PlayerStanding.CLEAR.value),
        name="players_by_standing",
    ),
)
"""Each is over the few rows of whom there is something to say."""


class PlayerQuerySet(models.QuerySet[Any]):
    def counts_publicly(self) -> PlayerQuerySet:
        return self.filter(COUNTS_PUBLICLY)

    def left_out_publicly(self) -> PlayerQuerySet:
        """The others: few, and found by an index of their own."""
        return self.filter(_LEFT_OUT)


class StandingFields(models.Model):
    """The columns of a player's row that say how they stand."""

    banned = models.BooleanField(default=False)
    """The same as a standing of BANNED."""
    banned_at = models.DateTimeField(null=True)
    """When the player was banned or let in again the last time."""
    banned_by = ActorField()
    standing = models.CharField(
        max_length=8,
        choices=PlayerStanding.choices(),
        default=PlayerStanding.CLEAR.value,
        db_default=PlayerStanding.CLEAR.value,
    )
    standing_ends_at = models.DateTimeField(null=True)
    """When the clock lifts it; None: it stays until somebody changes it."""
    standing_case = models.BigIntegerField(null=True)
    """The case that it follows from."""
    is_test = models.BooleanField(default=False, db_default=False)
    """Whether this is somebody of the game's own, who tries things out."""

    objects = PlayerQuerySet.as_manager()

    class Meta:
        abstract = True
