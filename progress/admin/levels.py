"""Levels as designers write them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import ShapedForm
from progress.admin import level_table
from progress.content import LEVEL
from progress.content_serializers import LevelShape
from progress.models import (
    Level,
    LevelReward,
)


class LevelForm(ShapedForm):
    shape = LevelShape

    class Meta:
        model = Level
        fields = ("level", "xp", "tags")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "xp": "All the experience it takes from the very beginning; more than the level below.",
        }


class LevelRewardInline(LineInline):
    model = LevelReward
    autocomplete_fields = ("reward",)
    fields = ("reward", "position")
    verbose_name = "reward"
    verbose_name_plural = "rewards for reaching it"


@admin.register(Level)
class LevelAdmin(ContentAdmin):
    kind = LEVEL
    form = LevelForm
    inlines = (LevelRewardInline,)
    list_display = ("level", "xp", "rewards_for_it", "state", "tagged", "changed_last")
    list_per_page = 200
    ordering = ("level",)
    search_fields = ("id",)
    own_fieldsets = ((None, {"fields": ("level", "xp")}),)

    change_list_template = "admin/progress/level_list.html"

    def get_urls(self) -> list[Any]:
        return [
            path("table/", self.admin_site.admin_view(self.table), name="progress_level_table"),
            *super().get_urls(),
        ]

    def table(self, request: HttpRequest) -> HttpResponse:
        """All of them at once."""
        return level_table.table(request, self)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Level]:
        return super().get_queryset(request).prefetch_related("rewards")

    @admin.display(description="rewards")
    def rewards_for_it(self, draft: Level) -> str:
        return ", ".join(str(line.reward_id) for line in draft.rewards.all()) or "-"

    def prepare(self, draft: Any) -> None:
        draft.pk = str(draft.level)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return [name for name in super().get_readonly_fields(request, obj) if name != "id"]
