"""The shapes of rewards and currencies."""

from __future__ import annotations

from typing import Any

from gamification.kernel.web.strict_fields import (
    MAX_INT32,
    Choice,
    ContentShape,
    Id,
    Instant,
    Integer,
    JsonObject,
    OptionalId,
    Shape,
    Text,
    rows,
)
from rewards.rules import Claim, OnRevoke, RewardType

DEAREST = 10**12
"""What one reward is worth at most: nine million of them fit a balance."""


class ItemShape(Shape):
    id = Id()
    type = Text(max_length=64, allow_blank=True, default="")
    quantity = Integer(min_value=1, max_value=MAX_INT32, default=1)
    metadata = JsonObject(default=dict)


class ChanceShape(Shape):
    reward = Id()
    weight = Integer(min_value=0, max_value=MAX_INT32, default=1)


class RewardShape(ContentShape):
    id = Id()
    type = Choice(choices=RewardType.choices())
    value = Integer(min_value=0, max_value=DEAREST, default=0)
    currency = OptionalId()
    items = rows(ItemShape, most=100, allow_null=True)
    table = rows(ChanceShape, most=1000, allow_null=True)
    claim = Choice(choices=Claim.choices(), default=Claim.MANUAL.value)
    claim_within = Integer(min_value=1, max_value=MAX_INT32, allow_null=True, default=None)
    expires_at = Instant(allow_null=True, default=None)
    metadata = JsonObject(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {**attrs, "items": attrs["items"] or [], "table": attrs["table"] or []}


class CurrencyShape(ContentShape):
    id = Id()
    name = Text(max_length=120, required=False)
    on_revoke = Choice(choices=OnRevoke.choices(), default=OnRevoke.DEBT.value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"id": attrs["id"], "name": attrs.get("name", attrs["id"]), **attrs}
