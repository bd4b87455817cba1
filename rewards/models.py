"""Rewards as designers edit them, what was given to whom, and the money of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from gamification.kernel.models import ActorField, Content, content_named
from rewards.rules import Claim, OnRevoke, RewardType, Source, Status

# -- what designers author ---------------------------------------------------------------------------------------------


class Currency(Content):
    name = models.CharField(max_length=120)
    on_revoke = models.CharField(max_length=6, choices=OnRevoke.choices(), default=OnRevoke.DEBT.value)

    class Meta(Content.Meta):
        verbose_name_plural = "currencies"


class Reward(Content):
    type = models.CharField(max_length=8, choices=RewardType.choices())
    value = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=64, blank=True, default="")
    claim = models.CharField(max_length=6, choices=Claim.choices(), default=Claim.MANUAL.value)
    claim_within = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds a player has to claim it")
    expires_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)


class RewardItem(models.Model):
    personal = ()

    reward = models.ForeignKey(Reward, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField(default=0)
    item_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64, blank=True, default="")
    quantity = models.PositiveIntegerField(default=1)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id}"


class RewardChance(models.Model):
    """One line of a RANDOM reward's table."""

    personal = ()

    table = models.ForeignKey(Reward, on_delete=models.CASCADE, related_name="table")
    position = models.PositiveSmallIntegerField(default=0)
    reward = content_named(Reward)
    weight = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.reward_id} ({self.weight})"


# -- what was given ----------------------------------------------------------------------------------------------------


class Distribution(models.Model):
    """One reward given to one player for one cause. Its id is a pure function of that."""

    personal = ("id", "player_id", "source_id", "reason", "undone")
    shown_to_player = (
        "id",
        "reward_id",
        "reward_version",
        "source",
        "source_id",
        "occurrence",
        "line",
        "status",
        "kind",
        "drawn",
        "reason",
        "created_at",
        "claimed_at",
        "expires_at",
        "revoked_at",
        "undone",
        "withheld",
    )

    id = models.UUIDField(primary_key=True)
    player_id = models.CharField(max_length=64)
    reward_id = models.CharField(max_length=64)
    reward_version = models.PositiveIntegerField()
    """The published version it was granted under: later edits do not change what was given."""
    source = models.CharField(max_length=11, choices=Source.choices())
    source_id = models.CharField(max_length=140)
    occurrence = models.CharField(max_length=40, default="0")
    line = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(max_length=7, choices=Status.choices(), default=Status.PENDING.value)
    kind = models.CharField(max_length=8, choices=RewardType.choices())
    """What it comes to: the reward's type, or the type of what a RANDOM one drew."""
    drawn = models.CharField(max_length=64, blank=True, default="")
    drawn_version = models.PositiveIntegerField(default=0)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    granted_by = ActorField()
    revoked_by = ActorField()
    undone = models.JSONField(null=True)
    """What revoking took back, what is owed, and why: `{taken, owed, reason}`, and `reinstated`: how often it was given
    back since it was revoked.
    """
    withheld = models.BooleanField(default=False, db_default=False)
    """Whether it was made while the player's rewards were withheld, and they still are or it was revoked then."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["player_id", "source", "source_id", "occurrence", "line"], name="granted_once"
            )
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="PENDING"), name="pending_expiry"),
            # What lists are filtered by, newest first; those of one player go by `granted_once`.
            models.Index(fields=["created_at", "id"], name="given"),
            models.Index(fields=["status", "created_at", "id"], name="given_by_state"),
            models.Index(fields=["reward_id", "created_at", "id"], name="given_by_reward"),
            models.Index(fields=["source", "created_at", "id"], name="given_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.reward_id} to {self.player_id}"


class Wallet(models.Model):
    """A player's balance of one currency: always its credits minus its debits, never below 0."""

    personal = ("player_id",)
    shown_to_player = ("currency", "balance", "debt")

    player_id = models.CharField(max_length=64)
    currency = models.CharField(max_length=64)
    balance = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "currency"], name="one_wallet_a_currency"),
            models.CheckConstraint(condition=Q(balance__gte=0) & Q(debt__gte=0), name="never_below_zero"),
        ]
        indexes = [models.Index(fields=["player_id"], condition=Q(debt__gt=0), name="indebted")]

    def __str__(self) -> str:
        return f"{self.balance} {self.currency} of {self.player_id}"


class Transfer(models.Model):
    """One movement of currency, both sides in one row. Never changed, never deleted.

    Accounts: `player:<id>` (a wallet), `issuance`, `spending`, `debt` (of the row's currency).
    """

    personal = ("id", "player_id", "debit_account", "credit_account", "cause")
    shown_to_player = ("id", "debit_account", "credit_account", "currency", "amount", "cause", "created_at")

    id = models.UUIDField(primary_key=True)
    player_id = models.CharField(max_length=80)
    """Whose it is; a random pseudonym once the player is erased."""
    debit_account = models.CharField(max_length=80)
    credit_account = models.CharField(max_length=80)
    currency = models.CharField(max_length=64)
    amount = models.BigIntegerField()
    cause = models.CharField(max_length=255)
    made_by = ActorField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="a_transfer_moves_something"),
            models.CheckConstraint(condition=~Q(debit_account=F("credit_account")), name="two_sides"),
        ]
        indexes = [models.Index(fields=["player_id", "currency"], name="transfers_of_a_wallet")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}: {self.debit_account} to {self.credit_account}"


class InventoryItem(models.Model):
    personal = ("player_id",)
    shown_to_player = ("item_id", "type", "quantity", "owed", "updated_at")

    player_id = models.CharField(max_length=64)
    item_id = models.CharField(max_length=64)
    type = models.CharField(max_length=64, blank=True, default="")
    quantity = models.BigIntegerField(default=0)
    owed = models.BigIntegerField(default=0)
    """Revoked after it was consumed: noted, never taken from later ones."""
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player_id", "item_id"], name="one_stack_an_item"),
            models.CheckConstraint(condition=Q(quantity__gte=0) & Q(owed__gte=0), name="no_negative_stack"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.item_id} of {self.player_id}"
