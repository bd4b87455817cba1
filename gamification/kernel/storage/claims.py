"""Claims of an `Idempotency-Key`: who may work for a key, and the answer that is kept under it.

A claim is a row without a status. It is committed before the work begins, so a unique constraint decides who works; the
answer is written in the transaction of the work. So whoever crashes leaves nothing behind but a claim, which another
takes over after a minute; and a holder that was merely slow finds its claim gone when it wants to commit, and takes its
work back. Many are claimed, and many answers kept, in as many statements as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter

from django.db import transaction
from django.db.models import Q, QuerySet

from gamification.kernel.core.messages import PlayerId, Refused
from gamification.kernel.models import AnsweredPlayer, IdempotencyKey
from gamification.kernel.storage import sql
from gamification.kernel.storage.pseudonyms import pseudonym

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
TAKEOVER_AFTER = timedelta(seconds=60)
"""How old a claim without an answer is when another request may take it over: its holder counts as gone."""
ABANDONED_AFTER = timedelta(minutes=10)
"""How old a claim without an answer is when it is deleted. Its key may name a player, and erasing would not find it."""


class KeyReused(Refused):
    code = "idempotency_key_reused"
    status = 422


class InProgress(Refused):
    code = "idempotency_in_progress"
    status = 409
    retry_after = 1


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a request with a key asks for."""

    caller: str
    key: str
    fingerprint: str

    @property
    def name(self) -> tuple[str, str]:
        return self.caller, self.key


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to, and the players whom that is about: erasing one of them deletes it."""

    status: int
    body: str
    about: Collection[PlayerId]


def claim(asked: Asked, now: datetime) -> IdempotencyKey:
    """Our claim, a row without a status; or the row that holds the first answer. Raises KeyReused, or InProgress."""
    [found] = claim_each([asked], now)
    if isinstance(found, Refused):
        raise found
    return found


def claim_each(asked: Sequence[Asked], now: datetime) -> list[IdempotencyKey | Refused]:
    """The same for each of these, where a refusal is given back: of several with one key, the first has the claim."""
    rows: dict[tuple[str, str], IdempotencyKey] = {}
    holders: dict[tuple[str, str], Asked] = {}
    missing: dict[tuple[str, str], Asked] = {}
    for each in asked:
        missing.setdefault(each.name, each)
    while missing:
        for row in _inserted(missing.values(), now):
            rows[row.caller, row.key], holders[row.caller, row.key] = row, missing.pop((row.caller, row.key))
        for row in _found(missing):  # what is not found either was let go a moment ago
            name = row.caller, row.key
            if _is_free(row, now):
                if not _takes_over(row, missing[name].fingerprint, now):
                    continue
                holders[name] = missing[name]
            rows[name] = row
            del missing[name]
    return [rows[each.name] if holders.get(each.name) is each else _judged(rows[each.name], each) for each in asked]


def _inserted(asked: Iterable[Asked], now: datetime) -> list[IdempotencyKey]:
    """The claims of those whose key is new."""
    rows = sorted((each.caller, each.key, each.fingerprint, "", now) for each in asked)
    columns = ("caller", "key", "fingerprint", "body", "created_at")
    with transaction.atomic():
        sql.without_fsync()  # a crash that loses the claim loses the work, which is committed later, too
        landed = sql.insert(IdempotencyKey, columns, rows, ignore_conflicts=True, returning=("id", *columns))
    return [IdempotencyKey(**dict(zip(("id", *columns), row, strict=True))) for row in landed]


def _found(names: Iterable[tuple[str, str]]) -> list[IdempotencyKey]:
    sought = dict(zip(("caller", "key"), map(list, zip(*names, strict=True)), strict=False))
    columns = ("id", "caller", "key", "fingerprint", "status", "body", "created_at")
    rows = sql.select_in(IdempotencyKey, columns, sought) if sought else []
    return [IdempotencyKey(**dict(zip(columns, row, strict=True))) for row in rows]


def _is_free(row: IdempotencyKey, now: datetime) -> bool:
    age = now - row.created_at
    return age >= KEPT_FOR or (row.status is None and age >= TAKEOVER_AFTER)


def _takes_over(row: IdempotencyKey, fingerprint: str, now: datetime) -> bool:
    """Make the row ours. Only one can see it as it is and change it; `created_at` says whose it is from then on."""
    ours = {"fingerprint": fingerprint, "status": None, "body": "", "created_at": now}
    if not IdempotencyKey.objects.filter(pk=row.pk, created_at=row.created_at).update(**ours):
        return False
    row.players.all().delete()
    for name, value in ours.items():
        setattr(row, name, value)
    return True


def _judged(row: IdempotencyKey, asked: Asked) -> IdempotencyKey | Refused:
    """What somebody gets whose key another request has."""
    if row.fingerprint != asked.fingerprint:
        return KeyReused(f"This {HEADER} came with another request before.")
    if row.status is None:
        return InProgress(f"The first request with this {HEADER} is still running.")
    return row


def keep_each(answered: Sequence[tuple[IdempotencyKey, Answer]]) -> None:
    """Keep the answers of those who hold a claim, within the transaction of their work. An answer that is no success is
    not kept: its key is let go. Raises InProgress where somebody has taken a claim over."""
    kept = [(row, answer) for row, answer in answered if 200 <= answer.status < 300]
    let_go(row for row, answer in answered if not 200 <= answer.status < 300)
    values = sorted(((row.pk, row.created_at, answer.status, answer.body) for row, answer in kept), key=itemgetter(0))
    if sql.update(IdempotencyKey, ("id", "created_at"), ("status", "body"), values) < len(values):
        raise InProgress(f"This took so long that another request with this {HEADER} took over.")
    about = sorted((row.pk, each) for row, answer in kept for each in map(pseudonym, answer.about))
    sql.insert(AnsweredPlayer, ("answer_id", "pseudonym"), about)


def let_go(rows: Iterable[IdempotencyKey]) -> None:
    """Give up claims, as far as they are still ours."""
    ours = {row.pk: row.created_at for row in rows}
    if ours:
        held = IdempotencyKey.objects.filter(pk__in=ours, created_at__in=set(ours.values()), status=None)
        held.delete()


def expired(now: datetime) -> QuerySet[IdempotencyKey]:
    """Answers that are no longer given, and claims whose holder died long ago."""
    dead = Q(status=None, created_at__lt=now - ABANDONED_AFTER)
    return IdempotencyKey.objects.filter(Q(created_at__lt=now - KEPT_FOR) | dead)


def forget_player(player_id: PlayerId) -> None:
    """Delete the answers to a player and those about them."""
    IdempotencyKey.objects.filter(players__pseudonym=pseudonym(player_id)).delete()
