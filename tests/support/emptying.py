"""The database as it was after the migrations, for the next test.

Django empties every table after a test that commits, and then lets each app make its permissions and groups anew. Most
tests write to a handful of the tables and to none of those, so only tables with rows in them are emptied, and what the
migrations made stays for as long as it is what they made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.test import TransactionTestCase

Rows = list[tuple[Any, ...]]

_as_migrated: dict[str, Rows] = {}
"""Table to rows, of the tables that are not empty after the migrations: read after the first test that commits."""


def only_what_was_written(empty_all: Callable[[TransactionTestCase], None]) -> Callable[[TransactionTestCase], None]:
    """What a TransactionTestCase does after a test, around what Django does."""

    def empty(case: TransactionTestCase) -> None:
        if _as_migrated and _written_is_emptied():
            return
        empty_all(case)
        _as_migrated.clear()
        _as_migrated.update({table: _rows(table) for table in _with_rows()})

    return empty


def _written_is_emptied() -> bool:
    """False, and nothing is emptied, where a test changed what the migrations made."""
    written = _with_rows()
    if any(_rows(table) != rows for table, rows in _as_migrated.items()):
        return False
    if tables := sorted(written - _as_migrated.keys()):
        _empty_at_postgresql(tables) if connection.vendor == "postgresql" else _empty_at_sqlite(tables)
    return True


def _empty_at_sqlite(tables: list[str]) -> None:
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))


def _empty_at_postgresql(tables: list[str]) -> None:
    """By DELETE, which for a few rows is faster than TRUNCATE: that makes new files for a table and all its indexes."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        guarded = {table for (table,) in cursor.fetchall()}  # they refuse to be deleted from
        for table in tables:
            cursor.execute(f'TRUNCATE "{table}" CASCADE' if table in guarded else f'DELETE FROM "{table}"')


def _with_rows() -> set[str]:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    look = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(look)
        return {table for (table,) in cursor.fetchall()}


def _rows(table: str) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        return list(cursor.fetchall())
