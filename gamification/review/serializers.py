"""Reviewing over HTTP: what requests may say, and what answers look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.kernel.web.strict_fields import MAX_TEXT, Choice, Instant, Integer, Shape, Text
from progress.player_standing import PlayerStanding


class StandingWish(Shape):
    standing = Choice(choices=PlayerStanding.choices())
    reason = Text(max_length=MAX_TEXT)
    expires_at = Instant(allow_null=True, default=None, help_text="When it ends by itself; null: it stays.")
    case = Integer(min_value=1, allow_null=True, default=None, help_text="The case that it follows from.")


class StandingShape(serializers.Serializer[Any]):
    """How a player stands. Nothing of it is for the player's eyes."""

    player_id = serializers.CharField()
    standing = serializers.ChoiceField(choices=PlayerStanding.choices())
    expires_at = serializers.DateTimeField(allow_null=True)
    case = serializers.IntegerField(allow_null=True)
    is_test = serializers.BooleanField()
