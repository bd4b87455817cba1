from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from anticheat import queries
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import Finding
from anticheat.serializers import FindingSerializer
from gamification.kernel import bus
from gamification.kernel.access import actor, concerned
from gamification.kernel.http import idempotent
from gamification.kernel.shapes import ReasonShape, parse


class Held(ListAPIView[Finding]):
    """Events that are held until a person releases or dismisses them, oldest first."""

    scopes: ClassVar = {"GET": "players:read"}
    queryset = queries.held()
    serializer_class = FindingSerializer
    ordering = "id"


class _Decision(APIView):
    scopes: ClassVar = {"POST": "players:write"}
    command: type[ReleaseEvent] | type[DismissEvent]

    @extend_schema(request=ReasonShape, responses=FindingSerializer)
    @idempotent
    def post(self, request: Request, finding_id: int) -> Response:
        reason = parse(ReasonShape, request.data)["reason"]
        found = bus.handle(self.command(finding_id=finding_id, reason=reason), actor=actor(request), now=timezone.now())
        concerned(request).add(found.player_id)
        return Response(FindingSerializer(found).data)


class Release(_Decision):
    """Lets a held event count, with its own timestamp."""

    command = ReleaseEvent


class Dismiss(_Decision):
    """Says of a held event that it will never count."""

    command = DismissEvent
