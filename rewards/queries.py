"""What can be asked about rewards: who was given what, what it came to, what is due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, Q, QuerySet

from gamification.kernel.content import publishing
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import sql
from rewards import facts
from rewards.ledger import COLUMNS
from rewards.models import Distribution, InventoryItem, Transfer, Wallet
from rewards.rules import Given, RewardRules, Status


def distributions(now: datetime, *, state: str | None = None, **columns: str | None) -> QuerySet[Distribution]:
    """Distributions by columns (None: any) and by the status they have at `now`, swept or not."""
    found = Distribution.objects.filter(**{name: value for name, value in columns.items() if value is not None})
    over = Q(status=Status.PENDING, withheld=False, expires_at__lte=now)
    if state == Status.EXPIRED:
        return found.filter(Q(status=Status.EXPIRED) | over)
    if state == Status.PENDING:
        return found.filter(Q(status=Status.PENDING) & (Q(expires_at=None) | Q(expires_at__gt=now) | Q(withheld=True)))
    return found.filter(status=state) if state else found


def shown(row: Distribution, now: datetime) -> dict[str, Any]:
    return facts.distribution(Given.from_row([getattr(row, column) for column in COLUMNS]), now)


def wallet(player_id: PlayerId) -> list[dict[str, Any]]:
    shown = ("currency", "balance", "debt")
    rows = sql.select_where(Wallet, shown, {"player_id": player_id}, order_by=("currency",))
    return [dict(zip(shown, row, strict=True)) for row in rows]


def transfers(player_id: PlayerId) -> QuerySet[Transfer]:
    return Transfer.objects.filter(player_id=player_id)


def shown_transfer(row: Transfer) -> dict[str, Any]:
    return facts.transfer(
        row.pk, row.debit_account, row.credit_account, row.currency, row.amount, row.cause, row.created_at
    )


def inventory(player_id: PlayerId) -> list[dict[str, Any]]:
    """What a player has; what was used up is not shown."""
    held = InventoryItem.objects.filter(player_id=player_id, quantity__gt=0).order_by("item_id")
    return [dict(row) for row in held.values("item_id", "type", "quantity")]


def due(now: datetime, limit: int) -> list[tuple[UUID, PlayerId]]:
    """What nobody claimed in time and nobody swept yet, longest over first: `(distribution, player)`."""
    over = Distribution.objects.filter(status=Status.PENDING, withheld=False, expires_at__lte=now)
    over = over.order_by("expires_at")
    return list(over.values_list("id", "player_id")[:limit])


def next_expiry(player_id: PlayerId, now: datetime) -> datetime | None:
    """When the next of what a player may still claim is over, if anything is to be."""
    mine = Distribution.objects.filter(player_id=player_id, status=Status.PENDING, withheld=False, expires_at__gt=now)
    found: datetime | None = mine.aggregate(next=Min("expires_at"))["next"]
    return found


def amounts_withheld(player_id: PlayerId) -> list[int]:
    """What each thing comes to that waits for a person to look: points, money or pieces, and 1 where it is none."""
    waiting = Distribution.objects.filter(player_id=player_id, status=Status.PENDING, withheld=True)
    awards = publishing.current()[RewardRules].awards
    found = [awards.get(drawn or id_) for id_, drawn in waiting.values_list("reward_id", "drawn")]
    return [(each.value or sum(item.quantity for item in each.items) or 1) if each else 1 for each in found]


def given_for(player_id: PlayerId, source: str, source_ids: Iterable[str]) -> dict[str, list[Given]]:
    """What a player was given for some causes of one kind: `source_id` → distributions, oldest first."""
    rows = Distribution.objects.filter(player_id=player_id, source=source, source_id__in=list(source_ids))
    found: dict[str, list[Given]] = {}
    for row in rows.order_by("created_at", "occurrence", "line").values_list(*COLUMNS):
        given = Given.from_row(row)
        found.setdefault(given.source_id, []).append(given)
    return found
