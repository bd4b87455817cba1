from __future__ import annotations

import re
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from anticheat import queries
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import Finding
from anticheat.serializers import FindingSerializer
from gamification.kernel.core import bus
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID
from gamification.kernel.storage import shares
from gamification.kernel.web import idempotent, paginate
from gamification.kernel.web.access import actor, concerned
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen, matching
from gamification.kernel.web.strict_fields import ReasonShape, parse

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
STATES = [state for state in Finding.Status.values if state != Finding.Status.FLAGGED]  # which held nothing
_page = paged(FindingSerializer)


class Held(APIView):
    """Events that are held until a person releases or dismisses them, oldest first."""

    scopes: ClassVar = {"GET": ("players:read", "anticheat:decide")}

    @extend_schema(
        operation_id="held_list",
        parameters=[
            OpenApiParameter("player_id", required=False),
            OpenApiParameter("rule", description="The name of the rule that held it.", required=False),
            OpenApiParameter("state", enum=STATES, description="HELD, where nothing is said.", required=False),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Response:
        player_id = matching(request, "player_id", PLAYER_ID, A_PLAYER_ID)
        if player_id is not None:
            shares.enter(player_id)
        found = queries.held(
            chosen(request, "state", STATES) or Finding.Status.HELD,
            player_id=player_id,
            rule=matching(request, "rule", NAME, "This is not a rule's name."),
        )
        return paginate(request, found, ordering=["id"], show=lambda row: FindingSerializer(row).data)


_decision: Any = {"request": ReasonShape, "responses": FindingSerializer}


class _Decision(APIView):
    scopes: ClassVar = {"POST": "anticheat:decide"}
    command: type[ReleaseEvent] | type[DismissEvent]

    @idempotent
    def post(self, request: Request, finding_id: int) -> Response:
        reason = parse(ReasonShape, request.data)["reason"]
        found = bus.handle(self.command(finding_id=finding_id, reason=reason), actor=actor(request), now=timezone.now())
        concerned(request).add(found.player_id)
        return Response(FindingSerializer(found).data)


@extend_schema_view(post=extend_schema(operation_id="held_release", **_decision))
class Release(_Decision):
    """Lets a held event count, with its own timestamp."""

    command = ReleaseEvent


@extend_schema_view(post=extend_schema(operation_id="held_dismiss", **_decision))
class Dismiss(_Decision):
    """Says of a held event that it will never count."""

    command = DismissEvent
