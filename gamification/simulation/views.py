"""Trying events without any effect, over HTTP."""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.web.access import AllOf
from gamification.simulation.requests import SimulateShape, parse
from gamification.simulation.serializers import SimulatedShape
from gamification.simulation.simulating import simulate


class Simulate(APIView):
    """Says what events would come to, by what is published or with drafts laid over it.

    The pipeline decides as it does for `Prefer: wait`; nothing is stored, sent or waited for.
    """

    scopes: ClassVar = {"POST": AllOf(("content:read", "players:read"))}

    @extend_schema(operation_id="simulate", request=SimulateShape, responses={200: SimulatedShape})
    def post(self, request: Request) -> Response:
        return Response(simulate(parse(request.data, timezone.now())))
