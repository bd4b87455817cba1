"""Rewards over HTTP: what requests may say, and what answers look like."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.kernel.web.strict_fields import MAX_INT32, Integer, Shape, Text
from rewards.rules import Source, Status

REASON = 200
"""Characters of a reason; a transfer's cause has room for it and what it was the reason of."""


# -- requests ----------------------------------------------------------------------------------------------------------


class ClaimWish(Shape):
    player_id = Text(required=False, help_text="A game server says for whom it claims, here or in the query.")


class DistributeWish(Shape):
    player_id = Text()
    reason = Text(max_length=4000, allow_blank=True, default="")


class RevokeWish(Shape):
    reason = Text(max_length=4000, allow_blank=True, default="")


class SpendWish(Shape):
    amount = Integer(min_value=1)
    reason = Text(max_length=REASON, allow_blank=True, default="")


class ConsumeWish(Shape):
    quantity = Integer(min_value=1, max_value=MAX_INT32)
    reason = Text(max_length=REASON, allow_blank=True, default="")


# -- answers -----------------------------------------------------------------------------------------------------------


class DistributionShape(serializers.Serializer[Any]):
    """One reward given to one player for one cause."""

    id = serializers.UUIDField()
    player_id = serializers.CharField()
    reward_id = serializers.CharField()
    source = serializers.ChoiceField(choices=Source.choices())  # type: ignore[assignment] # Field has one too
    source_id = serializers.CharField()
    occurrence = serializers.CharField()
    line = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Status.choices())
    created_at = serializers.DateTimeField()
    claimed_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    drawn = serializers.CharField(allow_null=True, help_text="The reward that a RANDOM one drew.")
    withheld = serializers.BooleanField(
        help_text="It waits until somebody has looked at how the player plays: claiming it answers `under_review`."
    )


class TransferShape(serializers.Serializer[Any]):
    """One movement of currency: out of the debit account, into the credit account."""

    id = serializers.UUIDField()
    debit_account = serializers.CharField()
    credit_account = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.IntegerField(min_value=1)
    cause = serializers.CharField()
    created_at = serializers.DateTimeField()


class WalletShape(serializers.Serializer[Any]):
    currency = serializers.CharField()
    balance = serializers.IntegerField(min_value=0)
    debt = serializers.IntegerField(min_value=0)


class SpentShape(WalletShape):
    transfer = TransferShape()


class StackShape(serializers.Serializer[Any]):
    item_id = serializers.CharField()
    type = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField(min_value=0)
