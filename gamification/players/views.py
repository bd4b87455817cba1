"""A player's profile and tokens, and everything held about a player, to hand out or erase."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Refused
from gamification.kernel.storage import audit_log, database_timeout
from gamification.kernel.web import NOT_KEPT
from gamification.kernel.web.access import actor, is_player, player_in_path
from gamification.kernel.web.lasting import lasts
from gamification.kernel.web.strict_fields import Nothing, parse
from gamification.kernel.web.tokens import issue_token
from gamification.players import erasing, exporting, profile
from gamification.players.commands import ChangeProfile, EndTokens
from gamification.players.serializers import ProfileChanges, ProfileShape, TokenShape
from progress import queries


class LockedOut(Refused):
    """No token is made for a player who is locked out: it would open nothing."""

    def __init__(self, code: str) -> None:
        super().__init__("This player may not come in.")
        self.code = code  # type: ignore[misc] # banned or player_erased


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
        player_id = player_in_path(request, player_id)
        lasts(request, player_id)
        return Response(profile.show(player_id, to_player=is_player(request)))

    @extend_schema(operation_id="players_update", request=ProfileChanges, responses=ProfileShape)
    def patch(self, request: Request, player_id: str) -> Response:
        """Changes what is sent of a player. One who was never seen is made."""
        player_id, now = player_in_path(request, player_id), timezone.now()
        bus.handle(
            ChangeProfile(player_id=player_id, changes=parse(ProfileChanges, request.data)),
            actor=actor(request),
            now=now,
        )
        return Response(profile.show(player_id))

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
        now = timezone.now()
        with database_timeout.within(None):
            found = export(player_id, now)
            if request.method == "GET":  # HEAD hands nothing out
                audit_log.about_player(actor(request), "export_player", player_id, at=now)
            return Response(found, headers=NOT_KEPT)


class PlayerTokens(APIView):
    """A player's tokens: gives one to speak by for an hour, or ends all that the player has."""

    scopes = {"POST": "tokens:mint", "DELETE": "tokens:mint"}  # noqa: RUF012 - read by HasScope

    limited_as = {"POST": "token"}  # noqa: RUF012 - read by Limits

    @extend_schema(operation_id="players_token_create", request=Nothing, responses=TokenShape)
    def post(self, request: Request, player_id: str) -> Response:
        """Gives a player a token. It opens what players may, as that player, for an hour at most."""
        player_id = player_in_path(request, player_id)
        parse(Nothing, request.data)
        admission = queries.admission(player_id)
        if admission.locked_out:
            raise LockedOut(admission.locked_out)
        now = timezone.now()
        token, expires_at = issue_token(player_id, now, admission.generation)
        audit_log.about_player(actor(request), "mint_token", player_id, at=now)
        return Response({"token": token, "expires_at": instant(expires_at)}, headers=NOT_KEPT)

    @extend_schema(operation_id="players_token_end", responses={204: None})
    def delete(self, request: Request, player_id: str) -> Response:
        """Ends all tokens that a player has."""
        wish = EndTokens(player_id=player_in_path(request, player_id))
        bus.handle(wish, actor=actor(request), now=timezone.now())
        return Response(status=204)
