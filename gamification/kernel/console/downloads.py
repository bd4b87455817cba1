"""A list as a file: the rows that were ticked, with the very columns that the list shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.db.models import Manager, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.encoding import instant
from gamification.kernel.storage import audit_log
from gamification.kernel.web.audit_view import cell, line

MOST_ROWS = 10_000
"""So many rows are handed out, the newest; `manage.py export` has no bound."""


def as_csv(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> StreamingHttpResponse:
    """These rows as CSV. Whoever may see the list may take it along, and the audit log says who did."""
    name = model_admin.opts.model_name
    columns = [column for column in model_admin.get_list_display(request) if column != "action_checkbox"]
    entry = Change(Subject(name), after={"list": str(model_admin.opts.verbose_name_plural)})
    audit_log.put(Actor.user(request.user.get_username()), "download_list", [entry], at=timezone.now())
    found = rows.order_by("-pk")[:MOST_ROWS].iterator(chunk_size=1_000)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(
        _lines(model_admin, columns, found), content_type="text/csv; charset=utf-8", headers=headers
    )


def _lines(model_admin: Any, columns: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    yield line([cell(str(label_for_field(column, model_admin.model, model_admin))) for column in columns])
    for row in rows:
        yield line([cell(_said(column, row, model_admin)) for column in columns])


def _said(column: str, row: Any, model_admin: Any) -> Any:
    _, _, value = lookup_field(column, row, model_admin)
    match value:
        case datetime():
            return instant(value)
        case SafeString():
            return " ".join(strip_tags(value).split())
        case None | str() | int() | float() | list() | dict():
            return value
        case Manager():
            return ", ".join(map(str, value.all()))
        case _:
            return str(value)
