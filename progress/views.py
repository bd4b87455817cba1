"""Players' own routes: what was counted for them, and the tokens by which they speak."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content import kinds
from gamification.kernel.core import bus
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Refused
from gamification.kernel.web import NOT_KEPT, paginate
from gamification.kernel.web.access import actor, is_player, player_in_path
from gamification.kernel.web.pages import paged
from gamification.kernel.web.strict_fields import parse
from gamification.kernel.web.tokens import issue_token
from progress import queries
from progress.commands import EndTokens
from progress.models import Tally
from progress.serializers import Nothing, TallyShape, TokenShape, show_tally


class LockedOut(Refused):
    """A token that would open nothing is not made."""

    def __init__(self, code: str) -> None:
        super().__init__("This player may not come in.")
        self.code = code  # type: ignore[misc] # banned or player_erased


class PlayerMetrics(APIView):
    """What was counted for a player, a metric a row."""

    scopes = {"GET": "players:read"}  # noqa: RUF012 - read by HasScope
    player_may = frozenset({"GET"})

    @extend_schema(operation_id="players_metrics_list", **paged(TallyShape))
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        tallies = Tally.objects.filter(player_id=player_id, scope="")
        if is_player(request):
            tallies = tallies.exclude(metric_id__in=kinds.hidden(player_id).get("metric", ()))
        return paginate(request, tallies, ordering=["metric_id"], show=show_tally)


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
        token, expires_at = issue_token(player_id, timezone.now(), admission.generation)
        return Response({"token": token, "expires_at": instant(expires_at)}, headers=NOT_KEPT)

    @extend_schema(operation_id="players_token_end", responses={204: None})
    def delete(self, request: Request, player_id: str) -> Response:
        """Ends all tokens that a player has."""
        wish = EndTokens(player_id=player_in_path(request, player_id))
        bus.handle(wish, actor=actor(request), now=timezone.now())
        return Response(status=204)
