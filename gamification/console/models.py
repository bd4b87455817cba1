"""What the console keeps of its own."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from gamification.kernel.models import ActorField

MAX_NOTE = 4_000


class UploadedPack(models.Model):
    """A content pack that somebody has uploaded and not confirmed yet: nothing of it is a draft."""

    personal = ()

    name = models.CharField(max_length=200)
    """What its file was called."""
    pack = models.JSONField()
    """In its canonical form, every field present."""
    uploaded_at = models.DateTimeField(default=timezone.now)
    uploaded_by = ActorField()

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """What somebody of the staff wrote down about a player, for the others. Players never see it."""

    personal = ("player_id", "text")
    shown_to_player = ()

    player_id = models.CharField(max_length=64)
    text = models.TextField(max_length=MAX_NOTE)
    written_at = models.DateTimeField()
    written_by = ActorField()

    class Meta:
        indexes = [models.Index(fields=["player_id", "written_at", "id"], name="notes_of_a_player")]

    def __str__(self) -> str:
        return f"a note about {self.player_id}"
