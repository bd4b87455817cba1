"""What was counted for a player."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content import kinds
from gamification.kernel.web import paginate
from gamification.kernel.web.access import is_player, player_in_path
from gamification.kernel.web.lasting import lasts
from gamification.kernel.web.pages import paged
from progress.models import Tally
from progress.serializers import TallyShape, show_tally


class PlayerMetrics(APIView):
    """What was counted for a player, a metric a row."""

    scopes = {"GET": "players:read"}  # noqa: RUF012 - read by HasScope
    player_may = frozenset({"GET"})

    @extend_schema(operation_id="players_metrics_list", **paged(TallyShape))
    def get(self, request: Request, player_id: str) -> Response:
        player_id = player_in_path(request, player_id)
        lasts(request, player_id)
        tallies = Tally.objects.filter(player_id=player_id, scope="")
        if is_player(request):
            tallies = tallies.exclude(metric_id__in=kinds.hidden(player_id).get("metric", ()))
        return paginate(request, tallies, ordering=["metric_id"], show=show_tally)
