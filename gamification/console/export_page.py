"""Rows of some days as a file, for analysts' own tools: what `manage.py export` writes, as a download."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from gamification.analytics import exporting, queries
from gamification.analytics.queries import Span
from gamification.kernel.console.readonly_admin import acting
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log
from gamification.kernel.web.streaming import Streamed

MOST = 100_000
"""Rows of one download; `manage.py export` has no end."""
FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


class ExportForm(forms.Form):
    kind = forms.ChoiceField(label="What")
    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))
    form = forms.ChoiceField(label="As", choices=[("csv", "CSV"), ("jsonl", "JSON lines")])

    def __init__(self, *arguments: Any, kinds: list[str], **named: Any) -> None:
        super().__init__(*arguments, **{"label_suffix": "", **named})
        self.fields["kind"].choices = [(each, each) for each in kinds]  # type: ignore[attr-defined] # a ChoiceField

    def clean(self) -> dict[str, Any]:
        found = dict(super().clean() or {})
        first, last = found.get("first"), found.get("last")
        if not (first and last) or self.errors:
            return found
        if first > last or not (first.year >= 1970 and last.year <= 9990):
            raise forms.ValidationError("The first day is after the last, or too far away.")
        if exporting.is_more_than(MOST, found["kind"], first, last):
            raise forms.ValidationError(
                f"These are more than {MOST:,} rows: choose fewer days, or run manage.py export, which has no end."
            )
        return found


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    kinds = kinds_for(request)
    if not kinds:
        raise PermissionDenied
    now = timezone.now()
    span: Span = queries.lately(now)
    form = ExportForm(request.POST or None, kinds=kinds, initial={"first": span.first, "last": span.last})
    if request.method == "POST" and form.is_valid():
        return _download(request, **form.cleaned_data)
    return TemplateResponse(request, "console/exports.html", {**context, "title": "Export", "form": form})


def kinds_for(request: HttpRequest) -> list[str]:
    """The kinds of rows that somebody may export: those that they may look at one by one."""
    metas = {kind: export.model._meta for kind, export in exporting.KINDS.items()}
    return [kind for kind, of in metas.items() if request.user.has_perm(f"{of.app_label}.view_{of.model_name}")]


def _download(request: HttpRequest, kind: str, first: Any, last: Any, form: str) -> Streamed:
    asked = {"from": first.isoformat(), "to": last.isoformat(), "format": form}
    audit_log.put(acting(request), "export", [Change(Subject("export", kind), after=asked)], at=timezone.now())
    name = f"{kind}-{first}-{last}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Streamed(exporting.stream(kind, first, last, form), content_type=FORMS[form], headers=headers)
