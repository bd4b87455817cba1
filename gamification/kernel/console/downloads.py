"""A list as a file: the rows that were ticked, with the very columns that the list shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import unescape
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.db import transaction
from django.db.models import Manager, QuerySet
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from gamification.kernel.core.actors import Actor
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.core.encoding import cell, instant
from gamification.kernel.storage import audit_log
from gamification.kernel.web.audit_view import line

MOST_ROWS = 10_000
"""So many rows are handed out, those that the list begins with; `manage.py export` has no bound."""


def as_csv(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    """These rows as CSV, in the list's order. Whoever may see the list may take it along, and the audit log says who
    did. They are read before the request ends, since it is of one share for so long.
    """
    columns = [column for column in model_admin.get_list_display(request) if column != "action_checkbox"]
    with transaction.atomic():  # the rows come a chunk at a time, by a cursor: some are of 64 KB
        note(request, model_admin.opts)
        found = model_admin.prepared(rows[:MOST_ROWS].iterator(chunk_size=100))
        text = "".join(_lines(model_admin, columns, found))
    name = model_admin.opts.model_name
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def note(request: HttpRequest, of: Options[Any]) -> None:
    """Say in the audit log that somebody takes rows of a list along."""
    entry = Change(Subject(str(of.model_name)), after={"list": str(of.verbose_name_plural)})
    audit_log.put(Actor.user(request.user.get_username()), "download_list", [entry], at=timezone.now())


MOST_IDS = 100
"""So many ids of a pack are told; how many it holds is told of any."""


def note_pack(request: HttpRequest, *, drafts: bool, ids: Mapping[str, Sequence[str]]) -> None:
    """Say in the audit log that somebody takes content along, as a pack: of which kinds, and what."""
    if request.method == "HEAD":  # which hands nothing out
        return
    audit_log.put(Actor.user(request.user.get_username()), "export_pack", [pack(drafts, ids)], at=timezone.now())


def pack(drafts: bool, ids: Mapping[str, Sequence[str]]) -> Change:
    """What an entry says of a pack that is handed out; `ids`: what it holds of each kind."""
    told = {plural: {"count": len(each), "ids": sorted(each)[:MOST_IDS]} for plural, each in ids.items()}
    return Change(Subject("pack", "drafts" if drafts else "published"), after=told)


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
            return unescape(" ".join(strip_tags(value).split()))
        case None | str() | int() | float() | list() | dict():
            return value
        case Manager():
            return ", ".join(map(str, value.all()))
        case _:
            return str(value)
