"""What PostgreSQL reads for a query, and whether that is a whole table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection

LARGE = 5_000
"""A table of fewer rows may be read whole."""
MOST = 0.5
"""A scan that reads a greater part of a large table reads it whole."""


def sizes(tables: Iterable[str]) -> dict[str, int]:
    """table → how many rows it has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, reltuples::bigint FROM pg_class WHERE relname = ANY(%s)", [list(tables)])
        return {name: rows for name, rows in cursor.fetchall() if rows >= LARGE}


def read_whole(sql: str, large: dict[str, int], most: float = MOST) -> list[str]:
    """The large tables that this query reads whole, or more of than `most`, each with how: by a scan, or an index from
    end to end. The query is run for it."""
    if not sql.lstrip("( ").upper().startswith(("SELECT", "WITH")) or not any(table in sql for table in large):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
        [plan] = cursor.fetchone()
    [told] = json.loads(plan) if isinstance(plan, str) else plan
    return [
        f"{node['Node Type']} of {node['Relation Name']}: {rows:.0f} rows"
        for node in _nodes(told["Plan"])
        if node.get("Relation Name") in large
        for rows in [_read(node)]
        if rows > max(large[node["Relation Name"]] * most, LARGE * MOST)
    ]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def _read(node: dict[str, Any]) -> float:
    """The rows that a scan has looked at."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])
