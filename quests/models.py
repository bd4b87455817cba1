"""Quests and pools as designers edit them, and the runs of players."""

from __future__ import annotations

from django.db import models

from gamification.kernel.models import Content, content_named
from progress.models import RequirementFields
from progress.periods import PeriodKind
from progress.rules.scopes import Repeat
from quests.rules import POOL_PERIODS, CompletedBy
from quests.running import Status


class Quest(Content):
    class Type(models.TextChoices):
        MAIN = "MAIN"
        SIDE = "SIDE"
        DAILY = "DAILY"
        WEEKLY = "WEEKLY"
        EVENT = "EVENT"
        TUTORIAL = "TUTORIAL"

    class Difficulty(models.TextChoices):
        EASY = "EASY"
        NORMAL = "NORMAL"
        HARD = "HARD"
        EXPERT = "EXPERT"
        LEGENDARY = "LEGENDARY"

    serial = models.PositiveIntegerField(unique=True, editable=False)
    """Its bit in a player's quest columns; given once, at creation."""
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    type = models.CharField(max_length=8, choices=Type.choices, default=Type.SIDE)
    difficulty = models.CharField(max_length=9, choices=Difficulty.choices, default=Difficulty.NORMAL)
    time_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds from the start of a run")
    start_date = models.DateTimeField(null=True, blank=True)
    end_date = models.DateTimeField(null=True, blank=True)
    repeat = models.CharField(max_length=8, choices=Repeat.choices(), default=Repeat.NEVER.value)
    cooldown = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds from the end of a run to the next start"
    )
    auto_start = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    min_seconds = models.PositiveIntegerField(null=True, blank=True)
    """The least that an honest player needs to complete it, in seconds of play."""
    metadata = models.JSONField(default=dict, blank=True)
    examples = models.JSONField(default=list, blank=True)
    """Events, and what they must come to; run whenever something is published that it depends on."""


class Step(models.Model):
    personal = ()

    quest = models.ForeignKey(Quest, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=0)
    step_id = models.CharField("id", max_length=64)
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    order = models.PositiveSmallIntegerField(default=1, help_text="Steps of one order run in parallel")
    match = models.JSONField(default=str, blank=True, help_text='"ALL" (empty), "ANY" or {"at_least": 2}')
    is_optional = models.BooleanField(default=False)
    branch = models.CharField(max_length=64, blank=True, default="")
    completed_by = models.CharField(max_length=6, choices=CompletedBy.choices(), default=CompletedBy.SERVER.value)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.step_id


class QuestRequirement(RequirementFields):
    """One requirement: to start the quest, to complete one of its steps, or one that fails it."""

    class Role(models.TextChoices):
        START = "START", "to start the quest"
        STEP = "STEP", "to complete a step"
        FAIL = "FAIL", "fails the quest"

    quest = models.ForeignKey(Quest, on_delete=models.CASCADE, related_name="requirements")
    role = models.CharField("for", max_length=5, choices=Role.choices, default=Role.STEP)
    step = models.CharField(max_length=64, blank=True, default="", help_text="The step's id")


class QuestReward(models.Model):
    personal = ()

    quest = models.ForeignKey(Quest, on_delete=models.CASCADE, related_name="rewards")
    position = models.PositiveSmallIntegerField(default=0)
    step = models.CharField(max_length=64, blank=True, default="", help_text="A step's id; empty: of the whole quest")
    reward = content_named("rewards.Reward")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return str(self.reward_id)


class Pool(Content):
    """Quests of which each player is offered some, and other ones in the next day or week."""

    pick = models.PositiveSmallIntegerField(default=1)
    period = models.CharField(
        max_length=6, choices=[(kind.value, kind.label) for kind in POOL_PERIODS], default=PeriodKind.DAILY.value
    )


class PoolQuest(models.Model):
    personal = ()

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="quests")
    position = models.PositiveSmallIntegerField(default=0)
    quest = content_named(Quest)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return str(self.quest_id)


# -- what is kept of players -------------------------------------------------------------------------------------------


class Run(models.Model):
    """One player's way through one quest, from its start to its end. It stays on the version it started with."""

    personal = ("player_id", "state")
    shown_to_player = (
        "quest_id",
        "run",
        "version",
        "status",
        "period",
        "started_at",
        "deadline",
        "completed_at",
        "ended_at",
        "state",
    )

    player_id = models.CharField(max_length=64)
    quest_id = models.CharField(max_length=64)
    run = models.PositiveIntegerField()
    """The runs of one player and quest are numbered from 1 on."""
    is_newest = models.BooleanField(default=True)
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=11, choices=Status.choices(), default=Status.IN_PROGRESS.value)
    period = models.DateTimeField(null=True)
    """When the player's period opened in which it was started, of a quest that repeats by periods."""
    started_at = models.DateTimeField()
    deadline = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    """When it ended, however it did. A cooldown counts from then."""
    state = models.JSONField(default=dict)
    """What its steps have come to (quests.storing writes it)."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "quest_id", "run"], name="one_run_a_number"),
            models.UniqueConstraint(
                fields=["player_id", "quest_id"], condition=models.Q(is_newest=True), name="one_newest_run"
            ),
        ]
        indexes = [
            models.Index(
                fields=["deadline"],
                condition=models.Q(status="IN_PROGRESS", deadline__isnull=False),
                name="run_open_deadline",
            ),
            models.Index(fields=["quest_id", "version"], condition=models.Q(status="IN_PROGRESS"), name="run_open"),
        ]
        verbose_name_plural = "players' quests"

    def __str__(self) -> str:
        return f"{self.quest_id} of {self.player_id}, run {self.run}"
