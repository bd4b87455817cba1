"""Rewards to give away, and the short ways to give, read and add them up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum

from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import OutboxFact
from progress.models import Player
from rewards.commands import GrantReward
from rewards.models import Distribution, InventoryItem, Transfer, Wallet
from rewards.rules import Given
from tests.support.content import reward

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def manual(id_: str, type_: str = "CURRENCY", value: int = 5, **fields: Any) -> Change:
    return reward(id_, type_, value, claim="MANUAL", **fields)


def items(*stacks: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"id": id_, "type": "tool", "quantity": quantity, "metadata": {}} for id_, quantity in stacks]


def give(reward_id: str, player_id: str = "ann", now: datetime = NOON) -> Given:
    found: Given = bus.handle(
        GrantReward(player_id=player_id, reward_id=reward_id, reason="a gift"), actor=SYSTEM, now=now
    )
    return found


def statuses() -> list[str]:
    return list(Distribution.objects.order_by("created_at", "line").values_list("status", flat=True))


def facts(*types: str) -> list[str]:
    """The types of what was stated about rewards, in order."""
    stated = OutboxFact.objects.filter(type__startswith="reward.").order_by("id")
    return [type_ for type_ in stated.values_list("type", flat=True) if not types or type_ in types]


def wallets() -> dict[tuple[str, str], tuple[int, int]]:
    """(player, currency) → (balance, debt)."""
    return {(w.player_id, w.currency): (w.balance, w.debt) for w in Wallet.objects.all()}


def inventory(player_id: str = "ann") -> dict[str, tuple[int, int]]:
    """item → (quantity, owed)."""
    return {i.item_id: (i.quantity, i.owed) for i in InventoryItem.objects.filter(player_id=player_id)}


def movements() -> list[tuple[str, str, int]]:
    """(from, to, amount) of all transfers, by currency and time."""
    rows = Transfer.objects.order_by("created_at", "cause", "debit_account")
    return list(rows.values_list("debit_account", "credit_account", "amount"))


def statistics(player_id: str = "ann") -> tuple[int, int, int, int]:
    """(points, xp, owed points, owed xp)."""
    player = Player.objects.get(pk=player_id)
    return (player.points, player.xp, player.owed_points, player.owed_xp)


def account(name: str, currency_: str) -> int:
    """What an account has received minus what it has given."""
    of = Transfer.objects.filter(currency=currency_)
    credits = of.filter(credit_account=name).aggregate(sum=Sum("amount"))["sum"] or 0
    debits = of.filter(debit_account=name).aggregate(sum=Sum("amount"))["sum"] or 0
    return int(credits - debits)


def assert_the_books_balance() -> None:
    """What always holds of money: see the contract."""
    for wallet in Wallet.objects.all():
        assert wallet.balance == account(f"player:{wallet.player_id}", wallet.currency)
        assert wallet.balance >= 0
        assert wallet.debt >= 0
        assert not (wallet.balance and wallet.debt), "a debt is repaid before anything is kept"
    for currency_ in set(Transfer.objects.values_list("currency", flat=True)):
        of = Transfer.objects.filter(currency=currency_)
        names = set(of.values_list("debit_account", flat=True)) | set(of.values_list("credit_account", flat=True))
        assert sum(account(name, currency_) for name in names) == 0
        owed = Wallet.objects.filter(currency=currency_).aggregate(sum=Sum("debt"))["sum"] or 0
        assert account("debt", currency_) == -owed
