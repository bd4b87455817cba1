"""What a reward comes to, when it can still be claimed and what revoking takes back. Pure decisions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import accumulate
from typing import Any, assert_never
from uuid import UUID

from gamification.kernel.core.encoding import parse_instant
from gamification.kernel.core.shares import marked
from gamification.kernel.core.vocabulary import Vocabulary


class RewardType(Vocabulary):
    POINTS = "POINTS"
    XP = "XP"
    CURRENCY = "CURRENCY"
    ITEM = "ITEM"
    BADGE = "BADGE"
    TITLE = "TITLE"
    RANDOM = "RANDOM"

    @property
    def has_amount(self) -> bool:
        return self in (RewardType.POINTS, RewardType.XP, RewardType.CURRENCY)

    @property
    def needs(self) -> str:
        """The field of a definition that this type needs and no other may have; empty: none."""
        match self:
            case RewardType.CURRENCY:
                return "currency"
            case RewardType.ITEM:
                return "items"
            case RewardType.RANDOM:
                return "table"
            case RewardType.POINTS | RewardType.XP | RewardType.BADGE | RewardType.TITLE:
                return ""
            case _:
                assert_never(self)

    @property
    def described(self) -> str:
        """As the form offers it to designers."""
        return f"{self.value}: {_DESCRIBED[self]}"


_DESCRIBED = {
    RewardType.POINTS: "beside the achievements' own",
    RewardType.XP: "experience, which raises the level",
    RewardType.CURRENCY: "money for the wallet",
    RewardType.ITEM: "things for the inventory",
    RewardType.BADGE: "for the profile",
    RewardType.TITLE: "for the profile",
    RewardType.RANDOM: "one of several, by weight",
}


class Status(Vocabulary):
    """What has become of a distribution."""

    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class Source(Vocabulary):
    """What kind of cause a distribution has."""

    ACHIEVEMENT = "ACHIEVEMENT"
    QUEST = "QUEST"
    QUEST_STEP = "QUEST_STEP"
    LEVEL = "LEVEL"
    GRANT = "GRANT"


class Claim(Vocabulary):
    MANUAL = "MANUAL"
    AUTO = "AUTO"


class OnRevoke(Vocabulary):
    """What becomes of money that is taken back after it was spent."""

    DEBT = "DEBT"
    CLAMP = "CLAMP"
    REFUSE = "REFUSE"


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    type: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Award:
    """One version of a reward, ready to be given."""

    id: str
    type: RewardType
    value: int
    currency: str
    items: tuple[Item, ...]
    chances: tuple[tuple[str, int], ...]
    """What a RANDOM reward may draw: `(reward, weight)`."""
    is_auto: bool
    claim_within: int | None
    expires_at: datetime | None
    content: dict[str, Any]
    """What players and other services are told of it: `{type, value, currency, items}`."""


@dataclass(slots=True)
class Given:
    """A distribution as data: the columns of its row, in their order."""

    id: UUID
    player_id: str
    reward_id: str
    reward_version: int
    source: Source
    source_id: str
    occurrence: str
    line: int
    status: Status
    kind: RewardType
    drawn: str
    drawn_version: int
    reason: str
    created_at: datetime
    claimed_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    granted_by: str
    revoked_by: str
    undone: dict[str, Any] | None
    withheld: bool = False

    @property
    def waits(self) -> bool:
        """Whether it is withheld until a person has looked at how the player plays."""
        return self.withheld and self.status == Status.PENDING

    @property
    def reinstated(self) -> int:
        """How often it was given back after it had been revoked."""
        return int((self.undone or {}).get("reinstated", 0))

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Given:
        given = cls(*row)
        given.source, given.status, given.kind = Source(given.source), Status(given.status), RewardType(given.kind)
        return given

    def status_at(self, now: datetime) -> Status:
        """Its status by the clock: a pending one past its time has expired, whether it was swept or not. The time of
        one that is withheld stands still.
        """
        is_late = self.status == Status.PENDING and not self.withheld and is_over(self.expires_at, now)
        return Status.EXPIRED if is_late else self.status


@dataclass(frozen=True, slots=True)
class RewardRules:
    """What is in play, and older versions of it that were looked up since."""

    awards: dict[str, Award]
    on_revoke: dict[str, OnRevoke]
    kept: dict[tuple[str, int], Award] = field(default_factory=dict)

    def policy(self, currency: str) -> OnRevoke:
        """What becomes of money that is revoked after it was spent: debt, where nobody said otherwise."""
        return self.on_revoke.get(currency, OnRevoke.DEBT)


def compile_rewards(definitions: Mapping[str, Mapping[str, Mapping[str, Any]]], units: object) -> RewardRules:
    """Rewards are read when they are granted, not counted for players: they make no units."""
    return RewardRules(
        awards={id_: award(definition) for id_, definition in definitions.get("reward", {}).items()},
        on_revoke={
            id_: OnRevoke(item.get("on_revoke") or OnRevoke.DEBT)
            for id_, item in definitions.get("currency", {}).items()
        },
    )


def award(definition: Mapping[str, Any]) -> Award:
    items, value, currency = definition.get("items") or [], definition.get("value") or 0, definition.get("currency")
    expires_at = definition.get("expires_at")
    return Award(
        id=definition["id"],
        type=RewardType(definition["type"]),
        value=value,
        currency=currency or "",
        items=tuple(Item(item["id"], item.get("type") or "", item.get("quantity", 1)) for item in items),
        chances=tuple((chance["reward"], chance["weight"]) for chance in definition.get("table") or []),
        is_auto=definition.get("claim") == Claim.AUTO,
        claim_within=definition.get("claim_within"),
        expires_at=parse_instant(expires_at) if expires_at else None,
        content={"type": definition["type"], "value": value, "currency": currency or None, "items": items},
    )


# -- granting ----------------------------------------------------------------------------------------------------------


def distribution_id(player_id: str, source: str, source_id: str, occurrence: str, line: int) -> UUID:
    """The same for the same cause, whoever works it out and whenever: a replay grants nothing new. Its last byte names
    the player's share."""
    text = f"{player_id}\0{source}\0{source_id}\0{occurrence}\0{line}".encode()
    return marked(blake2b(text, digest_size=16).digest(), player_id)


def transfer_id(cause: UUID, purpose: str) -> UUID:
    """The id of the one transfer of that purpose that a distribution can cause: the table refuses a second."""
    return UUID(bytes=blake2b(cause.bytes + purpose.encode(), digest_size=16).digest())


def draw(id_: UUID, chances: Sequence[tuple[str, int]]) -> str | None:
    """The reward that a distribution draws: a pure function of its id. None: there is no chance of anything."""
    sums = list(accumulate(weight for _, weight in chances))
    if not sums or not sums[-1]:
        return None
    # 128 bits against sums far below 2^64: what the remainder favours is nothing that anyone could measure.
    dice = int.from_bytes(blake2b(id_.bytes, digest_size=16, person=b"draw").digest(), "big") % sums[-1]
    return chances[bisect_right(sums, dice)][0]


def paid(rules: RewardRules, reward_id: str, id_: UUID) -> tuple[str, int]:
    """The currency and the amount that a distribution of this reward comes to once it is claimed."""
    award = rules.awards.get(reward_id)
    if award is not None and award.type == RewardType.RANDOM:
        award = rules.awards.get(draw(id_, award.chances) or "")
    return (award.currency, award.value) if award is not None and award.type == RewardType.CURRENCY else ("", 0)


def expiry(award: Award, created_at: datetime) -> datetime | None:
    """The instant from which it can no longer be claimed: the sooner of its own time and the reward's."""
    if award.claim_within is None:
        return award.expires_at
    own = created_at + timedelta(seconds=award.claim_within)
    return own if award.expires_at is None else min(own, award.expires_at)


def is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


# -- taking back -------------------------------------------------------------------------------------------------------


def take(have: int, amount: int) -> tuple[int, int]:
    """`(taken, owed)` where `amount` is to be taken from `have`, which stops at 0."""
    taken = min(have, amount)
    return taken, amount - taken


def recover(balance: int, amount: int, policy: OnRevoke) -> tuple[int, int] | None:
    """`(taken, owed)` of money that is taken back from a wallet; None: its currency refuses to go without."""
    taken, owed = take(balance, amount)
    match policy:
        case OnRevoke.DEBT:
            return taken, owed
        case OnRevoke.CLAMP:
            return taken, 0
        case OnRevoke.REFUSE:
            return None if owed else (taken, 0)
        case _:
            assert_never(policy)
