"""What the routes for events take and give, for the OpenAPI schema.

No serializer reads events: that would be far too slow.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from gamification.intake.decoding import MAX_EVENTS
from gamification.kernel.core.messages import A_PLAYER_ID

EXAMPLE = {
    "id": "01971f6e-5c9c-7d4e-9f36-2a9c1c0f8d11",
    "player_id": "ada",
    "type": "enemy.killed",
    "data": {"enemy": "wolf", "weapon": "bow", "damage": 12.5},
    "timestamp": "2026-05-30T18:00:00Z",
}


class GameEventShape(serializers.Serializer[Any]):
    """Something that happened in the game. `(player_id, id)` is its identity: it takes effect once."""

    is_only_sent = True

    id = serializers.RegexField(r"^[!-}][!-~]{0,63}$", help_text="UUIDv7 advised; unique for the player.")
    player_id = serializers.RegexField(r"^[A-Za-z0-9._:@-]{1,64}$", help_text=A_PLAYER_ID)
    type = serializers.RegexField(r"^[a-z0-9._-]{1,64}$")
    data = serializers.DictField(help_text="16 KiB of compact JSON and 8 objects and lists deep at most.")  # type: ignore[assignment]
    timestamp = serializers.DateTimeField()


class EventBatchShape(serializers.Serializer[Any]):
    is_only_sent = True

    events = serializers.ListField(child=GameEventShape(), max_length=MAX_EVENTS)


BODY = PolymorphicProxySerializer("OneOrMoreEvents", [GameEventShape, EventBatchShape], None)


class ResultingFactShape(serializers.Serializer[Any]):
    """What the service states after deciding."""

    id = serializers.CharField()
    type = serializers.CharField()
    data = serializers.DictField(help_text="What the type says: see the docs.")  # type: ignore[assignment]
    timestamp = serializers.DateTimeField()


class MetricSummaryShape(serializers.Serializer[Any]):
    count = serializers.IntegerField(min_value=0)
    sum = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    min = serializers.FloatField(allow_null=True)
    latest = serializers.FloatField(allow_null=True)


class RejectionShape(serializers.Serializer[Any]):
    index = serializers.IntegerField(min_value=0)
    code = serializers.CharField()
    detail = serializers.CharField()
    path = serializers.CharField(required=False, help_text="The field of the event that is wrong.")


class PlayerResultShape(serializers.Serializer[Any]):
    facts = ResultingFactShape(many=True)
    metrics = serializers.DictField(child=MetricSummaryShape())
    held = serializers.ListField(child=serializers.CharField(), help_text="The ids of events.")


class AcceptedShape(serializers.Serializer[Any]):
    """With a broker: they are durable, and the workers settle them. `accepted` are those with nothing wrong that the
    events alone show, `duplicates` repeat another of this request."""

    accepted = serializers.IntegerField(min_value=0)
    duplicates = serializers.IntegerField(min_value=0)
    rejected = RejectionShape(many=True)


class SettledShape(AcceptedShape):
    """Processed in place: without a broker, when asked to wait, or when the broker does not answer."""

    results = serializers.DictField(child=PlayerResultShape(), help_text="By player.")


class RejectedEventShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    player_id = serializers.CharField()
    event_id = serializers.CharField()
    type = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    timestamp = serializers.DateTimeField()
    rejected_at = serializers.DateTimeField()


PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    required=False,
    description="`wait`: the answer is given when the events have counted, and says what came of it.",
)
