"""Which transfer the facts about money are of: what they moved is read off it.

A distribution may be revoked, given back and revoked again. Each fact of it has a transfer of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import PlayerId, own_id
from rewards.models import Transfer
from rewards.rules import transfer_id

MOST = 1_000
"""Times that one distribution is given back at most."""


class FactRow(NamedTuple):
    pk: int
    player_id: PlayerId
    fact_id: str
    type: str
    data: dict[str, Any]
    timestamp: datetime


def moves(facts: Iterable[FactRow]) -> dict[int, UUID]:
    """The fact's row → the transfer that it is of, for those that may have moved money of what was there before."""
    found, reinstated = {}, []
    for fact in facts:
        match fact.type:
            case FactType.CURRENCY_SPENT:
                found[fact.pk] = UUID(fact.data["id"])
            case FactType.REWARD_CLAIMED if fact.data.get("currency"):
                found[fact.pk] = transfer_id(UUID(fact.data["id"]), "repay")
            case FactType.REWARD_REVOKED if fact.data.get("currency") and fact.data.get("claimed_at"):
                found[fact.pk] = transfer_id(UUID(fact.data["id"]), f"revoke{_times_given_back(fact) or ''}")
            case FactType.REWARD_REINSTATED if fact.data.get("currency"):
                reinstated.append(fact)
            case _:
                pass
    return found | _returns(reinstated)


def _times_given_back(fact: FactRow) -> int:
    """How often a distribution had been given back when this was stated of it: the fact's id says so. One that says
    nothing of the kind must not have the follower look for ever."""
    type_, player_id, id_ = fact.type, fact.player_id, fact.data["id"]
    said = (times for times in range(MOST) if own_id(type_, player_id, id_, str(times)) == fact.fact_id)
    return next(said, 0)


def _returns(facts: list[FactRow]) -> dict[int, UUID]:
    """The transfers by which distributions were given back. They name the case that did, which the facts do not."""
    if not facts:
        return {}
    made = Transfer.objects.filter(player_id__in={fact.player_id for fact in facts}, cause__startswith="case:")
    cases = {cause.partition(":")[2] for cause in made.values_list("cause", flat=True)}
    at = dict(made.values_list("pk", "created_at"))
    return {
        fact.pk: id_
        for fact in facts
        for case in cases
        if at.get(id_ := transfer_id(UUID(fact.data["id"]), f"return:{case}")) == fact.timestamp
    }
