from __future__ import annotations

from rest_framework import serializers

from anticheat.models import Finding


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """An event that is or was held, and why."""

    values = serializers.DictField(read_only=True, help_text="What the rule compared, by name.")

    class Meta:
        model = Finding
        fields = ("id", "player_id", "event_id", "type", "rule", "values", "status", "timestamp", "found_at")
        read_only_fields = fields
