"""The commands about rewards: claim, grant by hand, revoke, spend, consume, and expire by the clock.

Each change of a distribution's status is one statement that names the status it comes from. Of any number of callers
one finds the row; only that one goes on to pay. The players' locks make the others wait, they are not what guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from uuid_utils.compat import uuid7

from gamification.kernel.core.audit import Audited, Change, Subject, change
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Command, NotFound, PlayerId, Refused
from gamification.kernel.core.shares import share_of_uuid
from gamification.kernel.core.world import World
from gamification.kernel.storage import sql
from rewards import facts
from rewards.granting import claimed, grant
from rewards.ledger import COLUMNS, EarnedRewards, InsufficientBalance, Ledger
from rewards.models import Distribution
from rewards.revoking import revoke
from rewards.rules import Given, Source, Status

CLAIMABLE = {"status": Status.PENDING, "withheld": False}
"""What somebody may claim, and the clock may let expire: each change of it names these, so each happens once."""
DISTRIBUTION = "distribution"
"""What the audit log calls one."""


class RewardExpired(Refused):
    code = "reward_expired"


class RewardRevoked(Refused):
    code = "reward_revoked"


class UnderReview(Refused):
    """It waits until a person has looked at how the player plays."""

    code = "under_review"
    text = "It waits until somebody has looked at it."

    def __init__(self) -> None:
        super().__init__(self.text)


class InsufficientItems(Refused):
    code = "insufficient_items"


@dataclass(frozen=True, kw_only=True)
class ClaimReward(Command):
    """Claim one distribution. Answers the distribution; however often it is sent, it is paid once."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    distribution_id: UUID
    reason: str = ""
    """Why somebody else claims it for the player."""

    def subject(self) -> Subject:
        return Subject(DISTRIBUTION, str(self.distribution_id))

    def handle(self, world: World) -> Given:
        mine = {"id": self.distribution_id, "player_id": self.player_id}
        for given in move(mine | CLAIMABLE, {"status": Status.CLAIMED, "claimed_at": world.now}):
            if given.expires_at is not None and given.expires_at <= world.now:
                raise RewardExpired("The time to claim it has passed.")
            claimed(world, given, world[Ledger].effect(given), world.now)
            return given
        for given in found(mine):
            if given.status == Status.EXPIRED:
                raise RewardExpired("The time to claim it has passed.")
            if given.status == Status.REVOKED:
                raise RewardRevoked("It was revoked.")
            if given.waits:
                raise UnderReview
            return given
        raise NotFound("There is no such distribution.")


@dataclass(frozen=True, kw_only=True)
class ClaimAll(Command):
    """Claim all that is still pending of one cause. Answers all that is claimed of it, now or before. Refused where
    nothing is left to claim but what is withheld.
    """

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    source: str
    source_id: str

    def subject(self) -> Subject:
        return Subject(self.source.lower(), self.source_id)

    def handle(self, world: World) -> list[Given]:
        cause = {"player_id": self.player_id, "source": self.source, "source_id": self.source_id}
        pending = [given for given in found(cause) if given.status_at(world.now) == Status.PENDING]
        ids = [given.id for given in pending if not given.waits]
        if pending and not ids:
            raise UnderReview
        for given in move({"id": ids} | CLAIMABLE, {"status": Status.CLAIMED, "claimed_at": world.now}):
            claimed(world, given, world[Ledger].effect(given), world.now)
        return [given for given in found(cause) if given.status == Status.CLAIMED]


@dataclass(frozen=True, kw_only=True)
class GrantReward(Command):
    """Give a reward by hand. `grant_id` is the grant's own: the same one twice gives nothing more."""

    player_id: PlayerId
    reward_id: str
    reason: str
    grant_id: str = ""

    def subject(self) -> Subject:
        return Subject("reward", self.reward_id)

    def handle(self, world: World) -> Given:
        published = world.rules.published.get("reward", {}).get(self.reward_id)
        if published is None or published.retired:
            raise NotFound(f"There is no reward {self.reward_id!r}.")
        grant_id = self.grant_id or str(uuid7())
        for given in found({"player_id": self.player_id, "source": Source.GRANT, "source_id": grant_id}):
            return given
        by_hand = EarnedRewards(
            player_id=self.player_id,
            reward_ids=[self.reward_id],
            source=Source.GRANT,
            source_id=grant_id,
            at=world.now,
            reason=self.reason,
        )
        granted = grant(world, by_hand, line=0)
        assert granted is not None  # none is there yet, or it were found above
        world.changes.append(_changed(granted, None, {"reward_id": self.reward_id, "status": str(granted.status)}))
        return granted


@dataclass(frozen=True, kw_only=True)
class RevokeDistribution(Command):
    """Take a distribution back, and undo what claiming it did. However often it is sent, it is undone once."""

    distribution_id: UUID
    reason: str

    def subject(self) -> Subject:
        return Subject(DISTRIBUTION, str(self.distribution_id))

    def share(self, number: int) -> int:
        return share_of_uuid(self.distribution_id, number)

    def players(self) -> Sequence[PlayerId]:
        return list(Distribution.objects.filter(pk=self.distribution_id).values_list("player_id", flat=True))

    def handle(self, world: World) -> Given:
        this = {"id": self.distribution_id}
        for given in found(this):
            match given.status_at(world.now):
                case Status.REVOKED:
                    return given
                case Status.EXPIRED:
                    raise RewardExpired("It expired: there is nothing to revoke.")
                case Status.PENDING | Status.CLAIMED:
                    _revoke(world, this, self.reason)
                    return found(this)[0]
                case never:
                    assert_never(never)
        raise NotFound("There is no such distribution.")


@dataclass(frozen=True, kw_only=True)
class Spend(Command):
    """Pay out of a wallet. Answers what is left and the transfer: `{currency, balance, debt, transfer}`."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    currency: str
    amount: int
    reason: str

    def subject(self) -> Subject:
        return Subject("currency", self.currency)

    def handle(self, world: World) -> dict[str, Any]:
        ledger = world[Ledger]
        ledger.open(self.player_id)
        account = ledger.account(self.player_id, self.currency)
        if account.balance < self.amount:
            raise InsufficientBalance(f"{account.balance} {self.currency} are fewer than {self.amount}.")
        account.balance -= self.amount
        account.changed = True
        id_, wallet, cause = uuid7(), f"player:{self.player_id}", f"spend:{self.reason}"
        ledger.transfer(id_, self.player_id, wallet, "spending", self.currency, self.amount, cause)
        world.state(facts.spent(id_, self.player_id, self.currency, self.amount, self.reason, world.now))
        return {
            "currency": self.currency,
            "balance": account.balance,
            "debt": account.debt,
            "transfer": facts.transfer(id_, wallet, "spending", self.currency, self.amount, cause, world.now),
        }


@dataclass(frozen=True, kw_only=True)
class ConsumeItem(Command):
    """Use things up. Answers what is left: `{item_id, type, quantity}`."""

    audited = Audited.FOR_STAFF
    player_id: PlayerId
    item_id: str
    quantity: int
    reason: str

    def subject(self) -> Subject:
        return Subject("item", self.item_id)

    def handle(self, world: World) -> dict[str, Any]:
        ledger = world[Ledger]
        ledger.open(self.player_id)
        stack = ledger.stack(self.player_id, self.item_id)
        if stack.quantity < self.quantity:
            raise InsufficientItems(f"{stack.quantity} of {self.item_id} are fewer than {self.quantity}.")
        stack.quantity -= self.quantity
        stack.changed = True
        return {"item_id": self.item_id, "type": stack.type, "quantity": stack.quantity}


@dataclass(frozen=True, kw_only=True)
class ExpireRewards(Command):
    """Let the clock take what nobody claimed in time. `due`: `(distribution, player)`, as rewards.queries.due finds it.

    Sent twice, or by two at once, it states each as expired once.
    """

    audited = Audited.NEVER
    due: Sequence[tuple[UUID, PlayerId]]

    def players(self) -> Sequence[PlayerId]:
        return [player_id for _, player_id in self.due]

    def handle(self, world: World) -> int:
        expired = move({"id": [id_ for id_, _ in self.due]} | CLAIMABLE, {"status": Status.EXPIRED})
        for given in expired:
            world.state(facts.stated(FactType.REWARD_EXPIRED, given, world[Ledger].effect(given), world.now))
        return len(expired)


def revoke_of(
    world: World, *, player_id: PlayerId, source: str, source_id: str, occurrence: str | None, reason: str
) -> list[Given]:
    """Within another command: take back all that one cause (one occurrence of it, or all) gave, and undo it.

    What expired stays expired. Raises InsufficientBalance where a currency refuses to go without: then nothing of the
    command may stay.
    """
    cause = {"player_id": player_id, "source": source, "source_id": source_id}
    if occurrence is not None:
        cause["occurrence"] = occurrence
    ids = [given.id for given in found(cause) if given.status_at(world.now) in (Status.PENDING, Status.CLAIMED)]
    return _revoke(world, {"id": ids}, reason)


def revoke_since(world: World, *, player_id: PlayerId, since: datetime, reason: str) -> list[Given]:
    """Within another command: take back whatever the player was given from `since` on, for whatever cause."""
    given_since = found({"player_id": player_id, "created_at__gte": since})
    ids = [given.id for given in given_since if given.status_at(world.now) in (Status.PENDING, Status.CLAIMED)]
    return _revoke(world, {"id": ids}, reason)


def revoke_all(world: World, ids: Sequence[UUID], reason: str) -> list[Given]:
    """The same of these distributions, where they are not revoked or expired by now."""
    return _revoke(world, {"id": list(ids)}, reason)


def found(where: dict[str, Any]) -> list[Given]:
    """Distributions as they are now, oldest cause first."""
    rows = Distribution.objects.filter(**where).order_by("created_at", "occurrence", "line").values_list(*COLUMNS)
    return [Given.from_row(row) for row in rows]


def _revoke(world: World, where: dict[str, Any], reason: str) -> list[Given]:
    changes = {"status": Status.REVOKED, "revoked_at": world.now, "revoked_by": world.actor.signature}
    revoked = move(where | {"status": [Status.PENDING, Status.CLAIMED]}, changes)
    for given in revoked:
        revoke(world, given, reason)
        was = Status.PENDING if given.claimed_at is None else Status.CLAIMED
        world.changes.append(_changed(given, {"status": str(was)}, {"status": str(Status.REVOKED)}))
    return revoked


def _changed(given: Given, before: dict[str, Any] | None, after: dict[str, Any]) -> Change:
    return change(DISTRIBUTION, str(given.id), before, after, player_id=given.player_id)


def move(where: dict[str, Any], changes: dict[str, Any]) -> list[Given]:
    """Change those distributions that are as `where` says, and only those. In the order of their causes."""
    moved = [Given.from_row(row) for row in sql.change(Distribution, changes, where=where, returning=COLUMNS)]
    return sorted(moved, key=lambda given: (given.player_id, given.created_at, given.occurrence, given.line))
