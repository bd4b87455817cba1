"""A list of content: in which state each draft is, how many players have it, who changed it last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import F, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from gamification.kernel.console import editor
from gamification.kernel.console.readonly_admin import ActingAdmin, page_of
from gamification.kernel.content import drafts, released
from gamification.kernel.content.kinds import Kind, kinds
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.models import AuditEntry, Content

UNPUBLISHED, SCHEDULED = "unpublished", "scheduled"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        own = [(UNPUBLISHED, "not published as it stands"), (SCHEDULED, "scheduled")]
        return [*own, *((name.lower(), name.lower()) for name in drafts.STATES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == UNPUBLISHED:
            return drafts.in_state(queryset, None).filter(has_changes=True)
        if self.value() == SCHEDULED:
            kind = next(of.name for of in kinds() if of.model is queryset.model)
            return queryset.filter(pk__in=[id_ for name, id_ in released.scheduled() if name == kind])
        state = (self.value() or "").upper()
        return drafts.in_state(queryset, drafts.DraftState(state)) if state in drafts.STATES else queryset


class TagFilter(admin.SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = model_admin.get_queryset(request).exclude(tags=[]).values_list("tags", flat=True)
        return [(tag, tag) for tag in sorted({tag for tags in found for tag in tags})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tag = self.value()
        return drafts.tagged(queryset, [tag]) if tag else queryset


@dataclass(frozen=True, slots=True)
class Reach:
    """How many players have it, as it was rolled up last."""

    completed: str
    in_progress: str


class ContentList(ActingAdmin):
    """What a row of the list says is looked up for the whole page at once."""

    kind: Kind

    def reach(self, ids: Iterable[str]) -> Mapping[str, Reach]:
        """Of content that players complete, how many do."""
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            rows = list(shown["cl"].result_list)
            reach, touched = self.reach([row.pk for row in rows]), self._touched([row.pk for row in rows])
            scheduled = released.scheduled()
            for row in rows:
                row.reach, row.touched = reach.get(row.pk), touched.get(row.pk)
                row.scheduled = scheduled.get((self.kind.name, str(row.pk)))
            shown["cl"].result_list = rows
        return response

    def _touched(self, ids: list[str]) -> dict[str, AuditEntry]:
        """The newest entry of the audit log about each."""
        about = AuditEntry.objects.filter(kind=self.kind.name, subject_id__in=ids)
        newest = about.order_by().values("subject_id").annotate(newest=Max("id")).values_list("newest", flat=True)
        return {entry.subject_id: entry for entry in AuditEntry.objects.filter(pk__in=list(newest))}

    # Columns

    @admin.display(description="title", ordering="title")
    def title_and_id(self, draft: Any) -> SafeString:
        return format_html("{}<small>{}</small>", draft.title, draft.pk)

    @admin.display(description="name", ordering="name")
    def name_and_id(self, draft: Any) -> SafeString:
        return format_html("{}<small>{}</small>", draft.name, draft.pk)

    @admin.display(description="state", ordering=F("published").asc(nulls_first=True))
    def state(self, draft: Any) -> SafeString:
        state = editor.state_of(draft)
        chip = format_html('<span class="chip {}">{}</span>', state.tone, state.short)
        if (release := draft.scheduled) is None:
            return chip
        live = f"{release.publish_at:%d %b %H:%M} UTC"
        said = '{} <span class="chip good">scheduled</span><small><a href="{}">{}</a>, {}</small>'
        return format_html(said, chip, page_of(release), release.title, live)

    @admin.display(description="completed by")
    def completed_by(self, draft: Any) -> str:
        return draft.reach.completed if draft.reach else "-"

    @admin.display(description="in progress")
    def in_progress(self, draft: Any) -> str:
        return draft.reach.in_progress if draft.reach else "-"

    @admin.display(description="tags")
    def tagged(self, draft: Content) -> SafeString:
        return format_html_join(" ", '<span class="chip">{}</span>', ((tag,) for tag in draft.tags))

    @admin.display(description="changed last", ordering="updated_at")
    def changed_last(self, draft: Any) -> SafeString:
        by = said_to_people(draft.touched.actor) if draft.touched else ""
        return format_html("{}<small>{}</small>", f"{draft.updated_at:%d %b %H:%M}", by)
