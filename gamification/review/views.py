"""Routes of those who judge how somebody plays, and of those who are judged."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID
from gamification.kernel.web import idempotent, paginate
from gamification.kernel.web.access import acting_player, actor, concerned, player_in_path
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen, matching
from gamification.kernel.web.strict_fields import parse
from gamification.review import facts, queries
from gamification.review.commands import SetStanding
from gamification.review.models import Case
from gamification.review.reporting import ReportFinding
from gamification.review.rules import State, Verdict
from gamification.review.serializers import (
    AppealWish,
    CaseShape,
    EffectShape,
    FindingWish,
    OwnCaseShape,
    PreviewWish,
    ReportedShape,
    StandingShape,
    StandingWish,
    VoteWish,
    WholeCaseShape,
)
from gamification.review.verdicts import AppealVerdict, CastVote, Previewed, PreviewVerdict
from progress.player_standing import PlayerStanding

STATES = [state.value for state in State]
BY_QUEUE = ["-weight", "-id"]
_page = paged(CaseShape)
_own = paged(OwnCaseShape)


class Standing(APIView):
    """How a player stands: what becomes of what they earn, and whether they count among others."""

    scopes: ClassVar = {"PATCH": "anticheat:decide"}

    @extend_schema(operation_id="players_standing_update", request=StandingWish, responses=StandingShape)
    def patch(self, request: Request, player_id: str) -> Response:
        """Sets how a player stands, for good or until an instant. One who was never seen is made."""
        player_id, wish = player_in_path(request, player_id), parse(StandingWish, request.data)
        command = SetStanding(
            player_id=player_id,
            standing=PlayerStanding(wish["standing"]),
            reason=wish["reason"],
            ends_at=_instant(wish["expires_at"]),
            case=wish["case"],
        )
        bus.handle(command, actor=actor(request), now=timezone.now())
        return Response(queries.standing(player_id))


# -- for those who judge -----------------------------------------------------------------------------------------------


class Cases(APIView):
    """Cases about how players play, in the order of the queue."""

    scopes: ClassVar = {"GET": "anticheat:decide"}

    @extend_schema(
        operation_id="cases_list",
        parameters=[
            OpenApiParameter("player_id", required=False),
            OpenApiParameter("state", enum=STATES, required=False),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Response:
        found = queries.cases(
            state=chosen(request, "state", STATES),
            player_id=matching(request, "player_id", PLAYER_ID, A_PLAYER_ID),
        )
        return paginate(request, found, ordering=BY_QUEUE, show=queries.shown)


class OneCase(APIView):
    """A case with its evidence."""

    scopes: ClassVar = {"GET": "anticheat:decide"}

    @extend_schema(operation_id="cases_retrieve", responses=WholeCaseShape)
    def get(self, request: Request, case_id: int) -> Response:
        return Response(queries.shown_whole(_found(request, case_id)))


class Votes(APIView):
    """Says what one makes of a case, or of the appeal against its verdict; the last vote needed decides it."""

    scopes: ClassVar = {"POST": "anticheat:decide"}

    @extend_schema(operation_id="cases_votes_create", request=VoteWish, responses={201: WholeCaseShape})
    @idempotent
    def post(self, request: Request, case_id: int) -> Response:
        wish = parse(VoteWish, request.data)
        _found(request, case_id)
        command = CastVote(
            case_id=case_id,
            verdict=Verdict(wish["verdict"]),
            note=wish["note"],
            standing=PlayerStanding(wish["standing"]) if wish["standing"] else None,
            since=_instant(wish["since"]),
        )
        bus.handle(command, actor=actor(request), now=timezone.now())
        return Response(queries.shown_whole(queries.case(case_id)), status=201)


class Preview(APIView):
    """Says what confirming a case would take of the player, and what of it is spent. Nothing changes."""

    scopes: ClassVar = {"POST": "anticheat:decide"}

    @extend_schema(operation_id="cases_preview", request=PreviewWish, responses=EffectShape)
    def post(self, request: Request, case_id: int) -> Response:
        wish = parse(PreviewWish, request.data)
        _found(request, case_id)
        return Response(preview(case_id, _instant(wish["since"])))


def preview(case_id: int, since: datetime | None) -> dict[str, Any]:
    """What confirming a case would come to."""
    try:
        bus.handle(PreviewVerdict(case_id=case_id, since=since), actor=SYSTEM, now=timezone.now())
    except Previewed as previewed:
        return previewed.found
    raise AssertionError("a preview always ends by what it found")


class Findings(APIView):
    """Takes in what a game server has seen by its own means: a finding, and so a case for a person to decide."""

    scopes: ClassVar = {"POST": "anticheat:write"}

    @extend_schema(operation_id="anticheat_findings_create", request=FindingWish, responses={201: ReportedShape})
    @idempotent
    def post(self, request: Request) -> Response:
        wish, now = parse(FindingWish, request.data), timezone.now()
        player_id = acting_player(request, wish["player_id"])
        command = ReportFinding(player_id=player_id, rule=wish["rule"], values=wish["values"], note=wish["note"])
        is_new = bus.handle(command, actor=actor(request), now=now)
        told = {"player_id": player_id, "rule": wish["rule"], "day": now.date().isoformat(), "is_new": is_new}
        return Response({**told, "case": queries.open_case(player_id)}, status=201)


# -- for those who are judged ------------------------------------------------------------------------------------------


class PlayerCases(APIView):
    """A player's cases: that there are some, their dates, and which side of their play was looked at; newest first."""

    scopes: ClassVar = {"GET": "players:read"}
    player_may: ClassVar = {"GET"}

    @extend_schema(operation_id="players_cases_list", **_own)
    def get(self, request: Request, player_id: str) -> Response:
        found = queries.cases(player_id=player_in_path(request, player_id))
        return paginate(request, found, ordering=["-id"], show=facts.told_to_player)


class Appeal(APIView):
    """Asks that others look at a verdict again, once, in the player's own words."""

    scopes: ClassVar = {"POST": "players:write"}
    player_may: ClassVar = {"POST"}

    @extend_schema(operation_id="players_cases_appeal", request=AppealWish, responses=OwnCaseShape)
    @idempotent
    def post(self, request: Request, player_id: str, case_id: int) -> Response:
        player_id, wish = player_in_path(request, player_id), parse(AppealWish, request.data)
        command = AppealVerdict(case_id=case_id, player_id=player_id, text=wish["text"])
        case = bus.handle(command, actor=actor(request), now=timezone.now())
        return Response(facts.told_to_player(case))


# -- parsing -----------------------------------------------------------------------------------------------------------


def _found(request: Request, case_id: int) -> Case:
    """The case; from here on the request is about its player."""
    case = queries.case(case_id)
    concerned(request).add(case.player_id)
    return case


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None
