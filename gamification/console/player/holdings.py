"""What a player has and was given: rewards, the ledger with its running balance, items, counters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, When

from gamification.console.player import words
from gamification.kernel.core.actors import said_to_people
from gamification.kernel.core.messages import PlayerId
from progress.models import Tally
from rewards.models import Distribution, InventoryItem, Transfer, Wallet
from rewards.rules import Source, Status

PAGE = 100
COUNTERS = 200
BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Given:
    """A distribution, as a row of the page."""

    id: str
    what: str
    cause: str
    state: str
    tone: str
    at: datetime
    more: str
    can_claim: bool
    can_revoke: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer, with what was in the wallet after it."""

    at: datetime
    currency: str
    amount: int
    """Above 0: it came in. 0: between accounts of which neither is the wallet."""
    moved: int
    balance: int
    cause: str
    by: str
    key: str


TONES = {Status.PENDING: "look", Status.REVOKED: "bad", Status.CLAIMED: "good"}


def given(player_id: PlayerId, now: datetime, *, state: str, page: int) -> tuple[list[Given], bool]:
    """What the player was given, newest first."""
    rows = Distribution.objects.filter(player_id=player_id)
    if state:
        rows = rows.filter(status=state)
    span = list(rows.order_by("-created_at", "-id")[page * PAGE : (page + 1) * PAGE + 1])
    return [_given(row, now) for row in span[:PAGE]], len(span) > PAGE


def _given(row: Distribution, now: datetime) -> Given:
    waits = row.withheld and row.status == Status.PENDING
    over = row.status == Status.PENDING and not waits and row.expires_at is not None and row.expires_at <= now
    state = Status.EXPIRED.value if over else row.status
    return Given(
        id=str(row.pk),
        what=words.called("reward", row.reward_id)
        + (f", drew {words.called('reward', row.drawn)}" if row.drawn else ""),
        cause=cause(row.source, row.source_id, row.occurrence),
        state=state,
        tone=TONES.get(Status(state), ""),
        at=row.created_at,
        more=" · ".join(_more(row)),
        can_claim=state == Status.PENDING and not waits,
        can_revoke=state in (Status.PENDING, Status.CLAIMED),
    )


def _more(row: Distribution) -> Iterator[str]:
    if row.reason:
        yield f"“{row.reason}”"
    if row.granted_by:
        yield f"by {said_to_people(row.granted_by)}"
    if row.withheld and row.status == Status.PENDING:
        yield "withheld until a case is decided"
    if row.undone and "reason" not in row.undone:
        yield "given back after it was revoked"
    elif row.undone:
        for name in ("taken", "owed"):
            if row.undone.get(name):
                yield f"{name} {words.told(row.undone[name])}"
        if row.undone.get("reason"):
            yield f"“{row.undone['reason']}”"
    if row.revoked_by:
        yield f"by {said_to_people(row.revoked_by)}"


def cause(source: str, source_id: str, occurrence: str) -> str:
    """For what it was given, in words."""
    match source:
        case Source.ACHIEVEMENT:
            said = words.called("achievement", source_id)
        case Source.QUEST:
            said = f"quest {words.called('quest', source_id)}"
        case Source.QUEST_STEP:
            quest, _, step = source_id.partition("/")
            said = f"quest {words.called('quest', quest)}, step {step}"
        case Source.LEVEL:
            said = f"level {source_id}"
        case _:
            return BY_HAND
    return said if occurrence == "0" else f"{said} ({occurrence[:16].replace('T', ' ')})"


# -- money -------------------------------------------------------------------------------------------------------------


def wallets(player_id: PlayerId) -> list[Wallet]:
    return list(Wallet.objects.filter(player_id=player_id).order_by("currency"))


def items(player_id: PlayerId) -> list[InventoryItem]:
    held = InventoryItem.objects.filter(player_id=player_id).exclude(quantity=0, owed=0)
    return list(held.order_by("item_id")[:COUNTERS])


def ledger(player_id: PlayerId, *, currency: str, page: int) -> tuple[list[Moved], bool]:
    """A page of the transfers, newest first.

    A balance is always its credits minus its debits: so the balance after a transfer is today's, less what came since.
    """
    rows = _transfers(player_id)
    if currency:
        rows = rows.filter(currency=currency)
    newest_first = rows.order_by("-created_at", "-id")
    span = list(newest_first[page * PAGE : (page + 1) * PAGE + 1])
    balances = {wallet.currency: wallet.balance for wallet in wallets(player_id)}
    if page and span:
        for name, since in _since(rows, span[0]):
            balances[name] = balances.get(name, 0) - since
    found = []
    reasons = _reasons(player_id, span[:PAGE])
    for row in span[:PAGE]:
        moved = int(row.moved)
        balance = balances.get(row.currency, 0)
        balances[row.currency] = balance - moved
        by = said_to_people(row.made_by) if row.made_by else ""
        key = f"{row.cause}, {row.debit_account} to {row.credit_account}"
        found.append(Moved(row.created_at, row.currency, row.amount, moved, balance, reasons[row.pk], by, key))
    return found, len(span) > PAGE


WAYS = {"claim": "{}", "repay": "paid off a debt: {}", "revoke": "taken back: {}", "owe": "owed, taken back: {}"}
"""What became of a given reward's money, as a transfer's cause begins."""


def _reasons(player_id: PlayerId, rows: Sequence[Any]) -> dict[Any, str]:
    """Why each transfer was made, in words: of which reward, and for what it was given."""
    ways = {row.pk: row.cause.partition(":") for row in rows}
    ids = {UUID(rest) for way, _, rest in ways.values() if way in WAYS}
    given = {str(row.pk): row for row in Distribution.objects.filter(player_id=player_id, pk__in=ids)}
    found = {}
    for key, (way, colon, rest) in ways.items():
        row = given.get(rest) if way in WAYS else None
        if row is None:
            found[key] = f"spent: {rest}" if way == "spend" else f"{way}{colon}{rest}"
        else:
            what = words.called("reward", row.drawn or row.reward_id)
            because = cause(row.source, row.source_id, row.occurrence)
            found[key] = WAYS[way].format(f"{what} {because}" if because == BY_HAND else f"{what} for {because}")
    return found


def _transfers(player_id: PlayerId) -> QuerySet[Any]:
    """Each with what it moved into the wallet (below 0: out of it)."""
    wallet = f"player:{player_id}"
    moved = Case(
        When(credit_account=wallet, then=F("amount")),
        When(debit_account=wallet, then=-F("amount")),
        default=0,
        output_field=BigIntegerField(),
    )
    return Transfer.objects.filter(player_id=player_id).annotate(moved=moved)


def _since(rows: QuerySet[Any], first: Any) -> Sequence[tuple[str, int]]:
    """currency → what all transfers after this one moved."""
    after = Q(created_at__gt=first.created_at) | Q(created_at=first.created_at, pk__gt=first.pk)
    return list(rows.filter(after).order_by().values_list("currency").annotate(total=Sum("moved")))


# -- counters ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counter:
    metric: str
    scope: str
    count: str
    sum: str
    max: str
    min: str
    latest: str
    latest_at: datetime | None


def counters(player_id: PlayerId) -> list[Counter]:
    """What was counted: first over the whole life, then the newest of what was counted in periods and runs."""
    mine = Tally.objects.filter(player_id=player_id)
    whole = mine.filter(scope="").order_by("metric_id")
    parts = mine.exclude(scope="").order_by("-latest_at", "-pk")[:COUNTERS]
    return [_counter(row) for row in (*whole, *parts)]


def _counter(row: Tally) -> Counter:
    return Counter(
        metric=words.called("metric", row.metric_id),
        scope=row.scope.replace("#", " ") or "ever",
        count=words.amount(row.count),
        sum=words.amount(row.sum),
        max=words.amount(row.max) if row.max is not None else "-",
        min=words.amount(row.min) if row.min is not None else "-",
        latest=words.amount(row.latest) if row.latest is not None else "-",
        latest_at=row.latest_at,
    )
