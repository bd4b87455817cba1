"""A player's feed, read over HTTP: the numbered messages that are still kept."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.feed.commands import MarkRead, read_up_to
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import Invalid
from gamification.kernel.web import idempotent, paginate
from gamification.kernel.web.access import actor, player_in_path
from gamification.kernel.web.pages import paged
from gamification.kernel.web.strict_fields import MAX_NUMBER, Integer, Shape, parse


class MessageShape(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    type = serializers.CharField()
    player_id = serializers.CharField()
    data = serializers.DictField(help_text="What the type says: see the docs of the live feed.")  # type: ignore[assignment] # the base class has an attribute of that name
    timestamp = serializers.DateTimeField()
    is_read = serializers.BooleanField()


class ReadShape(Shape):
    up_to = Integer(min_value=1, max_value=MAX_NUMBER - 1)


class ReadMarkShape(serializers.Serializer[Any]):
    read_up_to = serializers.IntegerField()


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
        player_id = player_in_path(request, player_id)
        messages = Message.objects.filter(player_id=player_id, seq__gt=_known(request))
        read = read_up_to(player_id)
        return paginate(request, messages, ordering=["seq"], show=lambda message: show(message, read))


class MessagesRead(APIView):
    """Marks the feed read, up to a message. A mark never goes back."""

    scopes = {"POST": "players:write"}  # noqa: RUF012 - read by HasScope
    player_may = frozenset({"POST"})

    @extend_schema(operation_id="players_messages_read", request=ReadShape, responses=ReadMarkShape)
    @idempotent
    def post(self, request: Request, player_id: str) -> Response:
        wish = MarkRead(player_id=player_in_path(request, player_id), up_to=parse(ReadShape, request.data)["up_to"])
        return Response({"read_up_to": bus.handle(wish, actor=actor(request), now=timezone.now())})


def show(message: Message, read: int) -> dict[str, Any]:
    return {
        "seq": message.seq,
        "type": message.type,
        "player_id": message.player_id,
        "data": message.data,
        "timestamp": instant(message.timestamp),
        "is_read": message.seq <= read,
    }


def _known(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        detail = "Expected the number of a message."
        raise Invalid(detail, [{"path": "after", "code": "invalid", "detail": detail}])
    return int(text)
