"""The log of facts over HTTP, for games without a broker: each caller keeps its own cursor."""

from __future__ import annotations

import re
import time
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, Invalid
from gamification.kernel.core.shares import MOST
from gamification.kernel.messaging.followers import FACTS, FORGETTING
from gamification.kernel.models import OutboxFact
from gamification.kernel.storage import shares
from gamification.kernel.web.pages import DEFAULT_SIZE, MAX_SIZE, page_size

HORIZON_TIMEOUT = 1.0
"""Seconds to wait for batches under way, whose facts come before others that can be seen already."""
SEARCH_CHUNK = 50_000
"""Facts that are searched at a time for the types that are asked for."""
SEARCH_TIMEOUT = 1.0
"""Seconds after which what was found so far is answered; `next` and `after` go on from there."""


class NoLongerKept(Invalid):
    code = "no_longer_kept"
    status = 410


class ShareRequired(Invalid):
    code = "share_required"


class FactShape(serializers.Serializer[Any]):
    position = serializers.IntegerField(help_text="Its place in the log: what `after` takes.")
    id = serializers.CharField()
    type = serializers.CharField()
    player_id = serializers.CharField()
    data = serializers.DictField(help_text="What the type says: see the docs.")  # type: ignore[assignment] # the base class has an attribute of that name
    timestamp = serializers.DateTimeField()
    stated_at = serializers.DateTimeField()


class FactsPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="Null at the end of what has been stated so far.")
    previous = serializers.URLField(allow_null=True, help_text="Always null: a log is read forwards.")
    after = serializers.IntegerField(help_text="Up to where the log was read: ask for what comes `after` it, later.")
    results = FactShape(many=True)


class Facts(APIView):
    """What the service has stated, in order, each fact once. Keep `after` once you have dealt with the page.

    Each share of the players has a log of its own, with positions of its own: where there are several, a request names
    one, or a player. A page may hold fewer than `page_size`, even none, before the end: only a `next` of null is the
    end. What is stated later is found by asking again with the `after` that was kept.
    """

    scopes: ClassVar = {"GET": "facts:read"}

    @extend_schema(
        operation_id="facts_list",
        parameters=[
            OpenApiParameter("after", OpenApiTypes.INT64, description="The position of the last fact that is known."),
            OpenApiParameter("types", str, description="Only facts of these types, separated by commas."),
            OpenApiParameter("player_id", str, description="Only facts about this player."),
            OpenApiParameter(
                "share",
                {"type": "integer", "minimum": 0, "maximum": MOST - 1},
                description="Whose log is read, where the players are cut into shares (SHARES): from 0 on.",
            ),
            OpenApiParameter(
                "page_size", {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE}
            ),
        ],
        responses=FactsPageShape,
    )
    def get(self, request: Request) -> Response:
        after, size = _after(request), page_size(request)
        asked = _asked(request)
        _enter_share(request)
        forgotten = FORGETTING.cursor()
        if 0 < after < forgotten:
            raise _invalid(
                "after", "What comes next is no longer kept. Without `after` begins the oldest.", NoLongerKept
            )
        after = max(after, forgotten)
        horizon = FACTS.horizon.wait(after, HORIZON_TIMEOUT)
        rows, after = _rows(asked, after, horizon, size)
        url = replace_query_param(remove_query_param(request.build_absolute_uri(), "after"), "after", after)
        return Response(
            {
                "next": url if after < horizon else None,
                "previous": None,
                "after": after,
                "results": [_shown(row) for row in rows],
            }
        )


def _rows(asked: QuerySet[OutboxFact], after: int, horizon: int, size: int) -> tuple[list[OutboxFact], int]:
    """The next facts that are asked for, and up to where the log was looked through."""
    until = time.monotonic() + SEARCH_TIMEOUT
    found: list[OutboxFact] = []
    while after < horizon and time.monotonic() < until:
        end = min(after + SEARCH_CHUNK, horizon)
        found += asked.filter(pk__gt=after, pk__lte=end).order_by("pk")[: size - len(found)]
        if len(found) == size:
            return found, found[-1].pk
        after = end
    return found, after


def _asked(request: Request) -> QuerySet[OutboxFact]:
    asked = OutboxFact.objects.all()
    types, player_id = request.query_params.get("types"), request.query_params.get("player_id")
    if types is not None:
        if not re.fullmatch(r"[a-z0-9._-]{1,64}(,[a-z0-9._-]{1,64}){0,99}", types):
            raise _invalid("types", "Expected types of facts such as achievement.completed, separated by commas.")
        asked = asked.filter(type__in=types.split(","))
    if player_id is not None:
        if not PLAYER_ID.fullmatch(player_id):
            raise _invalid("player_id", A_PLAYER_ID)
        asked = asked.filter(player_id=player_id)
    return asked


def _enter_share(request: Request) -> None:
    text, player_id = request.query_params.get("share"), request.query_params.get("player_id")
    known = range(shares.number())
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) in known):
        raise _invalid("share", f"Expected a share from 0 to {known[-1]}.")
    if player_id is not None:
        if text is not None and int(text) != shares.share_of(player_id):
            raise _invalid("share", f"This player is of share {shares.share_of(player_id)}.")
        shares.enter(player_id)
    elif text is not None:
        shares.enter_share(int(text))
    elif len(known) > 1:
        raise _invalid("share", f"Say of which share, from 0 to {known[-1]}: each has a log of its own.", ShareRequired)


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _invalid("after", "Expected the position of a fact.")
    return int(text)


def _invalid(path: str, detail: str, kind: type[Invalid] = Invalid) -> Invalid:
    return kind(detail, [{"path": path, "code": kind.code, "detail": detail}])


def _shown(row: OutboxFact) -> dict[str, Any]:
    return {
        "position": row.pk,
        "id": row.fact_id,
        "type": row.type,
        "player_id": row.player_id,
        "data": row.data,
        "timestamp": instant(row.timestamp),
        "stated_at": instant(row.stated_at),
    }
