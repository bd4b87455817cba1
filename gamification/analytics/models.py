"""What the service has been doing lately, rolled up after the commit: a row an hour, and one a day."""

from __future__ import annotations

from django.db import models


class Hour(models.Model):
    """What happened in one hour, by the events' own time."""

    personal = ()

    at = models.DateTimeField(primary_key=True)
    """When it began."""
    events = models.PositiveBigIntegerField(default=0)
    completions = models.PositiveBigIntegerField(default=0)
    """Of achievements and quests."""
    paid = models.JSONField(default=dict)
    """Currency → how much of it was claimed."""

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class ActiveDay(models.Model):
    """How many players were active on a day of the deployment's time zone."""

    personal = ()

    day = models.DateField(primary_key=True)
    sketch = models.BinaryField(default=b"")
    """What tells players apart (sketches.py): it holds no player."""
    by_hour = models.JSONField(default=dict)
    """Hour of the day → how many had been active by its end."""

    def __str__(self) -> str:
        return f"{self.day}"
