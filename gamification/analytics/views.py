"""Questions over HTTP: parse, ask, answer."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.analytics import queries, serializers
from gamification.analytics.queries import Grouping, Row, Span
from gamification.analytics.unused import unused
from gamification.kernel.content import publishing
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import NotFound
from gamification.kernel.web.parameters import bad_parameter, chosen
from gamification.kernel.web.strict_fields import ID

KINDS = ("achievement", "quest", "reward")
SPAN = [
    OpenApiParameter("from", OpenApiTypes.DATE, description="The first day. By default 27 days before the last."),
    OpenApiParameter(
        "to",
        OpenApiTypes.DATE,
        description=f"The last, included; by default today. At most {queries.LONGEST} days.",
    ),
]
GROUPED = [
    *SPAN,
    OpenApiParameter(
        "group_by",
        enum=[each.value for each in Grouping],
        description="Weeks (from Monday) and months are whole, wherever `from` and `to` lie in them.",
    ),
]


def asked(request: Request, now: datetime) -> Span:
    """The days that a request is about. Raises Invalid."""
    last = _day(request, "to") or (
        first + timedelta(days=queries.USUAL - 1) if (first := _day(request, "from")) else queries.today(now)
    )
    first = _day(request, "from") or last - timedelta(days=min(queries.USUAL, last.toordinal()) - 1)
    if first > last:
        raise bad_parameter("from", "Not after `to`.")
    if (last - first).days >= queries.LONGEST:
        raise bad_parameter("from", f"At most {queries.LONGEST} days at once.")
    return Span(first, last, Grouping(chosen(request, "group_by", [each.value for each in Grouping]) or "day"))


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        if len(text) != len("2026-01-01"):
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError:
        raise bad_parameter(name, "Expected a day, such as 2026-03-01.") from None
    if not 1970 <= day.year <= 9990:
        raise bad_parameter(name, "Expected a day from 1970 on.")
    return day


def answered(rows: list[Row], now: datetime, **more: Any) -> Response:
    until = queries.complete_until(now)
    return Response(
        {
            "as_of": instant(now),
            "complete_until": until and instant(until),
            "rows": [_said(row) for row in rows],
            **more,
        }
    )


def _said(row: Row) -> Row:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


class Question(APIView):
    scopes: ClassVar = {"GET": "analytics:read"}


class Summary(Question):
    """How many players were active and new, and what they did, a day (week, month) a row."""

    @extend_schema(
        operation_id="analytics_summary",
        parameters=GROUPED,
        responses=serializers.answer(serializers.SummaryRowShape),
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        return answered(queries.summary(asked(request, now)), now)


class Retention(Question):
    """Of the players of each first day, how many came back on each of the 64 days from it on."""

    @extend_schema(
        operation_id="analytics_retention",
        parameters=SPAN,
        responses=serializers.answer(serializers.RetentionRowShape),
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        return answered(queries.retention(asked(request, now), now), now)


class ContentFigures(Question):
    """What became of an achievement, a quest or a reward."""

    @extend_schema(
        operation_id="analytics_content",
        parameters=[OpenApiParameter("kind", enum=KINDS, location=OpenApiParameter.PATH), *GROUPED],
        responses=serializers.answer(serializers.ContentRowShape, totals=serializers.ContentTotalsShape()),
    )
    def get(self, request: Request, kind: str, id: str) -> Response:
        now, span = timezone.now(), asked(request, timezone.now())
        if kind not in KINDS:
            raise NotFound(f"There are figures of {', '.join(KINDS)}.")
        _known(kind, id)
        rows, totals, _ = queries.content(kind, id, span, now)
        return answered(rows, now, totals=totals)


class Economy(Question):
    """How much of a currency came in and went out, why, and how much there is."""

    @extend_schema(
        operation_id="analytics_economy",
        parameters=GROUPED,
        responses=serializers.answer(serializers.EconomyRowShape),
    )
    def get(self, request: Request, currency: str) -> Response:
        now, span = timezone.now(), asked(request, timezone.now())
        if not ID.fullmatch(currency):
            raise NotFound("There is no such currency.")
        return answered(queries.economy(currency, span), now)


class Funnel(Question):
    """Of a quest's runs that were begun in these days, how many came to each step and completed it."""

    @extend_schema(
        operation_id="analytics_funnel", parameters=SPAN, responses=serializers.answer(serializers.FunnelRowShape)
    )
    def get(self, request: Request, quest_id: str) -> Response:
        now, span = timezone.now(), asked(request, timezone.now())
        _known("quest", quest_id)
        return answered(queries.funnel(quest_id, span), now)


class Unused(Question):
    """What is in play and was not used: content, metrics, rewards; and events that nothing listens to."""

    @extend_schema(
        operation_id="analytics_unused", parameters=SPAN, responses=serializers.answer(serializers.UnusedRowShape)
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        return answered(unused(asked(request, now)), now)


class Quality(Question):
    """What of each type of events was refused or held, had no value, or came too late."""

    @extend_schema(
        operation_id="analytics_quality", parameters=GROUPED, responses=serializers.answer(serializers.QualityRowShape)
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        return answered(queries.quality(asked(request, now)), now)


def _known(kind: str, id_: str) -> None:
    """Refuse what was never published; what is retired keeps its figures."""
    if id_ not in publishing.current().published.get(kind, {}):
        raise NotFound(f"There is no {kind} of this id.")
