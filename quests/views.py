"""Routes of how players stand with quests, and of what they do about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.web import idempotent, paginate_list
from gamification.kernel.web.access import acting_player, actor, is_player, player_in_path
from gamification.kernel.web.lasting import lasts
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen
from gamification.kernel.web.strict_fields import parse, shown_id
from quests import reading
from quests.commands import AbandonQuest, CompleteStep, NotSaidByPlayers, StartQuest, UnknownQuest
from quests.reading import STATES, ShownQuests
from quests.serializers import PlayerNamed, QuestProgressShape, QuestStandingShape, StartShape

_player = OpenApiParameter("player_id", description="Whose; a player's token says so by itself.", required=False)
_page = paged(QuestStandingShape)


def read(quest_id: str, player_id: PlayerId, now: datetime) -> dict[str, Any]:
    """How the player stands with one quest. Raises UnknownQuest, for one retired before the player began it too."""
    return _look(quest_id, player_id, now)[1]


def _look(quest_id: str, player_id: PlayerId, now: datetime) -> tuple[ShownQuests, dict[str, Any]]:
    if reading.is_known(quest_id):
        mine = ShownQuests(player_id, now, only=quest_id)
        if (found := mine.of(quest_id)) is not None:
            return mine, found
    raise UnknownQuest(f"There is no quest {shown_id(quest_id)}.")


class PlayerQuests(APIView):
    """All quests that are visible, begun or not, with how far the player has come."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(
        operation_id="players_quests_list",
        parameters=[OpenApiParameter("state", enum=STATES, required=False), *_page["parameters"]],
        responses=_page["responses"],
    )
    def get(self, request: Request, player_id: str) -> Response:
        player_id, state = player_in_path(request, player_id), chosen(request, "state", STATES)
        mine = ShownQuests(player_id, timezone.now())
        found = reading.rows_of(mine, state=state, for_player=is_player(request))
        lasts(request, player_id, until=mine.until)
        return paginate_list(request, found, key=lambda row: row["id"])


class Progress(APIView):
    """How far a player has come with one quest, in the newest run and those before."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="quests_progress_read", parameters=[_player], responses=QuestProgressShape)
    def get(self, request: Request, quest_id: str) -> Response:
        player_id = acting_player(request, request.query_params.get("player_id"))
        mine, shown = _look(quest_id, player_id, timezone.now())
        lasts(request, player_id, until=mine.until)
        return Response(shown)


class Act(APIView):
    """A player's wish about a quest; the answer is how the player stands with it then."""

    scopes: ClassVar = {"POST": "players:write"}
    player_may: ClassVar = {"POST"}

    def answer(
        self, request: Request, wish: type[Any], quest_id: str, *, body: dict[str, Any] | None = None, **said: Any
    ) -> Response:
        body = parse(PlayerNamed, request.data) if body is None else body
        named = body.get("player_id") or request.query_params.get("player_id")
        player_id, now = acting_player(request, named), timezone.now()
        read(quest_id, player_id, now)  # refuses what is no quest to this player
        bus.handle(wish(player_id=player_id, quest_id=quest_id, **said), actor=actor(request), now=now)
        return Response(read(quest_id, player_id, now))


class Start(Act):
    """Starts a quest."""

    @extend_schema(operation_id="quests_start", parameters=[_player], request=StartShape, responses=QuestProgressShape)
    @idempotent
    def post(self, request: Request, quest_id: str) -> Response:
        body, at = parse(StartShape, request.data), None
        if "timestamp" in body:
            if is_player(request):
                raise NotSaidByPlayers("When a quest was started is said by game servers.")
            at = parse_instant(body["timestamp"])
        return self.answer(request, StartQuest, quest_id, body=body, at=at)


class Abandon(Act):
    """Gives up the run in progress, which stays in the history."""

    @extend_schema(
        operation_id="quests_abandon", parameters=[_player], request=PlayerNamed, responses=QuestProgressShape
    )
    @idempotent
    def post(self, request: Request, quest_id: str) -> Response:
        return self.answer(request, AbandonQuest, quest_id)


class Complete(Act):
    """Completes an active step. Players complete those whose `completed_by` is PLAYER."""

    @extend_schema(
        operation_id="quests_steps_complete", parameters=[_player], request=PlayerNamed, responses=QuestProgressShape
    )
    @idempotent
    def post(self, request: Request, quest_id: str, step_id: str) -> Response:
        return self.answer(request, CompleteStep, quest_id, step_id=step_id, by_player=is_player(request))
