"""Routes of how players stand with achievements."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from achievements import queries
from achievements.commands import ClaimRewards, RevokeAchievement
from achievements.content_serializers import SecretAchievementShape
from achievements.explaining import explain
from achievements.reading import Listing, ShownAchievements, State
from achievements.rules import Achievement, AchievementRules
from achievements.serializers import (
    AchievementProgressShape,
    AchievementStandingShape,
    ClaimedShape,
    ClaimShape,
    ExplanationShape,
    RevokedShape,
    RevokeShape,
)
from gamification.kernel.content import publishing
from gamification.kernel.core import bus
from gamification.kernel.core.messages import NotFound, PlayerId
from gamification.kernel.web import idempotent, paginate_list
from gamification.kernel.web.access import acting_player, actor, is_player, player_in_path
from gamification.kernel.web.lasting import lasts
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen
from gamification.kernel.web.strict_fields import parse, shown_id
from rewards import facts

STATES = [state.value for state in State]
PLAYER = OpenApiParameter("player_id", description="Whose; a player's token says so by itself.", required=False)
_page = paged(AchievementStandingShape, SecretAchievementShape)


def find(request: Request, achievement_id: str, player_id: PlayerId) -> Achievement:
    """The achievement in play that this caller may know of, when acting for that player. Raises NotFound."""
    found: Achievement | None = publishing.current()[AchievementRules].by_id.get(achievement_id)
    if found is None or achievement_id in hidden(request, player_id):
        raise NotFound(f"There is no achievement {shown_id(achievement_id)}.")
    return found


def find_kept(request: Request, achievement_id: str, player_id: PlayerId) -> dict[str, Any] | None:
    """How this player has an achievement that was retired; None where it is in play, was never, or they have it not."""
    published = publishing.current().published.get("achievement", {}).get(achievement_id)
    if published is None or not published.retired:
        return None
    mine = ShownAchievements(player_id, timezone.now(), hidden(request, player_id))
    return mine.kept(achievement_id, published.definition["repeat"])


def hidden(request: Request, player_id: PlayerId) -> set[str]:
    return queries.hidden_ids(player_id) if is_player(request) else set()


class PlayerAchievements(APIView):
    """All achievements that are visible, begun or not, with how far the player has come."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(
        operation_id="players_achievements_list",
        parameters=[OpenApiParameter("state", enum=STATES, required=False), *_page["parameters"]],
        responses=_page["responses"],
    )
    def get(self, request: Request, player_id: str) -> Response:
        player_id, state = player_in_path(request, player_id), chosen(request, "state", STATES)
        found = Listing(player_id, timezone.now(), state=state, for_player=is_player(request))
        response = paginate_list(request, found.ids, key=lambda id_: id_, show=found.rows)
        lasts(request, player_id, until=found.mine.player.periods_end)
        return response


class Progress(APIView):
    """How far a player has come with one achievement."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="achievements_progress_read", parameters=[PLAYER], responses=AchievementProgressShape)
    def get(self, request: Request, achievement_id: str) -> Response:
        player_id = acting_player(request, request.query_params.get("player_id"))
        if kept := find_kept(request, achievement_id, player_id):
            lasts(request, player_id)
            return Response(kept)
        achievement = find(request, achievement_id, player_id)
        mine = ShownAchievements(player_id, timezone.now(), hidden(request, player_id))
        shown = mine.of(achievement)
        lasts(request, player_id, until=mine.player.periods_end)
        return Response(shown)


class Explain(APIView):
    """Why it is, or is not, unlocked: every requirement, what is missing, and which events counted or why not."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="achievements_explain", parameters=[PLAYER], responses=ExplanationShape)
    def get(self, request: Request, achievement_id: str) -> Response:
        player_id = acting_player(request, request.query_params.get("player_id"))
        achievement = find(request, achievement_id, player_id)
        return Response(explain(ShownAchievements(player_id, timezone.now(), hidden(request, player_id)), achievement))


class Claim(APIView):
    """Claims all that is pending of an achievement. Each is paid once, however often this is sent."""

    scopes: ClassVar = {"POST": "players:write"}
    player_may: ClassVar = {"POST"}

    @extend_schema(operation_id="achievements_claim", parameters=[PLAYER], request=ClaimShape, responses=ClaimedShape)
    @idempotent
    def post(self, request: Request, achievement_id: str) -> Response:
        said, now = parse(ClaimShape, request.data), timezone.now()
        player_id = acting_player(request, said.get("player_id") or request.query_params.get("player_id"))
        if find_kept(request, achievement_id, player_id) is None:
            find(request, achievement_id, player_id)
        claimed = bus.handle(
            ClaimRewards(player_id=player_id, achievement_id=achievement_id), actor=actor(request), now=now
        )
        return Response({"distributions": [facts.distribution(given, now) for given in claimed]})


class Revoke(APIView):
    """Takes an achievement back from a player, with its rewards, points and count."""

    scopes: ClassVar = {"POST": "rewards:grant"}

    @extend_schema(operation_id="achievements_revoke", request=RevokeShape, responses=RevokedShape)
    @idempotent
    def post(self, request: Request, achievement_id: str) -> Response:
        said, now = parse(RevokeShape, request.data), timezone.now()
        player_id = acting_player(request, said["player_id"])
        wish = RevokeAchievement(
            player_id=player_id,
            achievement_id=achievement_id,
            reason=said["reason"],
            occurrence=said.get("occurrence"),
        )
        undone = bus.handle(wish, actor=actor(request), now=now)
        return Response(
            {
                "achievement_id": achievement_id,
                "player_id": player_id,
                "revoked": undone["revoked"],
                "distributions": [facts.distribution(given, now) for given in undone["distributions"]],
            }
        )
