"""What this app may state: rewards granted, claimed, expired and revoked, and money spent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, PlayerId, own_id
from rewards.rules import Award, Given


def distribution(given: Given, now: datetime) -> dict[str, Any]:
    """A distribution as everyone is shown it, at `now`."""
    return {
        "id": str(given.id),
        "player_id": given.player_id,
        "reward_id": given.reward_id,
        "source": given.source,
        "source_id": given.source_id,
        "occurrence": given.occurrence,
        "line": given.line,
        "status": given.status_at(now),
        "created_at": instant(given.created_at),
        "claimed_at": given.claimed_at and instant(given.claimed_at),
        "expires_at": given.expires_at and instant(given.expires_at),
        "revoked_at": given.revoked_at and instant(given.revoked_at),
        "drawn": given.drawn or None,
        "withheld": given.waits,
    }


def transfer(
    id_: UUID, debit_account: str, credit_account: str, currency: str, amount: int, cause: str, created_at: datetime
) -> dict[str, Any]:
    """A transfer as everyone is shown it."""
    return {
        "id": str(id_),
        "debit_account": debit_account,
        "credit_account": credit_account,
        "currency": currency,
        "amount": amount,
        "cause": cause,
        "created_at": instant(created_at),
    }


def stated(type_: FactType, given: Given, effect: Award, at: datetime) -> Fact:
    """The fact that `given` was granted, claimed, … at `at`. `effect`: what it comes to, for a RANDOM one what it drew.

    Each is true of a distribution once, so its id makes the fact's; once more after each time that it was given back.
    """
    data = distribution(given, at) | effect.content
    return Fact(
        own_id(type_, given.player_id, data["id"], str(given.reinstated)),
        given.player_id,
        type_,
        data,
        at,
        message=data,
    )


def claimed_event(given: Given, effect: Award) -> dict[str, Any]:
    """The data of the event that metrics may count: the reward that was granted, and what it came to."""
    return {"id": given.reward_id, "type": effect.type, "value": effect.value, "currency": effect.currency or None}


def spent(transfer_id: UUID, player_id: PlayerId, currency: str, amount: int, reason: str, at: datetime) -> Fact:
    """CurrencySpent. It has no message: whoever spends for the player knows, and tells them."""
    data: dict[str, Any] = {"id": str(transfer_id), "currency": currency, "amount": amount, "reason": reason}
    id_ = own_id(FactType.CURRENCY_SPENT, player_id, data["id"], "0")
    return Fact(id_, player_id, FactType.CURRENCY_SPENT, data, at)
