"""What the route of a player's tallies shows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.kernel.core.encoding import number
from progress.models import Tally


class TallyShape(serializers.Serializer[Any]):
    metric = serializers.CharField()
    count = serializers.IntegerField()
    sum = serializers.FloatField()
    max = serializers.FloatField(allow_null=True)
    min = serializers.FloatField(allow_null=True)
    latest = serializers.FloatField(allow_null=True)
    value = serializers.FloatField()


def show_tally(tally: Tally) -> dict[str, Any]:
    return {
        "metric": tally.metric_id,
        "count": tally.count,
        "sum": number(tally.sum),
        "max": number(tally.max),
        "min": number(tally.min),
        "latest": number(tally.latest),
        "value": number(tally.sum),
    }
