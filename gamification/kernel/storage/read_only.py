"""Transactions in which the database refuses to write: whoever promises to change nothing has it prove so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def read_only(*, seconds: float) -> Iterator[None]:
    """One state of the database, as it is at the first query, and no lock that anybody else would wait for.

    PostgreSQL gives up a statement after `seconds`. All is rolled back at the end. Within another transaction its state
    is read, what it has written included.
    """
    is_outermost = not connection.in_atomic_block
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                isolation = "ISOLATION LEVEL REPEATABLE READ " if is_outermost else ""
                cursor.execute(f"SET TRANSACTION {isolation}READ ONLY")
                cursor.execute(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
            try:
                yield
            finally:
                transaction.set_rollback(True)
        return
    connection.ensure_connection()
    sqlite: Any = connection
    mode, sqlite.transaction_mode = sqlite.transaction_mode, "DEFERRED"  # IMMEDIATE takes the writers' lock
    try:
        with _query_only(), transaction.atomic():
            try:
                yield
            finally:
                transaction.set_rollback(True)
    finally:
        sqlite.transaction_mode = mode


@contextmanager
def _query_only() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
