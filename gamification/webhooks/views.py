"""Webhooks over HTTP: facts that the service sends to a game by itself, without a broker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.kernel.core import bus
from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, Invalid
from gamification.kernel.storage import shares
from gamification.kernel.web import NOT_KEPT, idempotent, paginate
from gamification.kernel.web.access import actor, concerned
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import chosen, matching
from gamification.kernel.web.strict_fields import EVENT_TYPE, Nothing, parse
from gamification.webhooks import commands, replaying, trial
from gamification.webhooks.commands import ChangeWebhook, CreateWebhook, DeleteWebhook, Made, RotateWebhookSecret
from gamification.webhooks.models import Delivery, Endpoint
from gamification.webhooks.serializers import (
    DeliveryShape,
    MadeWebhookShape,
    ReplayShape,
    ReplayWish,
    RotationWish,
    TrialShape,
    WebhookChanges,
    WebhookShape,
    WebhookWish,
    shown,
    shown_attempt,
    shown_delivery,
)


class WebhookView(APIView):
    scopes: ClassVar = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), "webhooks:write")


class Webhooks(WebhookView):
    """Lists the webhooks, or makes one."""

    @extend_schema(operation_id="webhooks_list", **paged(WebhookShape))
    def get(self, request: Request) -> Response:
        """Lists the webhooks, the oldest first. No list shows a secret."""
        return paginate(request, Endpoint.objects.all(), ordering=["id"], show=shown)

    @extend_schema(operation_id="webhooks_create", request=WebhookWish, responses={201: MadeWebhookShape})
    @idempotent
    def post(self, request: Request) -> Response:
        """Makes a webhook: facts that are stated from now on are sent to it. Keep the secret: it is shown once."""
        made = _done(request, CreateWebhook(**parse(WebhookWish, request.data)))
        return _made(made, 201)


class OneWebhook(WebhookView):
    """Reads, changes or deletes a webhook."""

    @extend_schema(operation_id="webhooks_read", responses=WebhookShape)
    def get(self, request: Request, id: int) -> Response:
        """Reads one webhook, and how it has been doing."""
        return Response(shown(commands.find(id)))

    @extend_schema(operation_id="webhooks_update", request=WebhookChanges, responses=WebhookShape)
    def patch(self, request: Request, id: int) -> Response:
        """Changes a webhook. What waits for one that is disabled is kept, and sent when it is enabled."""
        return Response(shown(_done(request, ChangeWebhook(id=id, changes=parse(WebhookChanges, request.data)))))

    @extend_schema(operation_id="webhooks_delete", responses={204: None})
    def delete(self, request: Request, id: int) -> Response:
        """Deletes a webhook with all that waits for it."""
        _done(request, DeleteWebhook(id=id))
        return Response(status=204)


class Rotate(WebhookView):
    """Signs with a new secret too."""

    @extend_schema(operation_id="webhooks_rotate", request=RotationWish, responses=MadeWebhookShape)
    @idempotent
    def post(self, request: Request, id: int) -> Response:
        """Makes a new secret. For a while each message bears a signature by the old one too."""
        overlap = timedelta(seconds=parse(RotationWish, request.data)["overlap_seconds"])
        return _made(_done(request, RotateWebhookSecret(id=id, overlap=overlap)), 200)


class Trial(WebhookView):
    """Tries a webhook."""

    @extend_schema(operation_id="webhooks_test", request=Nothing, responses=TrialShape)
    def post(self, request: Request, id: int) -> Response:
        """Sends a `webhook.test` at once, signed like any other, and says what came of it. It changes nothing."""
        parse(Nothing, request.data)
        message_id, attempt = trial.attempt(commands.find(id), timezone.now())
        return Response({"id": message_id, "succeeded": attempt.succeeded, **shown_attempt(attempt)})


_deliveries = paged(DeliveryShape)


class Deliveries(WebhookView):
    """Lists the messages to a webhook."""

    @extend_schema(
        operation_id="webhooks_deliveries",
        parameters=[
            OpenApiParameter("state", enum=Delivery.State.values, required=False),
            OpenApiParameter("type", str, description="Only facts of this type.", required=False),
            OpenApiParameter("player_id", str, description="Only facts about this player.", required=False),
            *_deliveries["parameters"],
        ],
        responses=_deliveries["responses"],
    )
    def get(self, request: Request, id: int) -> Response:
        """Lists the messages of the last 30 days, the newest first, with what came of each attempt."""
        rows = Delivery.objects.filter(endpoint=commands.find(id).pk).defer("body")
        if state := chosen(request, "state", Delivery.State.values):
            rows = rows.filter(state=state)
        if type_ := matching(request, "type", EVENT_TYPE, "Expected a fact's type."):
            rows = rows.filter(type=type_)
        if player_id := matching(request, "player_id", PLAYER_ID, A_PLAYER_ID):
            rows = rows.filter(player_id=player_id)
            concerned(request).add(player_id)
            shares.enter(player_id)
        return paginate(request, rows, ordering=["-id"], show=shown_delivery)


def _replayed(view: APIView, request: Request) -> Response:
    """Outside of the transaction in which an answer is kept: messages of several shares are several transactions."""
    wish = parse(ReplayWish, request.data)
    if not ({"ids", "since"} & wish.keys() or wish["only_failed"]):
        detail = "Say which messages: ids, since, or only_failed."
        raise Invalid(detail, [{"path": "ids", "code": "required", "detail": detail}])
    wanted = replaying.Wanted(
        ids=wish.get("ids"), since=_instant(wish.get("since")), until=_instant(wish.get("until")),
        only_failed=wish["only_failed"],
    )  # fmt: skip
    endpoint = commands.find(view.kwargs["id"])
    return Response({"queued": replaying.replay(endpoint, wanted, actor=actor(request), now=timezone.now())})


class Replay(WebhookView):
    """Sends messages again."""

    @extend_schema(operation_id="webhooks_replay", request=ReplayWish, responses=ReplayShape)
    @idempotent(first=_replayed)
    def post(self, request: Request, id: int) -> Response:
        """Sends again what was made into messages within 30 days: by ids, by time, or what was given up. A message
        bears the `webhook-id` it had, so whoever keeps those takes nothing twice."""
        return _replayed(self, request)


def _instant(text: str | None) -> Any:
    return None if text is None else parse_instant(text)


def _done(request: Request, command: commands.WebhookCommand) -> Any:
    return bus.handle(command, actor=actor(request), now=timezone.now())


def _made(made: Made, status: int) -> Response:
    return Response({**shown(made.endpoint), "secret": made.secret}, status=status, headers=NOT_KEPT)
