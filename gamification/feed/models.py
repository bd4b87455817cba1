"""A player's feed: every message numbered 1, 2, 3 … without gaps, in the same transaction as its fact."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

MESSAGES_KEPT = 1_000
"""The newest messages of each player that are kept."""
MESSAGES_KEPT_FOR = timedelta(days=30)
"""No message is kept for longer."""


class Message(models.Model):
    personal = ("player_id", "data")
    shown_to_player = ("seq", "type", "data", "timestamp", "created_at")

    player_id = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=32)
    data = models.JSONField()
    timestamp = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "seq"], name="one_message_a_number")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq} of {self.player_id}"


class ReadMark(models.Model):
    """How far a player has read."""

    personal = ("player_id",)
    shown_to_player = ("up_to",)

    player_id = models.CharField(max_length=64, primary_key=True)
    up_to = models.BigIntegerField()
    """The number of the newest message that was marked; it never falls."""

    def __str__(self) -> str:
        return f"{self.player_id} up to {self.up_to}"
