"""What the routes of a player's profile and tokens take, and what they show."""

from __future__ import annotations

import zoneinfo
from functools import lru_cache
from typing import Any

from rest_framework import serializers

from gamification.kernel.web.strict_fields import Flag, JsonObject, Shape, Text
from progress.player_standing import PlayerStanding


@lru_cache  # it searches the disk
def zone_names() -> set[str]:
    return zoneinfo.available_timezones() - {"localtime", "Factory"}  # the host's own zone, and none at all


class ZoneName(Text):
    """An IANA time zone."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in zone_names():
            detail = "Expected the IANA name of a time zone, such as Europe/Madrid."
            raise serializers.ValidationError(detail, code="invalid")
        return super().to_internal_value(data)


class ProfileChanges(Shape):
    """What a game server may set of a player; what it leaves out stays."""

    kept_by_the_service = ("player_id", "statistics", "badges", "titles", "standing")

    display_name = Text(max_length=120, allow_blank=True, required=False)
    timezone = ZoneName(required=False)
    attributes = JsonObject(required=False)
    banned = Flag(required=False)
    is_test = Flag(required=False, help_text="Somebody of the game's own, who counts in nothing that others see.")


class StatisticsShape(serializers.Serializer[Any]):
    points = serializers.IntegerField()
    xp = serializers.IntegerField()
    level = serializers.IntegerField()
    achievements_completed = serializers.IntegerField()
    quests_completed = serializers.IntegerField()


class ProfileShape(Shape):
    answers_leave_out = ("standing", "is_test")

    player_id = serializers.CharField()
    display_name = serializers.CharField()
    timezone = serializers.CharField(help_text="The zone chosen last; it applies from the end of the open period.")
    attributes = JsonObject()
    statistics = StatisticsShape()
    badges = serializers.ListField(child=serializers.CharField())
    titles = serializers.ListField(child=serializers.CharField())
    banned = serializers.BooleanField()
    standing = serializers.ChoiceField(choices=PlayerStanding.choices(), help_text="For keys, never for players.")
    is_test = serializers.BooleanField(help_text="Likewise.")


class TokenShape(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()
