"""A player's feed, read over HTTP: the numbered messages that are still kept."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.feed.models import Message
from gamification.kernel.access import player_in_path
from gamification.kernel.encoding import instant
from gamification.kernel.http import paginate
from gamification.kernel.http.pages import paged
from gamification.kernel.messages import Invalid


class MessageShape(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    type = serializers.CharField()
    player_id = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment] # the base class has an attribute of that name
    timestamp = serializers.DateTimeField()


_page = paged(MessageShape)
_after = OpenApiParameter(
    "after", OpenApiTypes.INT64, description="The number of the last message that is known.", required=False
)


class Messages(APIView):
    """What a player was told, in the order of its numbers."""

    scopes = {"GET": "players:read"}  # noqa: RUF012 - read by HasScope
    player_may = frozenset({"GET"})

    @extend_schema(
        operation_id="players_messages_list",
        parameters=[_after, *_page["parameters"]],
        responses=_page["responses"],
    )
    def get(self, request: Request, player_id: str) -> Response:
        messages = Message.objects.filter(player_id=player_in_path(request, player_id), seq__gt=_known(request))
        return paginate(request, messages, ordering=["seq"], show=show)


def show(message: Message) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "type": message.type,
        "player_id": message.player_id,
        "data": message.data,
        "timestamp": instant(message.timestamp),
    }


def _known(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        detail = "Expected the number of a message."
        raise Invalid(detail, [{"path": "after", "code": "invalid", "detail": detail}])
    return int(text)
