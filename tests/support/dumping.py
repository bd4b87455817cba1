"""Everything that stands in the database, whoever wrote it: every column of every table, read without any model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection


def everything() -> Iterator[tuple[str, str, str]]:
    """(table, column, text) of every value."""
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((table, name, _text(value)) for name, value in zip(names, row, strict=True))


def where(*words: str) -> set[tuple[str, str]]:
    """(table, column) in which one of these words stands."""
    return {(table, column) for table, column, text in everything() if any(word in text.lower() for word in words)}


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1") + bytes(value).hex()
    return str(value)
