"""Backfills: how far each has come, and running one again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest
from django.utils.safestring import SafeString

from gamification.kernel.console.editor import draft_address
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting, as_lines, may_decide
from gamification.kernel.storage import shares
from progress.admin.rarity import percents
from progress.models import (
    Backfill,
    LeftOut,
)


@admin.register(Backfill)
class BackfillAdmin(ReadOnlyAdmin):
    list_display = ("id", "publication", "state", "players_done", "players_total", "would_complete", "created_at")
    list_filter = ("state",)
    ordering = ("-id",)
    actions = ("run_again",)

    hides = ("preview", "found", "cursor", "would_complete", "mode")
    also = ("what", "left_out")
    change_form_template = "admin/progress/backfill.html"

    class Media:
        js = (Script("console/again.js", defer=True),)

    @admin.display(description="what")
    def what(self, row: Backfill) -> str:
        if row.preview is None:
            return f"counting of publication {row.publication}"
        return f"preview of the {row.preview['kind']} {row.preview['id']}"

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **named: Any) -> Any:
        row = context.get("original")
        if row is not None and row.preview is not None:
            context |= _previewed(request, row)
        return super().render_change_form(request, context, *args, **named)

    @admin.display(description="left out")
    def left_out(self, row: Backfill) -> SafeString:
        return as_lines(row.left_out())

    def open_to_action(self, row: Backfill) -> bool:
        return row.state == Backfill.State.FAILED or bool(row.left_out())

    @admin.action(description="Run again: whoever is still behind, or the preview", permissions=["decide"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[Backfill]) -> None:
        ended = [row for row in queryset if self.open_to_action(row)]
        for share in shares.every():
            with shares.within(share):
                LeftOut.objects.filter(backfill__in=[row.pk for row in ended]).update(backfill=None)
        again = Backfill.objects.filter(pk__in=[row.pk for row in ended])
        by = acting(request).signature
        asked = again.update(state=Backfill.State.PENDING, detail="", finished_at=None, asked_by=by)
        messages.success(request, f"{asked} backfill(s) will run again.")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


def _previewed(request: HttpRequest, row: Backfill) -> dict[str, Any]:
    """What a preview has found so far, as its page says it."""
    preview: Any = row.preview
    figures = row.figures()
    return {
        "heading": f"Preview of {preview['id']}",
        "draft": draft_address(preview["kind"], preview["id"]),
        "figures": figures,
        "share": percents(figures["share"]),
        "is_running": row.state in (Backfill.State.PENDING, Backfill.State.RUNNING),
        "sample": figures["sample"] if request.user.has_perm("progress.view_player") else [],
    }
