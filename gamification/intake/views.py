"""Events over HTTP: the view, which answers whatever `application` leaves to Django."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gamification.intake import answering, handover, in_place, schema
from gamification.intake.decoding import MAX_BODY, Decoded, TooLarge, decode
from gamification.kernel.core import stages
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID, Outcome
from gamification.kernel.models import RejectedEvent
from gamification.kernel.storage import shares
from gamification.kernel.storage.pseudonyms import pseudonym
from gamification.kernel.web import paginate
from gamification.kernel.web.access import concerned
from gamification.kernel.web.idempotency import idempotent
from gamification.kernel.web.pages import paged
from gamification.kernel.web.parameters import matching

CODE = re.compile("[a-z_]{1,32}")
_page = paged(schema.RejectedEventShape)


class Events(APIView):
    """Reports what happened in the game: one event, or up to 1,000 at once.

    Each is judged by itself and takes effect once, however often it is sent.
    """

    scopes: ClassVar = {"POST": "events:write"}
    now: datetime
    decoded: Decoded

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            # The body is read by `decode` and by no parser, so DRF would not look at what it is called.
            if self.get_content_negotiator().select_parser(request, self.get_parsers()) is None:
                raise UnsupportedMediaType(request.content_type)
            _read_body(request._request)
            self.now = timezone.now()
            self.decoded = decode(request._request.body, now=self.now)
            stages.count_events("invalid", len(self.decoded.rejected))
            concerned(request).update(event.player_id for _, event in self.decoded.good)

    def hand_over(self, request: Request) -> HttpResponse | None:
        """What is answered without the database; None: the events are processed in place."""
        if (refusal := answering.refused(self.decoded)) is not None:
            return refusal
        if not settings.RABBITMQ_URL or _prefers_to_wait(request):
            handover.IN_PLACE.inc()
            return self._in_place(request)
        counts = handover.hand_over(self.decoded)
        return self._in_place(request) if counts is None else answering.handed_over(self.decoded, counts).response()

    def _in_place(self, request: Request) -> HttpResponse | None:
        """The answer where the events are of several shares: no transaction can hold them all, and the answer too."""
        if len(shares.by_share(self.decoded.good, lambda good: good[1].player_id)) < 2:
            return None
        return self._processed(request)

    @extend_schema(
        operation_id="events_create",
        request=schema.BODY,
        parameters=[schema.PREFER],
        responses={202: schema.AcceptedShape, 200: schema.SettledShape},
        examples=[OpenApiExample("One event", value=schema.EXAMPLE, request_only=True)],
    )
    @idempotent(first=hand_over)
    def post(self, request: Request) -> HttpResponse:
        return self._processed(request)

    def _processed(self, request: Request) -> HttpResponse:
        events = [event for _, event in self.decoded.good]
        outcome = in_place.process(events, self.now) if events else Outcome()
        answer = answering.processed(self.decoded, outcome, waited=_prefers_to_wait(request))
        return answer.response() if isinstance(answer, answering.Reply) else answer


class RejectedEvents(APIView):
    """Events that only the store could refuse, newest first."""

    scopes: ClassVar = {"GET": "players:read"}

    @extend_schema(
        operation_id="events_rejected_list",
        parameters=[
            OpenApiParameter("player_id", required=False),
            OpenApiParameter("code", description="Why it was refused, such as id_reused.", required=False),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Response:
        found = RejectedEvent.objects.all()
        if (player_id := matching(request, "player_id", PLAYER_ID, A_PLAYER_ID)) is not None:
            shares.enter(player_id)
            found = found.filter(player_id__in=(player_id, pseudonym(player_id)))  # as somebody erased is noted
        if (code := matching(request, "code", CODE, "This is not a code.")) is not None:
            found = found.filter(code=code)
        return paginate(request, found, ordering=["-id"], show=_row)


def _read_body(request: HttpRequest) -> None:
    """Read the body up to its limit and no further: one that is sent in chunks does not say how long it is."""
    too_large = TooLarge(f"A body may be {MAX_BODY} bytes at most.")
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > MAX_BODY:
        raise too_large
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise too_large
    request._body = body  # where HttpRequest.body looks


def _prefers_to_wait(request: Request) -> bool:
    return answering.prefers_to_wait(request.headers.get("Prefer", ""))


def _row(row: RejectedEvent) -> dict[str, Any]:
    return {
        "id": row.pk,
        "player_id": row.player_id,
        "event_id": row.event_id,
        "type": row.type,
        "code": row.code,
        "detail": row.detail,
        "timestamp": instant(row.timestamp),
        "rejected_at": instant(row.rejected_at),
    }
