"""What the service has been doing: lately by the hour and the day, and for good by the day and the subject."""

from __future__ import annotations

from django.db import models


class Hour(models.Model):
    """What happened in one hour, by the events' own time."""

    personal = ()

    at = models.DateTimeField(primary_key=True)
    """When it began."""
    events = models.PositiveBigIntegerField(default=0)
    completions = models.PositiveBigIntegerField(default=0)
    """Of achievements and quests."""
    paid = models.JSONField(default=dict)
    """Currency → how much of it was claimed."""

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"


class ActiveDay(models.Model):
    """How many players were active on a day of the deployment's time zone."""

    personal = ()

    day = models.DateField(primary_key=True)
    sketch = models.BinaryField(default=b"")
    """What tells players apart (sketches.py): it holds no player."""
    by_hour = models.JSONField(default=dict)
    """Hour of the day → how many had been active by its end."""

    def __str__(self) -> str:
        return f"{self.day}"


class RollUp(models.Model):
    """One figure: how much of something there was on a day. What each measure means stands in docs/analytics.md."""

    personal = ()

    kind = models.CharField(max_length=16)
    """What it is about: `game`, `event`, `currency`, `level`, `funnel`, `retention`, or a kind of content."""
    subject = models.CharField(max_length=64, blank=True, default="")
    """Which of that kind: an id of content, a type of events; of a cohort, how many days after its first."""
    day = models.DateField()
    measure = models.CharField(max_length=160)
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject", "measure", "day"], name="one_figure_a_day")]

    def __str__(self) -> str:
        return f"{self.measure} of {self.kind} {self.subject} on {self.day}"


class Activity(models.Model):
    """When one player played, in a narrow row of its own (activity.py says how it is kept)."""

    personal = ("player_id",)
    shown_to_player = ("first_day", "last_day", "microseconds_played", "sessions", "began_at", "newest_at")

    player_id = models.CharField(max_length=64, primary_key=True)
    is_counted = models.BooleanField(default=True)
    """Whether the player is in the figures: `counts_publicly`, as the follower has heard of it."""
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    first_map = models.BinaryField(default=b"")
    """Bit k: active on the k-th day from the first on; 64 of them."""
    last_map = models.BinaryField(default=b"")
    """Bit k: active k days before the last one; 64 of them."""
    late = models.PositiveIntegerField(default=0)
    """Events of days that are in neither map."""
    microseconds_played = models.BigIntegerField(default=0)
    sessions = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField(null=True)
    """The timestamp of the player's first event, by arrival."""
    newest_at = models.DateTimeField(null=True)
    latest_sessions = models.JSONField(default=list)
    """The newest of them, each `[begins, ends, played before]` in microseconds."""
    begun = models.BinaryField(default=b"")
    """Bit n: an event has counted towards the achievement with serial n."""
    completed = models.BinaryField(default=b"", db_default=b"")
    """Kind and id of content → the number of the first day on which the player completed or claimed it (msgpack)."""

    class Meta:
        verbose_name_plural = "activities"
        indexes = [
            models.Index(fields=["player_id"], condition=models.Q(is_counted=False), name="not_in_the_figures"),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} since {self.first_day}"


class HeldEvent(models.Model):
    """An event that was held when the follower came by it: released later, it is counted then."""

    personal = ("player_id", "event_id")
    shown_to_player = ()

    player_id = models.CharField(max_length=64)
    event = models.BigIntegerField()
    """The kept event's row."""
    event_id = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "event_id"], name="one_held_event")]

    def __str__(self) -> str:
        return f"event {self.event} of {self.player_id}"


class CountedRun(models.Model):
    """What an open run of a quest is counted as so far; once it has ended, its own row says all."""

    personal = ("player_id",)
    shown_to_player = ()

    player_id = models.CharField(max_length=64)
    quest_id = models.CharField(max_length=64)
    run = models.PositiveIntegerField()
    measures = models.JSONField(default=list)
    """`[kind, subject, day, measure]` of each figure that it is in."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player_id", "quest_id", "run"], name="one_counted_run")]

    def __str__(self) -> str:
        return f"run {self.run} of {self.quest_id} by {self.player_id}"
