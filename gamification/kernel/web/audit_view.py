"""The audit log over HTTP: for auditors and their tools, newest entries first, as JSON or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.encoding import cell, instant, parse_instant
from gamification.kernel.core.messages import A_PLAYER_ID, PLAYER_ID
from gamification.kernel.models import AuditEntry
from gamification.kernel.storage import audit_log
from gamification.kernel.web.access import actor
from gamification.kernel.web.pages import paged, paginate
from gamification.kernel.web.parameters import bad_parameter, chosen, matching
from gamification.kernel.web.rendering import Renderer

FIELDS = ("at", "actor", "action", "kind", "id", "player_id", "reason", "before", "after", "request_id")
ANY_TEXT = re.compile(r"[^\x00]{1,160}")
ACTOR = re.compile(r"(user|key|player):[^\x00]{1,150}|system")
AN_ACTOR = "Expected user:NAME, key:PREFIX, player:ID or system."
NAME = re.compile(r"[a-z0-9_]{1,64}")
A_NAME = "Expected a name of lower-case letters, digits and _."
MAX_ROWS = 10_000
"""Entries in one CSV; `to` asks for those before."""


class AuditEntryShape(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    actor = serializers.CharField(help_text="user:NAME, key:PREFIX, player:ID or system.")
    action = serializers.CharField(help_text="A command, or log_in, log_in_failed, mint_token, export_player …")
    kind = serializers.CharField(help_text="What it was about: a kind of content, player, distribution, api_key …")
    id = serializers.CharField(help_text="Which one. Empty after its player was erased.")
    player_id = serializers.CharField(required=False, help_text="Where it was about a player.")
    reason = serializers.CharField()
    before = serializers.DictField(
        allow_null=True, help_text="The fields that changed, as they were. Null: nothing was there."
    )
    after = serializers.DictField(
        allow_null=True, help_text="The same fields, as they are since. Null: nothing is there any more."
    )
    request_id = serializers.CharField(help_text="The `X-Request-ID` of the request; empty outside of one.")


class Csv(BaseRenderer):
    """Lets a request negotiate CSV; the view writes it."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        raise AssertionError("the view answers CSV by itself")


_page = paged(AuditEntryShape)


class Audit(APIView):
    """Who did what, why, and what it changed: every act of staff and of keys that is not a player's own, log-ins,
    tokens and exports. Newest first. Nobody can change or delete an entry."""

    scopes: ClassVar = {"GET": "audit:read"}
    renderer_classes = (Renderer, Csv)

    @extend_schema(
        operation_id="audit_list",
        parameters=[
            OpenApiParameter("actor", description="user:NAME, key:PREFIX, player:ID or system.", required=False),
            OpenApiParameter("action", description="Only this, such as `disable_webhook`.", required=False),
            OpenApiParameter("kind", description="Only what was done to this kind of thing.", required=False),
            OpenApiParameter("id", description="Only what was done to the thing of this id.", required=False),
            OpenApiParameter("player_id", required=False),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="At or after this instant.", required=False),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Before this instant.", required=False),
            OpenApiParameter(
                "format",
                enum=["json", "csv"],
                description=f"csv: as `Accept: text/csv`; the newest {MAX_ROWS:,} entries, without pages.",
                required=False,
            ),
            *_page["parameters"],
        ],
        responses=_page["responses"],
    )
    def get(self, request: Request) -> Any:
        found = _asked(request)
        form = chosen(request, "format", ["json", "csv"]) or request.accepted_renderer.format
        if form == "csv":
            text = "".join(lines(found.order_by("-id")[:MAX_ROWS]))
            if request.method == "GET":  # HEAD hands nothing out
                _note(request)
            return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=as_file())
        return paginate(request, found, ordering=["-id"], show=shown)


def _note(request: Request) -> None:
    """Say in the log itself that somebody takes it along, as the console does. The file was read before."""
    asked = {name: value for name, value in request.query_params.items() if name != "format"}
    entry = Change(Subject("auditentry"), after={"list": str(AuditEntry._meta.verbose_name_plural), **asked})
    audit_log.put(actor(request), "download_list", [entry], at=timezone.now())


def _asked(request: Request) -> QuerySet[AuditEntry]:
    wanted = {
        "actor": matching(request, "actor", ACTOR, AN_ACTOR),
        "action": matching(request, "action", NAME, A_NAME),
        "kind": matching(request, "kind", NAME, A_NAME),
        "subject_id": matching(request, "id", ANY_TEXT, "Expected 1 to 160 characters."),
        "player_id": matching(request, "player_id", PLAYER_ID, A_PLAYER_ID),
        "at__gte": _instant(request, "from"),
        "at__lt": _instant(request, "to"),
    }
    return AuditEntry.objects.filter(**{name: value for name, value in wanted.items() if value is not None})


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        detail = "Expected an instant with its offset, such as 2026-03-01T12:00:00Z."
        raise bad_parameter(name, detail) from None


def shown(entry: AuditEntry) -> dict[str, Any]:
    row = {
        "at": instant(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "kind": entry.kind,
        "id": entry.subject_id,
        "player_id": entry.player_id,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }
    if not entry.player_id:
        del row["player_id"]
    return row


def as_file() -> dict[str, str]:
    return {"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"}


def lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """The entries as CSV (RFC 4180), a line each under one with the names of the fields; states as JSON."""
    yield line(FIELDS)
    for entry in entries:
        row = shown(entry)
        yield line([cell(row.get(name)) for name in FIELDS])


def line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
