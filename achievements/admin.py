"""Achievements as designers write them; how players stand with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from achievements.commands import RevokeAchievement
from achievements.content import ACHIEVEMENT, give_serial, read_achievement
from achievements.content_serializers import AchievementShape
from achievements.models import (
    Achievement,
    AchievementPrerequisite,
    AchievementRequirement,
    AchievementReward,
    ProgressMark,
    Standing,
)
from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import ShapedForm
from gamification.kernel.console.lists import Reach
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, ReasonedActionForm, handled, may_decide
from progress.admin.rarity import previewed, reach, shared
from progress.admin.requirements import MatchField, RequirementForm, RequirementInline

A_DULL_ID = "The id of a SECRET achievement is shown to everybody: choose one that gives nothing away."


class AchievementForm(ShapedForm):
    shape = AchievementShape
    match = MatchField(required=False, label="It takes", help_text="How many of the requirements above.")

    class Meta:
        model = Achievement
        fields = (
            "id", "title", "description", "type", "category", "points", "match", "repeat", "series", "tier",
            "is_enabled", "starts_at", "ends_at", "icon", "min_seconds", "metadata", "examples", "backfill", "tags",
        )  # fmt: skip
        help_texts = {  # noqa: RUF012 - declared so by Django
            "id": f"Chosen once, never changed: first-blood. {A_DULL_ID}",
            "description": "What players read about it.",
            "type": "Secret: a player who has not unlocked it sees its id, type and points only.",
            "points": "What the achievement itself is worth, beside its rewards.",
            "repeat": "Daily, weekly, monthly: counted anew each period, in the player's own time zone. Always: anew "
            "as soon as it was completed.",
            "series": "Achievements of one series belong together: hunter",
            "tier": "Its place in the series: 1, 2, 3",
            "is_enabled": "Off: nobody completes it, but counting goes on.",
            "starts_at": "Only what happens from then on counts (UTC).",
            "ends_at": "Only what happened before then counts (UTC).",
            "icon": "A name that the game understands, or an address that begins with https: or /.",
            "min_seconds": "How many seconds an honest player needs at least. Faster ones are looked at.",
            "examples": "Events, and what they must come to: publishing this, or what it depends on, runs them.",
            "metadata": 'Anything the game wants to keep with it, in JSON: {"rarity": "epic"}',
            "backfill": "Who already did what it asks gets it when it is published. Notify: a message for each "
            "achievement. Digest: one message for all of them. Silent: none.",
        }
        labels = {"backfill": "Players who have earned it already", "is_enabled": "Enabled"}  # noqa: RUF012


class AchievementRequirementForm(RequirementForm):
    class Meta(RequirementForm.Meta):
        model = AchievementRequirement


class AchievementRequirementInline(RequirementInline):
    model = AchievementRequirement
    form = AchievementRequirementForm
    says_together = True
    verbose_name = "requirement"
    verbose_name_plural = "requirements"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0


class AchievementRewardInline(LineInline):
    model = AchievementReward
    autocomplete_fields = ("reward",)
    fields = ("reward", "position")
    verbose_name = "reward"
    verbose_name_plural = "rewards"


class PrerequisiteInline(LineInline):
    model = AchievementPrerequisite
    fk_name = "achievement"
    autocomplete_fields = ("requires",)
    fields = ("requires", "position")
    verbose_name = "prerequisite"
    verbose_name_plural = "prerequisites: achievements to be completed before"


@admin.register(Achievement)
class AchievementAdmin(ContentAdmin):
    kind = ACHIEVEMENT
    form = AchievementForm
    inlines = (AchievementRequirementInline, AchievementRewardInline, PrerequisiteInline)
    switch = "is_enabled"
    list_display = ("title_and_id", "state", "completed_by", "in_progress", "points", "tagged", "changed_last")
    list_filter = (*ContentAdmin.list_filter, "type", "category", "is_enabled", "repeat")
    search_fields = ("id", "title", "description", "series")
    own_fieldsets = (
        (None, {"fields": ("id", "title", "description", "icon")}),
        ("What it is", {"fields": ("type", "category", "points", "series", "tier")}),
        ("How many of them", {"fields": ("match",)}),
        ("When it is completed", {"fields": ("repeat", "is_enabled", "starts_at", "ends_at", "min_seconds")}),
        ("When it is published", {"fields": ("backfill",)}),
        ("For the game", {"fields": ("metadata",)}),
        ("Examples", {"fields": ("examples",)}),
    )
    parts = (
        ("What it says", ("None", "What it is")),
        ("What it asks", ("How many of them", "requirements", "prerequisites")),
        ("What it gives", ("rewards",)),
        ("When", ("When it is completed", "When it is published")),
        ("For the game", ("For the game", "To find it by")),
    )

    def prepare(self, draft: Any) -> None:
        give_serial(draft)

    def reach(self, ids: Iterable[str]) -> Mapping[str, Reach]:
        return reach(ACHIEVEMENT.name, ids)

    def facts(self, draft: Achievement) -> list[tuple[str, str]]:
        found = previewed(ACHIEVEMENT.name, draft, read_achievement(draft))
        return [*found, *shared(ACHIEVEMENT.name, draft)]

    def warn(self, request: HttpRequest, draft: Any) -> None:
        if draft.type == Achievement.Type.SECRET and draft.published is None:
            messages.warning(request, A_DULL_ID)


# -- players -----------------------------------------------------------------------------------------------------------


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    list_display = ("achievement_id", "player_id", "occurrence", "completed_at", "revoked_at")
    search_fields = ("=player_id", "=achievement_id")
    ordering = ("-id",)
    action_form = ReasonedActionForm
    actions = ("revoke_selected",)

    def open_to_action(self, row: Standing) -> bool:
        return row.completed_at is not None and row.revoked_at is None

    @admin.action(description="Revoke: take it back, with its points and rewards", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Standing]) -> None:
        reason = request.POST.get("reason", "")[:4000]
        for row in queryset.order_by("player_id", "achievement_id", "occurrence"):
            command = RevokeAchievement(
                player_id=row.player_id, achievement_id=row.achievement_id, occurrence=row.occurrence, reason=reason
            )
            if handled(request, command, str(row)):
                messages.success(request, f"Revoked {row}.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return may_decide(self, request)


@admin.register(ProgressMark)
class MarkAdmin(ReadOnlyAdmin):
    list_display = ("achievement_id", "player_id", "occurrence", "quarter", "at", "progress")
    search_fields = ("=player_id", "=achievement_id")
    ordering = ("-id",)
