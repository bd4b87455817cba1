"""How far a backfill, or the preview of one, has come."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.content import kinds
from gamification.kernel.content.views import BackfillShape, backfill_shown
from gamification.kernel.core.messages import NotFound
from gamification.kernel.web import strict_fields
from progress.models import Backfill, MetricDay


class HealthDay(serializers.Serializer[object]):
    day = serializers.DateField()
    samples = serializers.IntegerField()
    no_value = serializers.IntegerField()


class HealthShape(serializers.Serializer[object]):
    samples = serializers.IntegerField()
    no_value = serializers.IntegerField(help_text="Events that met the conditions without a number to count.")
    by_day = HealthDay(many=True)


class MetricHealth(APIView):
    """Whether a metric gets what it counts: samples, and events without a value, by day (UTC) of the event."""

    scopes = {"GET": "content:read"}  # noqa: RUF012 - read by HasScope

    @extend_schema(operation_id="metrics_health", responses=HealthShape)
    def get(self, request: Request, id: str) -> Response:
        metrics = kinds.kind("metric").model._default_manager.filter(pk=id)
        if not strict_fields.ID.fullmatch(id) or not metrics.exists():
            raise NotFound(f"There is no metric {strict_fields.shown_id(id)}.")
        days = MetricDay.objects.filter(metric_id=id).order_by("day")
        by_day = [{"day": d.day.isoformat(), "samples": d.samples, "no_value": d.no_value} for d in days]
        return Response(
            {
                "samples": sum(d.samples for d in days),
                "no_value": sum(d.no_value for d in days),
                "by_day": by_day,
            }
        )


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
