"""In which share's schema statements find players' tables.

With SHARES > 1 each share has a PostgreSQL schema of its own, `share_<k>`, with every table that belongs to players;
`public` has the others and none of these. So whoever asks for a player's rows says whose share it is. A statement
that says nothing fails, since there is no such table; it never reads another share's.

The schema is named at the beginning of each transaction and ends with it (`SET LOCAL search_path`), so a pooler may
hand the connection to somebody else afterwards. A transaction is of one share. With SHARES = 1, and always on SQLite,
everything is in one schema, and nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction

from gamification.kernel.core import shares as arithmetic
from gamification.kernel.core.messages import PlayerId

P = ParamSpec("P")
T = TypeVar("T")

NOT_BY_COLUMN = frozenset({"kernel.followermark", "progress.erasedplayer", "anticheat.cohortpart"})
"""Models without a `player_id` whose rows are a share's all the same: how far its log was followed, whom it erased,
what its players have in common."""

PUBLIC_ALL_THE_SAME = frozenset({"kernel.auditentry", "review.case"})
"""Models with a `player_id` that are no share's: the audit log is one, of acts about players and about all else, and so
is the queue of cases.
"""


class OtherShare(Exception):
    """Something of several shares was to be done in one transaction: a mistake of whoever wrote it."""


def number() -> int:
    """How many shares there are."""
    return int(settings.SHARES)


def every() -> range:
    return range(settings.SHARES)


def share_of(player_id: PlayerId) -> int:
    return arithmetic.share_of(player_id, settings.SHARES)


def share_of_uuid(id_: UUID) -> int:
    return arithmetic.share_of_uuid(id_, settings.SHARES)


def share_of_row(pk: int) -> int:
    return arithmetic.share_of_row(pk, settings.SHARES)


def by_share(items: Iterable[T], player: Callable[[T], PlayerId]) -> dict[int, list[T]]:
    return arithmetic.by_share(items, player, settings.SHARES)


def only_share(player_ids: Iterable[PlayerId]) -> int | None:
    """The share that these players are all of; None: there are none. Raises OtherShare."""
    found = {share_of(player_id) for player_id in player_ids}
    if len(found) > 1:
        raise OtherShare(f"players of the shares {sorted(found)} cannot be in one transaction")
    return next(iter(found), None)


def schema(share: int) -> str:
    return f"share_{share}"


def path(share: int | None) -> str:
    return "public" if share is None else f"{schema(share)}, public"


# -- naming a share ----------------------------------------------------------------------------------------------------


def of(*player_ids: PlayerId) -> AbstractContextManager[Any]:
    """A transaction in the share of these players. Of nobody: in the share that is named, or else in the first, where
    facts about nobody are kept."""
    if settings.SHARES == 1:
        return transaction.atomic()
    share = only_share(player_ids)
    return _transaction((here() or 0) if share is None else share)


def at(share: int) -> AbstractContextManager[Any]:
    """A transaction in this share."""
    return transaction.atomic() if settings.SHARES == 1 else _transaction(share)


def within(share: int | None) -> AbstractContextManager[Any]:
    """Every transaction that begins within this is of that share, a statement that stands alone too. None: of none."""
    return nullcontext() if settings.SHARES == 1 else _within(share)


def within_share_of(player_id: PlayerId) -> AbstractContextManager[Any]:
    return nullcontext() if settings.SHARES == 1 else _within(share_of(player_id))


def enter(player_id: PlayerId) -> None:
    """The same until the surrounding `within(None)` ends: for a request that turns out to be about this player."""
    if settings.SHARES > 1:
        _name(share_of(player_id))


def enter_share(share: int) -> None:
    if settings.SHARES > 1:
        _name(share)


def here() -> int | None:
    """The share that is named; None: none is, or there is only one."""
    found: int | None = getattr(connections[DEFAULT_DB_ALIAS], "share", None)
    return found


def in_each(work: Callable[P, object]) -> Callable[P, None]:
    """`work` once within each share."""

    @wraps(work)
    def everywhere(*args: P.args, **kwargs: P.kwargs) -> None:
        for share in every():
            with within(share):
                work(*args, **kwargs)

    return everywhere


def each(look: Callable[[], T]) -> list[T]:
    """What `look` finds in each share. It only reads, so a transaction may look into all of them."""
    if settings.SHARES == 1:
        return [look()]
    database: Any = connections[DEFAULT_DB_ALIAS]
    named, found = database.share_of_transaction, []
    for share in every():
        database.share_of_transaction = None
        with _within(share):
            found.append(look())
    database.share_of_transaction = named
    return found


@contextmanager
def _transaction(share: int) -> Iterator[None]:
    with _within(share), transaction.atomic():
        yield


@contextmanager
def _within(share: int | None) -> Iterator[None]:
    database: Any = connections[DEFAULT_DB_ALIAS]
    before = database.share
    _name(share)
    try:
        yield
    finally:
        if database.share != before:
            database.share = before
            if database.in_atomic_block:
                database.name_share()


def _name(share: int | None) -> None:
    database: Any = connections[DEFAULT_DB_ALIAS]
    if share == database.share:
        return
    if database.in_atomic_block and share is not None and database.share_of_transaction not in (None, share):
        raise OtherShare(f"a transaction of share {database.share_of_transaction} cannot go on in share {share}")
    database.share = share
    if database.in_atomic_block:
        database.name_share()


# -- which tables are whose --------------------------------------------------------------------------------------------


def is_owned(model: type[models.Model]) -> bool:
    """Whether a model's rows belong to players, and so to a share. Of a migration's own models too."""
    label = model._meta.label_lower
    by_column = any(field.attname == "player_id" for field in model._meta.concrete_fields)
    return label in NOT_BY_COLUMN or (by_column and label not in PUBLIC_ALL_THE_SAME)


class Router:
    """Has a migration make players' tables in the shares' schemas and all others in `public`."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, model: Any = None, **hints: Any
    ) -> bool | None:
        share = getattr(connections[db], "migrating", None)
        if model is None and model_name is not None:  # code about a table, by a migration's `hints`
            model = apps.get_model(app_label, model_name)
        if model is None:  # it runs some other code: for `public`, once
            return share is None
        return is_owned(model) == (share is not None)
