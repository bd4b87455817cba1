"""Achievements as designers edit them, and how far each player has come."""

from __future__ import annotations

from django.db import models

from achievements import rules
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.models import ActorField, Content, content_named
from progress.models import RequirementFields
from progress.rules.scopes import Repeat


class Achievement(Content):
    class Type(models.TextChoices):
        MILESTONE = "MILESTONE"
        COLLECTION = "COLLECTION"
        PROGRESSION = "PROGRESSION"
        DISCOVERY = "DISCOVERY"
        SKILL = "SKILL"
        SOCIAL = "SOCIAL"
        CHALLENGE = "CHALLENGE"
        SECRET = rules.SECRET

    class Category(models.TextChoices):
        COMBAT = "COMBAT"
        EXPLORATION = "EXPLORATION"
        COLLECTION = "COLLECTION"
        SOCIAL = "SOCIAL"
        PROGRESSION = "PROGRESSION"
        COMPETITION = "COMPETITION"
        STORY = "STORY"
        EVENT = "EVENT"
        GENERAL = "GENERAL"

    serial = models.PositiveIntegerField(unique=True, editable=False)
    """Its bit in a player's `earned` and `revoked`; given once, at creation."""
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=12, choices=Type.choices, default=Type.MILESTONE)
    category = models.CharField(max_length=12, choices=Category.choices, default=Category.GENERAL)
    points = models.PositiveIntegerField(default=0)
    match = models.JSONField(default=str, blank=True, help_text='"ALL" (empty), "ANY" or {"at_least": 2}')
    repeat = models.CharField(max_length=8, choices=Repeat.choices(), default=Repeat.NEVER.value)
    series = models.CharField(max_length=64, blank=True, default="")
    tier = models.PositiveSmallIntegerField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    icon = models.CharField(max_length=500, blank=True, default="")
    min_seconds = models.PositiveIntegerField(null=True, blank=True)
    """The least that an honest player needs to complete it, in seconds of play."""
    metadata = models.JSONField(default=dict, blank=True)
    examples = models.JSONField(default=list, blank=True)
    """Events, and what they must come to; run whenever something is published that it depends on."""
    backfill = models.CharField(max_length=8, choices=BackfillMode.choices(), default=BackfillMode.DIGEST.value)


class AchievementRequirement(RequirementFields):
    achievement = models.ForeignKey(Achievement, on_delete=models.CASCADE, related_name="requirements")


class AchievementReward(models.Model):
    personal = ()

    achievement = models.ForeignKey(Achievement, on_delete=models.CASCADE, related_name="rewards")
    position = models.PositiveSmallIntegerField(default=0)
    reward = content_named("rewards.Reward")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return str(self.reward_id)


class AchievementPrerequisite(models.Model):
    personal = ()

    achievement = models.ForeignKey(Achievement, on_delete=models.CASCADE, related_name="prerequisites")
    position = models.PositiveSmallIntegerField(default=0)
    requires = content_named(Achievement)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return str(self.requires_id)


class Standing(models.Model):
    """How one player stands with one achievement in one occurrence ("0", a period's opening, or a run's number).

    There is no row while everything can be read off the tallies: only once something was reached that could be lost
    again, a window's best is known, or it was completed.
    """

    personal = ("player_id", "memory", "event_id", "revoke_reason")
    shown_to_player = (
        "achievement_id",
        "occurrence",
        "completed_at",
        "event_id",
        "version",
        "points",
        "final",
        "revoked_at",
        "revoke_reason",
    )

    player_id = models.CharField(max_length=64)
    achievement_id = models.CharField(max_length=64)
    occurrence = models.CharField(max_length=40, default="0")
    memory = models.JSONField(default=dict)
    """Requirement digest → whether it was reached; `<digest>:best` → the best value of any window so far; of an ALWAYS
    achievement's open run also `runs`, how many were completed, and which samples belong to it (`after`, `samples:…`).
    """
    completed_at = models.DateTimeField(null=True)
    event_id = models.CharField(max_length=64, blank=True, default="")
    """The event that completed it."""
    version = models.PositiveIntegerField(default=0)
    """The published version under which it was completed, or, until then, was written last (0: not known)."""
    points = models.PositiveIntegerField(default=0)
    """The achievement's own points at completion."""
    final = models.JSONField(null=True)
    """`{metrics, requirements}` as they were at completion."""
    revoked_at = models.DateTimeField(null=True)
    revoked_by = ActorField()
    revoke_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "achievement_id", "occurrence"], name="one_standing")
        ]
        verbose_name_plural = "players' achievements"

    def __str__(self) -> str:
        return f"{self.achievement_id} of {self.player_id}"


class ProgressMark(models.Model):
    """A reading of progress: the first time a quarter, a half or three quarters were reached."""

    personal = ("player_id", "metrics")
    shown_to_player = ("achievement_id", "occurrence", "quarter", "at", "progress", "metrics")

    player_id = models.CharField(max_length=64)
    achievement_id = models.CharField(max_length=64)
    occurrence = models.CharField(max_length=40, default="0")
    quarter = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    progress = models.FloatField()
    metrics = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["player_id", "achievement_id", "occurrence", "quarter"], name="one_mark_a_quarter"
            )
        ]

    def __str__(self) -> str:
        return f"{self.quarter}/4 of {self.achievement_id} by {self.player_id}"
