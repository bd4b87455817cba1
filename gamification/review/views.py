"""Routes of those who judge how somebody plays."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.web.access import actor, player_in_path
from gamification.kernel.web.strict_fields import parse
from gamification.review import queries
from gamification.review.commands import SetStanding
from gamification.review.serializers import StandingShape, StandingWish
from progress.player_standing import PlayerStanding


class Standing(APIView):
    """How a player stands: what becomes of what they earn, and whether they count among others."""

    scopes: ClassVar = {"PATCH": "anticheat:decide"}

    @extend_schema(operation_id="players_standing_update", request=StandingWish, responses=StandingShape)
    def patch(self, request: Request, player_id: str) -> Response:
        """Sets how a player stands, for good or until an instant. One who was never seen is made."""
        player_id, wish = player_in_path(request, player_id), parse(StandingWish, request.data)
        ends_at = wish["expires_at"]
        command = SetStanding(
            player_id=player_id,
            standing=PlayerStanding(wish["standing"]),
            reason=wish["reason"],
            ends_at=ends_at and parse_instant(ends_at),
            case=wish["case"],
        )
        bus.handle(command, actor=actor(request), now=timezone.now())
        return Response(queries.standing(player_id))
