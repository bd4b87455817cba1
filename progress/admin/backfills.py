"""Backfills: how far each has come, and running one again."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting, as_lines, may_decide
from gamification.kernel.storage import shares
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

    also = ("left_out",)

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
