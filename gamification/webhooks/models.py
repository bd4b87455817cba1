"""Endpoints that hear of facts, and the messages to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from gamification.kernel.models import ActorField
from gamification.webhooks.retrying import Health

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a message is due that was never tried: before all that is tried again."""


class Endpoint(models.Model):
    """Where messages go, and which."""

    personal = ()

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    types = models.JSONField(default=list)
    """Patterns of types of facts, such as `achievement.*`."""
    secrets = models.JSONField(default=list)
    """`{secret, until}`, the newest first: each signs until then; null: for good. Readable, since they have to sign."""
    is_enabled = models.BooleanField(default=True)
    why_disabled = models.CharField(max_length=200, blank=True)
    """Why the service itself has disabled it."""
    created_at = models.DateTimeField(default=timezone.now)
    created_by = ActorField()
    enabled_at = models.DateTimeField(default=timezone.now)
    """Facts from then on are sent to it."""
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    sender = models.CharField(max_length=64, blank=True, default="")
    """Who sends to it now: one at a time, so that a player's messages keep their order."""
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def health(self) -> Health:
        return Health(self.failures, self.failing_since, self.paused_until)


class Delivery(models.Model):
    """A fact as a message to one endpoint, and what came of it. Kept for 30 days."""

    personal = ("player_id", "fact_id", "body", "attempts")
    shown_to_player = ()

    class State(models.TextChoices):
        PENDING = "PENDING"
        DELIVERED = "DELIVERED"
        FAILED = "FAILED"

    endpoint = models.PositiveBigIntegerField()
    player_id = models.CharField(max_length=64, blank=True)
    fact_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64)
    body = models.TextField()
    """The message, byte for byte: each attempt sends the same."""
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    due_at = models.DateTimeField(default=AT_ONCE)
    tried = models.PositiveSmallIntegerField(default=0)
    """How often, since it was put in the queue the last time."""
    attempts = models.JSONField(default=list)
    """`{at, took, status, error}`, the oldest first, the newest 20."""
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["player_id", "endpoint", "fact_id"], name="one_message_a_fact")]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at", "id"], condition=Q(state="PENDING"), name="messages_that_are_due"
            ),
            models.Index(fields=["endpoint", "state", "id"], name="messages_by_state"),
            models.Index(fields=["created_at"], name="messages_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.fact_id}"

    def told(self) -> dict[str, Any]:
        """Its newest attempt, or nothing."""
        return dict(self.attempts[-1]) if self.attempts else {}
