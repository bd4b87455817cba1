"""A player's feed: every message numbered 1, 2, 3 … without gaps, in the same transaction as its fact."""

from __future__ import annotations

from django.db import models


class Message(models.Model):
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
