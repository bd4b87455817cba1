"""How far a backfill, or the preview of one, has come."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content_views import BackfillShape, backfill_shown
from gamification.kernel.messages import NotFound
from progress.models import Backfill


class BackfillDetail(APIView):
    """How far a backfill or a preview has come, and how many (more) players complete something by it."""

    scopes = {"GET": "content:read"}  # noqa: RUF012 - read by HasScope

    @extend_schema(operation_id="backfills_read", responses=BackfillShape)
    def get(self, request: Request, id: str) -> Response:
        is_number = id.isascii() and id.isdigit() and len(id) <= 18
        backfill = Backfill.objects.filter(pk=int(id)).first() if is_number else None
        if backfill is None:
            raise NotFound("There is no such backfill.")
        return Response(backfill_shown(backfill))
