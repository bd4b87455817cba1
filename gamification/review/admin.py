"""The tables of reviewing, as rows: people work with them on pages of their own (gamification.console.review)."""

from __future__ import annotations

from django.contrib import admin

from gamification.kernel.console.readonly_admin import ReadOnlyAdmin
from gamification.review.models import Case, Vote, WithheldDay


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "player_id", "state", "stake", "weight", "opened_at", "due_at")
    list_filter = ("state",)
    search_fields = ("=player_id",)
    ordering = ("-id",)


@admin.register(Vote)
class VoteAdmin(ReadOnlyAdmin):
    list_display = ("case", "who", "verdict", "at", "is_of_appeal")
    list_filter = ("verdict",)
    ordering = ("-id",)


@admin.register(WithheldDay)
class WithheldDayAdmin(ReadOnlyAdmin):
    list_display = ("day", "players")
    ordering = ("-day",)
