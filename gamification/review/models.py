"""Cases about how somebody plays, and who said what about them. They are in no share: reviewers see one queue."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from gamification.kernel.models import ActorField
from gamification.review.rules import State, Verdict
from progress.player_standing import PlayerStanding


class Case(models.Model):
    """What gave reason to look at how a player plays, and what became of it."""

    personal = ("player_id", "reasons", "evidence", "revoked", "appeal")
    shown_to_player = ("opened_at", "due_at", "state", "decided_at", "appeal", "appealed_at", "closed_at")

    player_id = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices(), default=State.OPEN.value)
    reasons = models.JSONField(default=list)
    """`[{rule, kind, family, value, limit, n, from, to, day, log10_tail, action, source}, …]`, oldest first."""
    evidence = models.JSONField(default=dict)
    """What was known when it was opened, and with each finding that joined it; at most 64 KB (review.evidence)."""
    log10_tail = models.FloatField()
    stake = models.FloatField()
    weight = models.FloatField()
    """Its place in the queue: -log10(tail) * stake, the greatest first."""
    wants_withholding = models.BooleanField(default=False)
    """Whether what was found is enough to withhold the player's rewards."""
    withheld_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    standing = models.CharField(max_length=8, choices=PlayerStanding.choices(), blank=True, default="")
    """What a verdict of CONFIRMED made of the player's standing."""
    since = models.DateTimeField(null=True)
    """From when on all that was earned was revoked; None: only what was withheld."""
    revoked = models.JSONField(default=dict)
    """What the verdict revoked: `{distributions: [id], achievements: [{id, occurrence, taken, owed, had_before}]}`, and
    `given_back` once it was overturned."""
    appeal = models.TextField(blank=True, default="")
    appealed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    """When nothing was left to be decided; a verdict of CONFIRMED may still be appealed."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id"], condition=Q(state="OPEN"), name="one_open_case_a_player")
        ]
        indexes = [
            models.Index(fields=["state", "-weight", "id"], name="the_queue"),
            models.Index(fields=["-weight", "id"], name="cases_by_weight"),
            models.Index(fields=["player_id", "id"], name="cases_of_a_player"),
            # What the console shows: what waits, the soonest due and the heaviest first, and what is decided.
            models.Index(fields=["due_at"], condition=Q(state__in=("OPEN", "APPEALED")), name="cases_that_wait"),
            models.Index(
                fields=["-weight", "-id"], condition=Q(state__in=("OPEN", "APPEALED")), name="cases_to_decide"
            ),
            models.Index(
                fields=["-decided_at", "-id"],
                condition=~Q(state__in=("OPEN", "APPEALED")),
                name="cases_that_are_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


class Vote(models.Model):
    """What one reviewer said of a case, or of the appeal against its verdict."""

    personal = ("note",)

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="votes")
    is_of_appeal = models.BooleanField(default=False)
    who = ActorField()
    verdict = models.CharField(max_length=10, choices=Verdict.choices())
    standing = models.CharField(max_length=8, blank=True, default="")
    since = models.DateTimeField(null=True)
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["case", "is_of_appeal", "who"], name="one_vote_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.who}"


class WithheldDay(models.Model):
    """How many players' rewards began to be withheld on a day (UTC): no more than MAX_WITHHELD_A_DAY."""

    personal = ()

    day = models.DateField(primary_key=True)
    players = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.players} on {self.day}"
