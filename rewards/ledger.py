"""The ledger of one transaction: distributions, transfers, and what they make of players' wallets and inventories.

Everything happens in memory under the players' locks and is written once, each table in a fixed number of statements.
Every transfer is written with the change it makes to a wallet, so a balance is always its credits minus its debits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from gamification.kernel.core.messages import GameEvent, PlayerId, Refused
from gamification.kernel.core.world import Part, World
from gamification.kernel.storage import sql
from gamification.kernel.storage.columns import unique_key
from rewards import rules
from rewards.models import Distribution, InventoryItem, Transfer, Wallet
from rewards.rules import Award, Given, RewardRules, Source

COLUMNS = [field.name for field in fields(Given)]
_row = attrgetter(*COLUMNS)

MAX_BALANCE = 2**63 - 1
"""What a column of points or experience can hold."""

log = logging.getLogger(__name__)


class InsufficientBalance(Refused):
    code = "insufficient_balance"


class PlayerBalances(Protocol):
    """A player's points and experience. Another app keeps the rows; the pipeline hands them to the ledger."""

    points: int
    xp: int
    owed_points: int
    owed_xp: int
    dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnedRewards:
    """The rewards of one cause: of something completed, of a level, or of a grant by hand."""

    player_id: PlayerId
    reward_ids: Sequence[str]
    source: Source
    source_id: str
    occurrence: str = "0"
    at: datetime
    """When the cause happened."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class XpChange:
    """How rewards changed a player's experience, for whoever knows the levels."""

    player_id: PlayerId
    before: int
    after: int
    at: datetime


class Movement(NamedTuple):
    """A transfer as data: the columns of its row, in their order."""

    id: UUID
    player_id: PlayerId
    debit_account: str
    credit_account: str
    currency: str
    amount: int
    cause: str
    made_by: str
    created_at: datetime


@dataclass(slots=True)
class Account:
    """A wallet. While it is not `known`, `balance` is only what this world adds to it, and there is no debt."""

    balance: int = 0
    debt: int = 0
    known: bool = False
    changed: bool = False


@dataclass(slots=True)
class Stack:
    """Items of one kind. While it is not `known`, `quantity` is only what this world adds to it."""

    type: str = ""
    quantity: int = 0
    owed: int = 0
    known: bool = False
    changed: bool = False


_OF_THIS_WORLD = ("known", "changed")
"""What the rows of wallets and stacks do not say."""
_HELD = [each.name for each in fields(Account) if each.name not in _OF_THIS_WORLD]
_STACKED = [each.name for each in fields(Stack) if each.name not in _OF_THIS_WORLD]
WALLET = [*unique_key(Wallet), *_HELD]
STACK = [*unique_key(InventoryItem), *_STACKED, "updated_at"]

_held = attrgetter(*_HELD)
_stacked = attrgetter(*_STACKED)


class Ledger(Part):
    """The rewards' share of a world: new and changed distributions, transfers, and what they make of the holdings."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.granted: dict[UUID, Given] = {}
        """Distributions made in this world."""
        self.given: Collection[UUID] = ()
        """Distributions that are there though nothing else says so: they are not made again."""
        self.undone: dict[UUID, Given] = {}
        """Distributions of before that were revoked in this world."""
        self.accounts: dict[tuple[PlayerId, str], Account] = {}
        self.stacks: dict[tuple[PlayerId, str], Stack] = {}
        self.balances: Mapping[PlayerId, PlayerBalances] = {}
        """The points and experience of this world's players."""
        self.earned: list[EarnedRewards] = []
        """What a command has earned: the pipeline grants it."""
        self._xp_changes: list[XpChange] = []
        self._transfers: list[Movement] = []
        self._newest: dict[str, tuple[int, Award]] = {}
        self._opened: set[PlayerId] = set()
        self._is_loaded = False

    # -- reading -------------------------------------------------------------------------------------------------------

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        """Read debts only: what is paid in adds to a balance that need not be known, but repays a debt first."""
        if self._is_loaded:
            return super().ask(events)
        self._is_loaded = True
        indebted = sql.ask_in(Wallet, WALLET, {"player_id": self.world.player_ids}, above_zero="debt")

        def take_in() -> None:
            for player_id, currency, balance, debt in indebted():
                self.accounts[player_id, currency] = Account(balance, debt, known=True)

        return take_in

    def open(self, player_id: PlayerId) -> None:
        """Read all that a player (whose row is locked) holds, for what depends on how much there is."""
        if player_id in self._opened:
            return
        self._opened.add(player_id)
        for currency, balance, debt in Wallet.objects.filter(player_id=player_id).values_list(*WALLET[1:]):
            account = self.accounts.setdefault((player_id, currency), Account())
            if not account.known:
                account.balance, account.debt = account.balance + balance, debt
        stacks = InventoryItem.objects.filter(player_id=player_id)
        for item_id, type_, quantity, owed in stacks.values_list("item_id", "type", "quantity", "owed"):
            stack = self.stacks.setdefault((player_id, item_id), Stack(type_))
            stack.quantity, stack.owed = stack.quantity + quantity, stack.owed + owed
        for holdings in (self.accounts, self.stacks):
            for (holder, _), holding in holdings.items():
                holding.known = holding.known or holder == player_id

    def account(self, player_id: PlayerId, currency: str) -> Account:
        """The wallet of a player; `known` when the player was opened."""
        found = self.accounts.get((player_id, currency))
        if found is None:
            found = self.accounts[player_id, currency] = Account(known=player_id in self._opened)
        return found

    def stack(self, player_id: PlayerId, item_id: str, type_: str = "") -> Stack:
        found = self.stacks.get((player_id, item_id))
        if found is None:
            found = self.stacks[player_id, item_id] = Stack(type_, known=player_id in self._opened)
        return found

    def newest(self, reward_id: str) -> tuple[int, Award]:
        """The newest version of a reward, by number; retired ones are still given to whom they were promised."""
        found = self._newest.get(reward_id)
        if found is None:
            published = self.world.rules.published["reward"][reward_id]
            known = self.world.rules[RewardRules].awards.get(reward_id)
            found = self._newest[reward_id] = published.version, known or rules.award(published.definition)
        return found

    def effect(self, given: Given) -> Award:
        """What a distribution comes to: its reward, or what it drew, as it was when granted."""
        return self._kept(given.drawn, given.drawn_version) if given.drawn else self.reward(given)

    def reward(self, given: Given) -> Award:
        """The reward that was given, as it was then; of a RANDOM one not what it drew."""
        return self._kept(given.reward_id, given.reward_version)

    def _kept(self, id_: str, version: int) -> Award:
        key = (id_, version)
        kept: dict[tuple[str, int], Award] = self.world.rules[RewardRules].kept
        if key not in kept:
            kept[key] = rules.award(self.world.rules.definition("reward", *key))
        return kept[key]

    def found_given(self) -> frozenset[UUID]:
        """Which of the distributions of this world, that was not written, are there already, or were paid."""
        paying = {rules.transfer_id(id_, "claim"): id_ for id_ in self.granted}
        paid = Transfer.objects.filter(pk__in=paying).values_list("pk", flat=True)
        there = Distribution.objects.filter(pk__in=self.granted).values_list("pk", flat=True)
        found = frozenset(there) | {paying[id_] for id_ in paid}
        if found:
            log.error(
                "%d distributions were given before, and nothing else says so: %s", len(found), sorted(found)[:10]
            )
        return found

    # -- points and experience -----------------------------------------------------------------------------------------

    def add_points(self, player_id: PlayerId, amount: int) -> None:
        player = self.balances[player_id]
        player.points, player.dirty = min(player.points + amount, MAX_BALANCE), True

    def take_points(self, player_id: PlayerId, amount: int) -> int:
        """Take points back, down to 0, and note the rest as owed. Says how much is owed."""
        player = self.balances[player_id]
        taken, owed = rules.take(player.points, amount)
        player.points, player.owed_points = player.points - taken, min(player.owed_points + owed, MAX_BALANCE)
        player.dirty = True
        return owed

    def add_xp(self, player_id: PlayerId, amount: int, at: datetime) -> None:
        player = self.balances[player_id]
        before, player.xp, player.dirty = player.xp, min(player.xp + amount, MAX_BALANCE), True
        self._xp_changes.append(XpChange(player_id, before, player.xp, at))

    def take_xp(self, player_id: PlayerId, amount: int) -> int:
        """Take experience back, down to 0, and note the rest as owed. Says how much is owed."""
        player = self.balances[player_id]
        before, (taken, owed) = player.xp, rules.take(player.xp, amount)
        player.xp, player.owed_xp = before - taken, min(player.owed_xp + owed, MAX_BALANCE)
        player.dirty = True
        self._xp_changes.append(XpChange(player_id, before, player.xp, self.world.now))
        return owed

    def return_points(self, player_id: PlayerId, taken: int, owed: int) -> None:
        """Undo `take_points`, which had taken and noted as owed this much."""
        self.add_points(player_id, taken)
        player = self.balances[player_id]
        player.owed_points -= min(owed, player.owed_points)

    def return_xp(self, player_id: PlayerId, taken: int, owed: int) -> None:
        """Undo `take_xp` likewise. A level that it reaches again is not reached anew: it is remembered."""
        self.add_xp(player_id, taken, self.world.now)
        player = self.balances[player_id]
        player.owed_xp -= min(owed, player.owed_xp)

    def next_xp_changes(self) -> list[XpChange]:
        """The changes of experience that no level has followed yet."""
        changes, self._xp_changes = self._xp_changes, []
        return changes

    # -- money ---------------------------------------------------------------------------------------------------------

    def pay(self, player_id: PlayerId, currency: str, amount: int, cause: UUID) -> None:
        """New money into a wallet; what the player owes of that currency goes on at once."""
        if not amount:
            return
        account = self.account(player_id, currency)
        repaid = min(account.debt, amount)
        account.balance += amount - repaid
        account.debt -= repaid
        account.changed = True
        wallet = f"player:{player_id}"
        self.transfer(
            rules.transfer_id(cause, "claim"), player_id, "issuance", wallet, currency, amount, f"claim:{cause}"
        )
        if repaid:
            id_ = rules.transfer_id(cause, "repay")
            self.transfer(id_, player_id, wallet, "debt", currency, repaid, f"repay:{cause}")

    def take_back(
        self, player_id: PlayerId, currency: str, amount: int, cause: UUID, *, again: int = 0
    ) -> tuple[int, int]:
        """Undo `pay`: `(taken, owed)`. Raises InsufficientBalance where the currency does not go without.

        `again`: how often it was undone, and given back, before.
        """
        times = str(again) if again else ""
        self.open(player_id)
        account = self.account(player_id, currency)
        recovered = rules.recover(account.balance, amount, self.world.rules[RewardRules].policy(currency))
        if recovered is None:
            raise InsufficientBalance(f"{account.balance} {currency} are left of the {amount} to be taken back.")
        taken, owed = recovered
        account.balance -= taken
        account.debt += owed
        account.changed = True
        if taken:
            id_ = rules.transfer_id(cause, f"revoke{times}")
            self.transfer(id_, player_id, f"player:{player_id}", "issuance", currency, taken, f"revoke:{cause}")
        if owed:
            id_ = rules.transfer_id(cause, f"owe{times}")
            self.transfer(id_, player_id, "debt", "issuance", currency, owed, f"owe:{cause}")
        return recovered

    def return_to(self, player_id: PlayerId, currency: str, taken: int, owed: int, cause: UUID, case: int) -> None:
        """Undo `take_back`, which had taken and noted as owed this much, by transfers that name the case. What was owed
        is owed no more; what of it later income has repaid by now goes to the wallet.
        """
        self.open(player_id)
        account = self.account(player_id, currency)
        cancelled = min(account.debt, owed)
        returned = taken + owed - cancelled
        account.debt -= cancelled
        account.balance += returned
        account.changed = True
        for name, credit, amount in (("return", f"player:{player_id}", returned), ("cancel", "debt", cancelled)):
            if amount:
                id_ = rules.transfer_id(cause, f"{name}:{case}")
                self.transfer(id_, player_id, "issuance", credit, currency, amount, f"case:{case}")

    def transfer(
        self, id_: UUID, player_id: PlayerId, debit: str, credit: str, currency: str, amount: int, cause: str
    ) -> None:
        """Put a movement on record. Whoever calls changes the wallet."""
        by, now = self.world.actor.signature, self.world.now
        self._transfers.append(Movement(id_, player_id, debit, credit, currency, amount, cause, by, now))

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        sql.insert(Distribution, COLUMNS, [_row(given) for given in self.granted.values()])
        sql.update(Distribution, ["id"], ["undone"], [(given.id, given.undone) for given in self.undone.values()])
        sql.insert(Transfer, Movement._fields, self._transfers)
        self._write_accounts()
        self._write_stacks()

    def _write_accounts(self) -> None:
        known: list[tuple[Any, ...]] = []
        added: list[tuple[Any, ...]] = []
        for key, account in sorted(self.accounts.items()):
            if account.changed:
                (known if account.known else added).append((*key, *_held(account)))
        one = unique_key(Wallet)
        sql.upsert(Wallet, WALLET, known, conflict=one, set_=["balance", "debt"])
        sql.upsert(Wallet, WALLET, added, conflict=one, add=["balance"])

    def _write_stacks(self) -> None:
        known: list[tuple[Any, ...]] = []
        added: list[tuple[Any, ...]] = []
        untyped: list[tuple[Any, ...]] = []
        for key, stack in sorted(self.stacks.items()):
            if stack.changed:
                row = (*key, *_stacked(stack), self.world.now)
                (known if stack.known else added if stack.type else untyped).append(row)
        one = unique_key(InventoryItem)
        sql.upsert(InventoryItem, STACK, known, conflict=one, set_=["type", "quantity", "owed", "updated_at"])
        sql.upsert(InventoryItem, STACK, added, conflict=one, set_=["type", "updated_at"], add=["quantity"])
        sql.upsert(InventoryItem, STACK, untyped, conflict=one, set_=["updated_at"], add=["quantity"])
