"""Players, metrics, levels, and what has been counted for each player."""

from __future__ import annotations

from itertools import chain
from typing import Any

from django.db import models
from django.utils import timezone

from gamification.kernel.content.previews import Found
from gamification.kernel.core.vocabulary import BackfillMode, Vocabulary
from gamification.kernel.models import ActorField, Content, content_named
from gamification.kernel.storage import shares
from progress.player_standing import STANDING_INDEXES, StandingFields
from progress.rules.samples import ReportedBy
from progress.rules.vocabulary import ConditionOp, Operator, RequirementType, TimeUnit

# -- what designers author ---------------------------------------------------------------------------------------------


class Metric(Content):
    """A named stream of samples: which events it counts, and what one is worth."""

    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    unit = models.CharField(max_length=32, blank=True, default="")
    event_type = models.CharField(max_length=64)
    value_field = models.CharField(max_length=120, blank=True, default="")
    member_field = models.CharField(max_length=120, blank=True, default="")
    reported_by = models.CharField(max_length=8, choices=ReportedBy.choices(), default=ReportedBy.SERVER.value)


class MetricCondition(models.Model):
    """One of the conditions under which an event counts for a metric; it takes all of them."""

    personal = ()

    metric = models.ForeignKey(Metric, on_delete=models.CASCADE, related_name="conditions")
    position = models.PositiveSmallIntegerField(default=0)
    field = models.CharField(max_length=120)
    op = models.CharField(max_length=8, choices=ConditionOp.choices())
    value = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.field} {self.op}"


class Level(Content):
    """Its id is the level's number as text."""

    level = models.PositiveIntegerField(unique=True)
    xp = models.BigIntegerField(help_text="Cumulative experience at which the level is reached")


class LevelReward(models.Model):
    """A reward for reaching a level."""

    personal = ()

    level = models.ForeignKey(Level, on_delete=models.CASCADE, related_name="rewards")
    position = models.PositiveSmallIntegerField(default=0)
    reward = content_named("rewards.Reward")

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return str(self.reward_id)


class RequirementFields(models.Model):
    """The columns of a requirement, wherever it stands (an achievement, a quest, a step)."""

    personal = ()

    position = models.PositiveSmallIntegerField(default=0)
    type = models.CharField(max_length=12, choices=RequirementType.choices())
    metric = content_named("progress.Metric", null=True, blank=True)
    target = models.CharField(max_length=64, blank=True, default="")
    operator = models.CharField(max_length=3, choices=Operator.choices(), blank=True, default=Operator.GTE.value)
    threshold = models.FloatField(null=True, blank=True)
    duration = models.PositiveIntegerField(null=True, blank=True)
    unit = models.CharField(max_length=8, choices=TimeUnit.choices(), blank=True, default="")

    class Meta:
        abstract = True
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.type} {self.metric_id or self.target}"


# -- what is kept of players -------------------------------------------------------------------------------------------


class Player(StandingFields):
    """A player: everything on the hot path locks this row first."""

    personal = ("player_id", "display_name", "zones", "attributes")
    shown_to_player = (
        "display_name",
        "zones",
        "attributes",
        "points",
        "xp",
        "level",
        "owed_points",
        "owed_xp",
        "achievements_completed",
        "quests_completed",
        "last_seq",
        "banned",
        "banned_at",
        "created_at",
    )

    player_id = models.CharField(max_length=64, primary_key=True)
    display_name = models.CharField(max_length=120, blank=True, default="")
    zones = models.JSONField(default=list)
    """Zone history, oldest first: `[from, name]`; `from` is an instant, "" for the first. Empty: the deployment's. Of
    whoever chose one later, the deployment's until then comes first.
    """
    attributes = models.JSONField(default=dict)
    points = models.BigIntegerField(default=0)
    xp = models.BigIntegerField(default=0)
    level = models.PositiveIntegerField(default=0)
    levels_had = models.TextField(blank=True, default="", db_default="")
    """The levels that were reached, and those that were left as experience was taken: none of them is reached again.
    They are kept as numbers and ranges, `2-57 60`.
    """
    owed_points = models.BigIntegerField(default=0)
    owed_xp = models.BigIntegerField(default=0)
    achievements_completed = models.PositiveIntegerField(default=0)
    quests_completed = models.PositiveIntegerField(default=0)
    last_seq = models.BigIntegerField(default=0)
    """The number of the newest message in the player's feed."""
    backfilled_to = models.PositiveIntegerField(default=0)
    """The publication up to which this player's past has been counted."""
    earned = models.BinaryField(default=b"")
    """Bit n: the achievement with serial n was completed and not revoked. Derived from Standing, read with the lock."""
    revoked = models.BinaryField(default=b"")
    """Bit n: the achievement with serial n was revoked whole and is never earned again."""
    had_before = models.BinaryField(default=b"", db_default=b"")
    """Bit n: the achievement with serial n was completed, or revoked, while it repeated in another way, or was revoked
    while it did not repeat: what is of that time is not earned again."""
    quests_done = models.BinaryField(default=b"")
    """Bit n: the quest with serial n was completed at least once. Derived from quests' runs, as the next two are."""
    quests_open = models.BinaryField(default=b"")
    """Bit n: the player is in the quest with serial n."""
    quests_begun = models.BinaryField(default=b"")
    """Bit n: the player has ever started the quest with serial n."""
    token_generation = models.PositiveIntegerField(default=0, db_default=0)
    """Only tokens of this generation open anything: counting it up ends all that are out there."""
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [*STANDING_INDEXES, models.Index(fields=["backfilled_to"], name="player_backfilled_to")]

    def __str__(self) -> str:
        return self.player_id


class HomeZone(models.Model):
    """The deployment's time zone from an instant on (progress.zones); the oldest row, from the beginning of time on."""

    personal = ()

    since = models.DateTimeField(null=True)
    name = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.name


class ErasedPlayer(models.Model):
    """What stays of an erased player: a keyed hash, so that later events are refused."""

    personal = ("hash",)

    hash = models.CharField(max_length=64, primary_key=True)
    erased_at = models.DateTimeField()
    erased_by = ActorField()

    def __str__(self) -> str:
        return self.hash


class Tally(models.Model):
    """All aggregates of one metric for one player in one scope.

    `scope` is "" for a player's whole life; otherwise it names a period, a span of dates or a repeating achievement's
    current run (progress.rules.scopes.Scope writes it).
    """

    personal = ("player_id", "latest_id")
    shown_to_player = (
        "metric_id",
        "scope",
        "count",
        "sum",
        "max",
        "min",
        "latest",
        "latest_at",
        "latest_id",
        "members",
        "runs",
    )

    player_id = models.CharField(max_length=64)
    metric_id = models.CharField(max_length=64)
    scope = models.CharField(max_length=160, blank=True, default="")
    count = models.BigIntegerField(default=0)
    sum = models.FloatField(default=0)
    rest = models.TextField(blank=True, default="", db_default="")
    """What the true sum is beyond `sum`, where that had to be rounded: doubles as text (core.sums)."""
    max = models.FloatField(null=True)
    min = models.FloatField(null=True)
    latest = models.FloatField(null=True)
    latest_at = models.DateTimeField(null=True)
    latest_id = models.CharField(max_length=64, blank=True, default="")
    members = models.PositiveIntegerField(default=0)
    """How many different members there are in MemberSeen."""
    runs = models.TextField(blank=True, default="")
    """STREAK: JSON `[[opens, closes, days], …]` of adjoining days with a sample, oldest first; instants as text."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "metric_id", "scope"], name="one_tally_a_scope")]
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return f"{self.metric_id} of {self.player_id} {self.scope}"


class MemberSeen(models.Model):
    """A member that DISTINCT has counted in one scope: a row each, so that a scope may have any number of them."""

    personal = ("player_id", "member")
    shown_to_player = ("metric_id", "scope", "member")

    player_id = models.CharField(max_length=64)
    metric_id = models.CharField(max_length=64)
    scope = models.CharField(max_length=160, blank=True, default="")
    member = models.CharField(max_length=90)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "metric_id", "scope", "member"], name="one_member_once")
        ]
        verbose_name_plural = "members seen"

    def __str__(self) -> str:
        return self.member


class WindowSample(models.Model):
    """A sample kept for sliding windows. Only for metrics that a requirement with a time frame names."""

    personal = ("player_id", "event_id", "member")

    player_id = models.CharField(max_length=64)
    metric_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    event_id = models.CharField(max_length=64)
    value = models.FloatField()
    member = models.CharField(max_length=90, blank=True, default="")
    arrival = models.BigIntegerField(default=0, db_default=0)
    """How many samples of the metric the player had once it had arrived: by it a run that begins anew tells what came
    since.
    """

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "metric_id", "at", "event_id"], name="one_sample_once")
        ]

    def __str__(self) -> str:
        return f"{self.metric_id} of {self.player_id} at {self.at}"


class MetricDay(models.Model):
    """A metric's health, rolled up after the commit: how many samples a day (UTC), how many events without a value."""

    personal = ()

    metric_id = models.CharField(max_length=64)
    day = models.DateField()
    samples = models.BigIntegerField(default=0)
    no_value = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric_id", "day"], name="one_row_a_metric_day")]

    def __str__(self) -> str:
        return f"{self.metric_id} {self.day}"


class Rarity(models.Model):
    """How many of the players have completed an achievement or a quest, as it was rolled up last."""

    personal = ()

    kind = models.CharField(max_length=16)
    content_id = models.CharField(max_length=64)
    players = models.PositiveBigIntegerField()
    """How many there were in all."""
    holders = models.PositiveBigIntegerField()
    in_progress = models.PositiveBigIntegerField(default=0, db_default=0)
    """Who has begun and not completed it: of an achievement, reached a quarter of it."""
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "content_id"], name="one_rarity_a_content")]
        verbose_name_plural = "rarities"

    def __str__(self) -> str:
        return f"{self.kind} {self.content_id}"


MAX_NAMED = 200
"""How many players a backfill names at once."""


class Backfill(models.Model):
    """The counting of every player's past for newly published content, or the preview of it."""

    personal = ("cursor", "found")

    class State(Vocabulary):
        PENDING = "PENDING"
        RUNNING = "RUNNING"
        DONE = "DONE"
        FAILED = "FAILED"

    publication = models.PositiveIntegerField(default=0)
    mode = models.CharField(max_length=8, default=BackfillMode.DIGEST.value)
    preview = models.JSONField(null=True)
    """Of a preview, which writes nothing for the players: `{kind, id, definition}`."""
    state = models.CharField(max_length=8, choices=State.choices(), default=State.PENDING.value)
    players_done = models.PositiveIntegerField(default=0)
    players_total = models.PositiveIntegerField(default=0)
    would_complete = models.PositiveIntegerField(default=0)
    cursor = models.CharField(max_length=64, blank=True, default="")
    """The last player that a preview has looked at: it goes on after this one. `/k`: at the beginning of share k."""
    found = models.JSONField(default=dict)
    """What a preview has found so far, as gamification.kernel.content.previews keeps it. It names ten players."""
    detail = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    asked_by = ActorField()
    """Who asked for a preview, or had a backfill run again. Of the others, the publication's versions say who."""
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"backfill of publication {self.publication}"

    def figures(self) -> dict[str, Any]:
        """What is said of a preview's players."""
        return Found(self.found).shown(is_done=self.state == self.State.DONE)

    @staticmethod
    def beginning(share: int) -> str:
        return f"/{share}" if share else ""

    def place(self) -> tuple[int, str]:
        """The share in which a preview goes on, and the player after whom; empty: from the first."""
        begins = self.cursor.startswith("/") or not self.cursor
        return (int(self.cursor[1:] or 0), "") if begins else (shares.share_of(self.cursor), self.cursor)

    def left_out(self) -> dict[str, str]:
        """Player → why their past could not be replayed: the first of those whose past is still to be counted."""
        found = LeftOut.objects.filter(backfilled_to__lt=self.publication).order_by("player_id")
        named = found.values_list("player_id", "reason")[:MAX_NAMED]
        return dict(sorted(chain.from_iterable(shares.each(lambda: list(named.all()))))[:MAX_NAMED])


class LeftOut(models.Model):
    """A player whose past could not be replayed, noted until it can be, so that the others need not wait."""

    personal = ("player_id", "reason")

    player_id = models.CharField(max_length=64, unique=True)
    backfilled_to = models.PositiveIntegerField()
    """Up to which publication their past has been counted."""
    reason = models.CharField(max_length=300)
    backfill = models.BigIntegerField(null=True)
    """The backfill that tried last; None: the clock did, or it is to be tried again."""
    tried_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "players left out of backfills"

    def __str__(self) -> str:
        return f"{self.player_id}: {self.reason}"
