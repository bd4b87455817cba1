"""The granting stage: what was earned becomes distributions; claimed ones become points, money and things."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.world import World
from rewards import facts, rules
from rewards.ledger import EarnedRewards, Ledger
from rewards.rules import Award, Given, RewardType, Status


def grant(world: World, earned: EarnedRewards, line: int) -> Given | None:
    """Give a player one of the rewards of one cause; None where that was done before.

    One that claims itself applies at once, unless the player's rewards are withheld: then it waits. A distribution is
    made now, whenever its cause happened: the time to claim it begins now.
    """
    ledger, reward_id = world[Ledger], earned.reward_ids[line]
    id_ = rules.distribution_id(earned.player_id, earned.source, earned.source_id, earned.occurrence, line)
    if id_ in ledger.granted or id_ in ledger.given:
        return None
    version, award = ledger.newest(reward_id)
    effect, drawn, drawn_version = award, "", 0
    if award.type == RewardType.RANDOM and (luck := rules.draw(id_, award.chances)):
        drawn = luck
        drawn_version, effect = ledger.newest(drawn)
    given = Given(
        id=id_,
        player_id=earned.player_id,
        reward_id=reward_id,
        reward_version=version,
        source=earned.source,
        source_id=earned.source_id,
        occurrence=earned.occurrence,
        line=line,
        status=Status.PENDING,
        kind=effect.type,
        drawn=drawn,
        drawn_version=drawn_version,
        reason=earned.reason,
        created_at=world.now,
        claimed_at=None,
        expires_at=rules.expiry(award, world.now),
        revoked_at=None,
        granted_by=world.actor.signature,
        revoked_by="",
        undone=None,
        withheld=earned.player_id in world.withheld,
    )
    ledger.granted[id_] = given
    world.state(facts.stated(FactType.REWARD_GRANTED, given, effect, earned.at))
    if award.is_auto and not given.withheld and not rules.is_over(award.expires_at, earned.at):
        given.status, given.claimed_at = Status.CLAIMED, world.now
        claimed(world, given, effect, earned.at)
    return given


def claimed(world: World, given: Given, effect: Award, at: datetime) -> None:
    """State that a distribution was claimed, and do what that does. Whoever calls has made sure that it is once."""
    world.state(facts.stated(FactType.REWARD_CLAIMED, given, effect, at))
    data = facts.claimed_event(given, effect)
    world.state_event(FactType.REWARD_CLAIMED, given.player_id, str(given.id), "0", data, at)
    apply(world, given, effect, at)


def apply(world: World, given: Given, effect: Award, at: datetime) -> None:
    """Give the player what a distribution comes to."""
    ledger, player_id = world[Ledger], given.player_id
    match effect.type:
        case RewardType.POINTS:
            ledger.add_points(player_id, effect.value)
        case RewardType.XP:
            ledger.add_xp(player_id, effect.value, at)
        case RewardType.CURRENCY:
            ledger.pay(player_id, effect.currency, effect.value, given.id)
        case RewardType.ITEM:
            for item in effect.items:
                stack = ledger.stack(player_id, item.id)
                stack.type = item.type or stack.type
                stack.quantity, stack.changed = stack.quantity + item.quantity, True
        case RewardType.BADGE | RewardType.TITLE:
            pass  # a profile shows the claimed distributions of that kind
        case RewardType.RANDOM:
            pass  # it drew nothing
        case _:
            assert_never(effect.type)
