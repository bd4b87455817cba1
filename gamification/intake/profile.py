"""A player's profile, composed of what the apps keep; and everything held about a player, to hand out or erase."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.intake import erasing, exporting
from gamification.kernel.core import bus
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import patience
from gamification.kernel.web import NOT_KEPT
from gamification.kernel.web.access import actor, is_player, player_in_path
from gamification.kernel.web.strict_fields import parse
from progress import queries
from progress.commands import ChangeProfile
from progress.serializers import ProfileChanges, ProfileShape
from rewards.models import Distribution


class PlayerProfile(APIView):
    """A player: name, time zone, statistics, badges and titles."""

    scopes = {  # noqa: RUF012 - read by HasScope
        "GET": "players:read",
        "PATCH": "players:write",
        "DELETE": "players:erase",
    }
    player_may = frozenset({"GET"})

    @extend_schema(operation_id="players_retrieve", responses=ProfileShape)
    def get(self, request: Request, player_id: str) -> Response:
        """Reads a player. One who was never seen is shown as one who did nothing."""
        return Response(show(player_in_path(request, player_id), timezone.now()))

    @extend_schema(operation_id="players_update", request=ProfileChanges, responses=ProfileShape)
    def patch(self, request: Request, player_id: str) -> Response:
        """Changes what is sent of a player. One who was never seen is made."""
        player_id, now = player_in_path(request, player_id), timezone.now()
        bus.handle(
            ChangeProfile(player_id=player_id, changes=parse(ProfileChanges, request.data)),
            actor=actor(request),
            now=now,
        )
        return Response(show(player_id, now))

    @extend_schema(operation_id="players_erase", responses={204: None})
    def delete(self, request: Request, player_id: str) -> Response:
        """Erases a player. What is kept of money bears a pseudonym; later events of theirs are refused."""
        bus.handle(
            erasing.ErasePlayer(player_id=player_in_path(request, player_id)), actor=actor(request), now=timezone.now()
        )
        return Response(status=204)


EXPORT = {
    (200, "application/json"): {
        "type": "object",
        "additionalProperties": {},
        "description": "By part of the service, then as its tables are. Made to be kept and read, not to be relied on.",
    }
}


class PlayerExport(APIView):
    """Everything held about a player."""

    scopes = {"GET": "players:read"}  # noqa: RUF012 - read by HasScope
    player_may = frozenset({"GET"})
    limited_as = {"GET": "export"}  # noqa: RUF012 - read by Limits

    @extend_schema(operation_id="players_export", responses=EXPORT)
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        export = exporting.export_for_player if is_player(request) else exporting.export
        with patience.within(None):
            return Response(export(player_id, timezone.now()), headers=NOT_KEPT)


def show(player_id: PlayerId, now: datetime) -> dict[str, Any]:
    return {
        **asdict(queries.profile(player_id, now)),
        "badges": _worn(player_id, "BADGE"),
        "titles": _worn(player_id, "TITLE"),
    }


def _worn(player_id: PlayerId, kind: str) -> list[str]:
    """Badges or titles by their rewards' ids, each once, in the order they were earned."""
    claimed = Distribution.objects.filter(player_id=player_id, kind=kind, status=Distribution.Status.CLAIMED)
    earned = claimed.order_by("claimed_at", "id").values_list("drawn", "reward_id")
    return list(dict.fromkeys(drawn or reward_id for drawn, reward_id in earned))
