"""Players of known shares, their rows in all shares together, and empty schemas for the next test."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from django.apps import apps
from django.db import connection, models

from gamification.kernel.storage import shares


def player_of(share: int, nth: int = 0) -> str:
    """The nth of the players called p0, p1, ... who belong to a share."""
    names = (name for n in count() if shares.share_of(name := f"p{n}") == share)
    return next(name for place, name in enumerate(names) if place == nth)


def one_of_each() -> list[str]:
    return [player_of(share) for share in shares.every()]


def everywhere(rows: models.QuerySet[Any]) -> list[Any]:
    """What a query finds in each share, one after the other."""
    return list(chain.from_iterable(shares.each(lambda: list(rows.all()))))


def in_share(share: int, rows: models.QuerySet[Any]) -> list[Any]:
    with shares.within(share):
        return list(rows.all())


def empty() -> None:
    """Empty the tables of all shares: Django empties those of `public` only."""
    owned = [model._meta.db_table for model in apps.get_models() if shares.is_owned(model)]
    statements = [f'DELETE FROM {shares.schema(share)}."{table}"' for share in shares.every() for table in owned]
    with connection.cursor() as cursor:
        cursor.execute("; ".join(statements))
