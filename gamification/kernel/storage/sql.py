"""Bulk statements: thousands of rows in one, PostgreSQL and SQLite side by side, no model instances.

On PostgreSQL each column travels as one array literal and is unnested there (one that is the same in all rows, as one
value); on SQLite rows are bound one by one, by one `executemany` or in one VALUES list. Values come in and go out as
Python values (aware datetimes, UUIDs, bytes, JSON as dicts and lists) and are stored as the ORM would store them.

All columns that are NOT NULL must be named: the models' defaults are Python's, not the database's. No rows, no query.
Rows are processed in the order given: sort them, so that two writers meet in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction

from gamification.kernel.storage import columns as col
from gamification.kernel.storage.columns import Columns, Row

Asked = Callable[[], list[tuple[Any, ...]]]
"""A query that was sent: to be called once, for its rows."""


def without_fsync() -> None:
    """Let this transaction's commit not wait for PostgreSQL's disk, where losing it in a crash does no harm.

    Within another transaction nothing changes: the outer one may hold what must not be lost.
    """
    if col.vendor() == "postgresql" and not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


@contextmanager
def pipelined() -> Iterator[None]:
    """Send statements to PostgreSQL without waiting for each answer, so that it works while the next is prepared.

    Only within a transaction. An error is raised at the end, or by the next statement whose result is read. Queries are
    sent by `ask_…` and called for their rows after this: then all of them have been waited for once.
    """
    if col.vendor() != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


@contextmanager
def asked_together() -> Iterator[None]:
    """`pipelined`, for queries alone, outside of a transaction too: all of them are waited for once."""
    of_a_share = settings.SHARES > 1  # its tables are found within a transaction only
    with transaction.atomic() if of_a_share else nullcontext(), pipelined():
        yield


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    ignore_conflicts: bool = False,
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`; gives back `returning` of those that landed (with `ignore_conflicts`, the others are left out)."""
    if not rows:
        return []
    return _put(model, columns, rows, " ON CONFLICT DO NOTHING" if ignore_conflicts else "", returning)


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    conflict: Sequence[str],
    set_: Sequence[str] = (),
    add: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Insert `rows`; where the `conflict` columns exist already, overwrite `set_` and add to `add`.

    One row a key at most. A row must satisfy the table's checks by itself, even where it is only added to another.
    """
    if not rows:
        return []
    return _put(model, columns, rows, _on_conflict(model, tuple(conflict), tuple(set_), tuple(add)), returning)


@lru_cache(maxsize=256)
def _on_conflict(
    model: type[models.Model], conflict: tuple[str, ...], set_: tuple[str, ...], add: tuple[str, ...]
) -> str:
    table, added = col.table(model), col.columns(model, add).names
    changes = [f"{name} = EXCLUDED.{name}" for name in col.columns(model, set_).names]
    changes += [f"{name} = {table}.{name} + EXCLUDED.{name}" for name in added]
    action = f"DO UPDATE SET {', '.join(changes)}" if changes else "DO NOTHING"
    return f" ON CONFLICT ({col.columns(model, conflict).list}) {action}"


def update(
    model: type[models.Model],
    key_columns: Sequence[str],
    set_columns: Sequence[str],
    rows: Sequence[Row],
    *,
    add_columns: Sequence[str] = (),
) -> int:
    """Update the rows found by their keys; each of `rows` is its keys, then what to set, then what to add.

    Says how many rows were found (not `pipelined` with others: that would mean waiting for the answer).
    """
    if not rows:
        return 0
    table, fields = col.table(model), col.columns(model, (*key_columns, *set_columns, *add_columns))
    keys, sets = len(key_columns), len(key_columns) + len(set_columns)
    names = fields.names
    with connection.cursor() as cursor:
        if col.vendor() == "postgresql":
            changes = [f"{name} = v.c{i}" for i, name in enumerate(names[keys:sets], keys)]
            changes += [f"{name} = t.{name} + v.c{i}" for i, name in enumerate(names[sets:], sets)]
            found = col.matching(model, tuple(key_columns))
            source, parameters = col.unnest(fields, rows)
            cursor.execute(f"UPDATE {table} AS t SET {', '.join(changes)} FROM {source} WHERE {found}", parameters)
        else:
            changes = [f"{name} = %s" for name in names[keys:sets]]
            changes += [f"{name} = {name} + %s" for name in names[sets:]]
            found = " AND ".join(f"{name} = %s" for name in names[:keys])
            bound = [(*row[keys:], *row[:keys]) for row in col.stored(fields, rows)]
            cursor.executemany(f"UPDATE {table} SET {', '.join(changes)} WHERE {found}", bound)
        return int(cursor.rowcount)


def change(
    model: type[models.Model],
    changes: Mapping[str, Any],
    *,
    where: Mapping[str, Any],
    returning: Sequence[str],
) -> list[tuple[Any, ...]]:
    """Make the same `changes` to all rows that are as `where` says (a list: any of these); gives back which they were.

    One statement finds and changes them: of several callers at once, each row is changed for one only, if `changes`
    make it one that `where` no longer finds.
    """
    sets, wanted = col.columns(model, changes), col.columns(model, returning)
    found, sought = [], []
    for name, value in where.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            return []
        field = col.column(model, name)
        found.append(f"{col.quoted(field)} IN ({', '.join(['%s'] * len(values))})")
        sought += [field.get_db_prep_value(each, connection) for each in values]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {col.table(model)} SET {', '.join(f'{name} = %s' for name in sets.names)}"
            f" WHERE {' AND '.join(found)} RETURNING {wanted.returned}",
            [
                field.get_db_prep_value(value, connection)
                for field, value in zip(sets.fields, changes.values(), strict=True)
            ]
            + sought,
        )
        return col.read_back(wanted, cursor.fetchall())


def select_where(
    model: type[models.Model], columns: Sequence[str], where: Mapping[str, Any], *, order_by: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """What `ask_where` asks for, at once."""
    return ask_where(model, columns, where, order_by=order_by)()


def ask_where(
    model: type[models.Model], columns: Sequence[str], where: Mapping[str, Any], *, order_by: Sequence[str] = ()
) -> Asked:
    """`columns` of the rows that have these values (a list: any of them). What is read all the time: the ORM would
    compose the statement anew each time, which takes it several times as long as the database needs to answer.
    """
    wanted = col.columns(model, columns)
    sought: list[Any] = []
    for name, value in where.items():
        field = col.column(model, name)
        values = value if isinstance(value, list) else [value]
        if not values:
            return list
        sought += [field.get_db_prep_value(each, connection) for each in values]
    holes = tuple((name, len(value) if isinstance(value, list) else 0) for name, value in where.items())
    return ask(wanted, _selecting(model, tuple(columns), holes, tuple(order_by)), sought)


def ask(wanted: Columns, statement: str, parameters: Sequence[Any]) -> Asked:
    """Send a query whose rows have these columns."""
    cursor = connection.cursor()
    cursor.execute(statement, parameters)

    def answer() -> list[tuple[Any, ...]]:
        with cursor:
            return col.read(wanted, cursor.fetchall())

    return answer


@lru_cache(maxsize=256)
def _selecting(
    model: type[models.Model],
    columns: tuple[str, ...],
    where: tuple[tuple[str, int], ...],
    order_by: tuple[str, ...],
) -> str:
    """The statement of `select_where`. A number in `where` says of how many values any will do, 0 of just one."""
    found = " AND ".join(
        f"t.{col.quoted(col.column(model, name))} {'IN (' + ', '.join(['%s'] * number) + ')' if number else '= %s'}"
        for name, number in where
    )
    # By the table's columns: what is picked as text is called as they are, and would be ordered as text.
    ordered = ", ".join(f"t.{col.quoted(col.column(model, name))}" for name in order_by)
    statement = f"SELECT {col.columns(model, columns).picked} FROM {col.table(model)} AS t WHERE {found}"
    return f"{statement} ORDER BY {ordered}" if ordered else statement


def select_in(
    model: type[models.Model],
    columns: Sequence[str],
    keys: Mapping[str, Sequence[Any]],
    *,
    above_zero: str = "",
    only_true: str = "",
    for_update: bool = False,
) -> list[tuple[Any, ...]]:
    """What `ask_in` asks for, at once."""
    return ask_in(model, columns, keys, above_zero=above_zero, only_true=only_true, for_update=for_update)()


def ask_in(
    model: type[models.Model],
    columns: Sequence[str],
    keys: Mapping[str, Sequence[Any]],
    *,
    above_zero: str = "",
    only_true: str = "",
    for_update: bool = False,
    all_or_none: bool = False,
) -> Asked:
    """`columns` of the rows whose key columns match one of `keys`: columns of parallel values, read across as tuples.
    `above_zero`, `only_true`: only of those where this column is (as an index over such rows alone says it).
    `all_or_none`: nothing is found, and nothing locked, where one of the keys has no row.

    A tuple given twice is looked up once. In no promised order, but `for_update` locks in the order of the keys.
    """
    rows = list(dict.fromkeys(zip(*keys.values(), strict=True)))
    if not rows:
        return list
    table, fields, wanted = col.table(model), col.columns(model, keys), col.columns(model, columns)
    picked, found = wanted.picked, col.matching(model, tuple(keys))
    if above_zero:
        found += f" AND t.{col.quoted(col.column(model, above_zero))} > 0"
    if only_true:
        found += f" AND t.{col.quoted(col.column(model, only_true))}"
    if col.vendor() == "postgresql":
        source, parameters = col.unnest(fields, rows)
        if all_or_none:
            # It is counted before the first row is looked up: the planner makes a one-time filter of it.
            there = (
                f"SELECT count(*) FROM v CROSS JOIN LATERAL (SELECT 1 FROM {table} AS t WHERE {found} OFFSET 0) AS t"
            )
            with_keys, source, only = f"WITH v AS (SELECT * FROM {source}) ", "v", f" WHERE ({there}) = %s"
            parameters = [*parameters, len(rows)]
        else:
            with_keys, only = "", ""
        # Neither OFFSET 0 nor FOR UPDATE lets the planner make a join of this: each key is looked up by the index, one
        # after the other, so that a batch costs what it touches, and locks in the order of the keys. Left to itself the
        # planner reads all of a table, from some number of keys on.
        alone = "FOR UPDATE" if for_update else "OFFSET 0"
        looked_up = f"(SELECT * FROM {table} AS t WHERE {found} {alone}) AS t"
        return ask(wanted, f"{with_keys}SELECT {picked} FROM {source} CROSS JOIN LATERAL {looked_up}{only}", parameters)
    given: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        heads = ", ".join(f"c{i}" for i in range(len(fields)))
        for values, parameters in col.values_lists(fields, rows):
            # CROSS JOIN: SQLite then takes the tables in this order, so the keys lead and the table's index follows.
            cursor.execute(
                f"WITH v({heads}) AS (VALUES {values}) SELECT {picked} FROM v CROSS JOIN {table} AS t ON {found}",
                parameters,
            )
            given += cursor.fetchall()
    if all_or_none and len(given) < len(rows):
        return list
    return lambda: col.read(wanted, given)


# -- putting rows in ---------------------------------------------------------------------------------------------------


def _put(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    on_conflict: str,
    returning: Sequence[str],
) -> list[tuple[Any, ...]]:
    fields, wanted = col.columns(model, columns), col.columns(model, returning)
    into = f"INSERT INTO {col.table(model)} ({fields.list})"
    back = f" RETURNING {wanted.returned}" if wanted else ""
    with connection.cursor() as cursor:
        if col.vendor() == "postgresql":
            source, parameters = col.unnest(fields, rows)
            heads = ", ".join(f"v.c{i}" for i in range(len(fields)))
            cursor.execute(f"{into} SELECT {heads} FROM {source}{on_conflict}{back}", parameters)
            return col.read_back(wanted, cursor.fetchall()) if wanted else []
        if not wanted:
            cursor.executemany(f"{into} VALUES {fields.holes}{on_conflict}", col.stored(fields, rows))
            return []
        given: list[tuple[Any, ...]] = []
        for values, parameters in col.values_lists(fields, rows):
            cursor.execute(f"{into} VALUES {values}{on_conflict}{back}", parameters)
            given += cursor.fetchall()
        return col.read_back(wanted, given)
