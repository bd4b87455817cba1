"""What the console keeps of its own."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from gamification.kernel.models import ActorField


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
