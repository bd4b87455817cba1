"""What requests about webhooks may say, and how answers look."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from gamification.kernel.core.encoding import instant
from gamification.kernel.web.strict_fields import Flag, Instant, Integer, Listed, Matching, Shape, Text
from gamification.webhooks.models import Delivery, Endpoint
from gamification.webhooks.replaying import MAX_IDS
from gamification.webhooks.retrying import Attempt

MAX_TYPES = 50
MAX_OVERLAP = 7 * 24 * 3600


class TypePattern(Matching):
    pattern = re.compile(r"[a-z0-9._*-]{1,64}")
    expected = "a fact's type, such as achievement.completed, with * for any letters"


class WebhookWish(Shape):
    url = Text(max_length=500, help_text="https, and an address of the open internet.")
    types = Listed(
        child=TypePattern(), min_length=1, max_length=MAX_TYPES, default=lambda: ["*"],
        help_text="Which facts: their types, with * for any letters. Without it: all.",
    )  # fmt: skip
    description = Text(max_length=200, allow_blank=True, default="")
    is_enabled = Flag(default=True)


class WebhookChanges(Shape):
    url = Text(max_length=500, required=False)
    types = Listed(child=TypePattern(), min_length=1, max_length=MAX_TYPES, required=False, default=serializers.empty)
    description = Text(max_length=200, allow_blank=True, required=False)
    is_enabled = Flag(required=False)


class RotationWish(Shape):
    overlap_seconds = Integer(
        min_value=0, max_value=MAX_OVERLAP, default=24 * 3600,
        help_text="For how long the secrets of before go on signing beside the new one.",
    )  # fmt: skip


class ReplayWish(Shape):
    ids = Listed(
        child=Text(max_length=64), min_length=1, max_length=MAX_IDS, required=False, default=serializers.empty,
        help_text="Of the facts, as `webhook-id` said them.",
    )  # fmt: skip
    since = Instant(required=False, help_text="From when on the messages were made.")
    until = Instant(required=False, help_text="Up to when, this instant not included.")
    only_failed = Flag(default=False, help_text="Only those that were given up.")


class WebhookShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    is_enabled = serializers.BooleanField()
    why_disabled = serializers.CharField(help_text="Why the service itself has disabled it.")
    failures = serializers.IntegerField(help_text="Attempts in a row that failed.")
    failing_since = serializers.DateTimeField(allow_null=True)
    paused_until = serializers.DateTimeField(allow_null=True, help_text="Nothing is sent until then.")
    succeeded_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class MadeWebhookShape(WebhookShape):
    secret = serializers.CharField(help_text="`whsec_…`: shown here and never again.")


class AttemptShape(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    took = serializers.FloatField(help_text="Seconds.")
    status = serializers.IntegerField(allow_null=True, help_text="Null: there was no answer.")
    error = serializers.CharField()


class TrialShape(AttemptShape):
    id = serializers.CharField(help_text="What `webhook-id` said.")
    succeeded = serializers.BooleanField()


class DeliveryShape(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The fact's, which `webhook-id` says.")
    type = serializers.CharField()
    player_id = serializers.CharField()
    state = serializers.ChoiceField(choices=Delivery.State.values)
    due_at = serializers.DateTimeField(allow_null=True, help_text="When it is sent next; null: never, or at once.")
    attempts = AttemptShape(many=True, help_text="The newest 20, the oldest first.")
    created_at = serializers.DateTimeField()


class ReplayShape(serializers.Serializer[Any]):
    queued = serializers.IntegerField(help_text="Messages that are sent again now.")


def _or_null(at: Any) -> str | None:
    return None if at is None else instant(at)


def shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.pk,
        "url": endpoint.url,
        "types": endpoint.types,
        "description": endpoint.description,
        "is_enabled": endpoint.is_enabled,
        "why_disabled": endpoint.why_disabled,
        "failures": endpoint.failures,
        "failing_since": _or_null(endpoint.failing_since),
        "paused_until": _or_null(endpoint.paused_until),
        "succeeded_at": _or_null(endpoint.succeeded_at),
        "created_at": instant(endpoint.created_at),
    }


def shown_delivery(row: Delivery) -> dict[str, Any]:
    is_later = row.state == Delivery.State.PENDING and row.tried > 0
    return {
        "id": row.fact_id,
        "type": row.type,
        "player_id": row.player_id,
        "state": row.state,
        "due_at": instant(row.due_at) if is_later else None,
        "attempts": row.attempts,
        "created_at": instant(row.created_at),
    }


def shown_attempt(attempt: Attempt) -> dict[str, Any]:
    return {"at": instant(attempt.at), "took": attempt.took, "status": attempt.status, "error": attempt.error}
