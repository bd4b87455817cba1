"""Bulk statements: thousands of rows in one, PostgreSQL and SQLite side by side, no model instances.

On PostgreSQL each column travels as one array literal and is unnested there (a column that is the same in all rows, as
one value); on SQLite rows are bound one by one, by one `executemany` or in one VALUES list. Values come in and go out as Python values (aware datetimes, UUIDs, bytes, JSON
as dicts and lists) and are stored as the ORM would store them, so either can read what the other wrote.

All columns that are NOT NULL must be named: the models' defaults are Python's, not the database's. No rows, no query.
Rows are processed in the order given: sort them, so that two writers meet in one order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection, models

Row = Sequence[Any]
Codec = Callable[[Any], Any]

SQLITE_PARAMETERS = 32_766
"""SQLite's own default bound on parameters; a longer VALUES list goes out in several statements."""


@contextmanager
def together() -> Iterator[None]:
    """What is written within goes to PostgreSQL without waiting for each answer, so it works while we prepare the next
    statement. An error comes up at the end, or at the next statement whose result is read; inside a transaction.
    """
    if connection.vendor != "postgresql":
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
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
    table = _table(model)
    names = {name: _quoted(_field(model, name)) for name in (*conflict, *set_, *add)}
    changes = [f"{names[name]} = EXCLUDED.{names[name]}" for name in set_]
    changes += [f"{names[name]} = {table}.{names[name]} + EXCLUDED.{names[name]}" for name in add]
    action = f"DO UPDATE SET {', '.join(changes)}" if changes else "DO NOTHING"
    target = ", ".join(names[name] for name in conflict)
    return _put(model, columns, rows, f" ON CONFLICT ({target}) {action}", returning)


def update(
    model: type[models.Model],
    key_columns: Sequence[str],
    set_columns: Sequence[str],
    rows: Sequence[Row],
    *,
    add_columns: Sequence[str] = (),
) -> int:
    """Update the rows found by their keys; each of `rows` is its keys, then what to set, then what to add.

    Says how many rows were found (not `together` with others: that would mean waiting for the answer).
    """
    if not rows:
        return 0
    table, fields = _table(model), _fields(model, (*key_columns, *set_columns, *add_columns))
    keys, sets = len(key_columns), len(key_columns) + len(set_columns)
    names = [_quoted(field) for field in fields]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            changes = [f"{name} = v.c{i}" for i, name in enumerate(names[keys:sets], keys)]
            changes += [f"{name} = t.{name} + v.c{i}" for i, name in enumerate(names[sets:], sets)]
            found = " AND ".join(f"t.{name} = v.c{i}" for i, name in enumerate(names[:keys]))
            source, parameters = _unnest(fields, rows)
            cursor.execute(f"UPDATE {table} AS t SET {', '.join(changes)} FROM {source} WHERE {found}", parameters)
        else:
            changes = [f"{name} = %s" for name in names[keys:sets]]
            changes += [f"{name} = {name} + %s" for name in names[sets:]]
            found = " AND ".join(f"{name} = %s" for name in names[:keys])
            bound = [(*row[keys:], *row[:keys]) for row in _stored(fields, rows)]
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
    sets, wanted = _fields(model, changes), _fields(model, returning)
    found, sought = [], []
    for name, value in where.items():
        values = value if isinstance(value, list) else [value]
        if not values:
            return []
        field = _field(model, name)
        found.append(f"{_quoted(field)} IN ({', '.join(['%s'] * len(values))})")
        sought += [field.get_db_prep_value(each, connection) for each in values]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_table(model)} SET {', '.join(f'{_quoted(field)} = %s' for field in sets)}"
            f" WHERE {' AND '.join(found)} RETURNING {', '.join(_picked(field) for field in wanted)}",
            [field.get_db_prep_value(value, connection) for field, value in zip(sets, changes.values(), strict=True)]
            + sought,
        )
        return _read(wanted, cursor.fetchall())


def select_in(
    model: type[models.Model],
    columns: Sequence[str],
    keys: Mapping[str, Sequence[Any]],
    *,
    for_update: bool = False,
) -> list[tuple[Any, ...]]:
    """`columns` of the rows whose key columns match one of `keys`: columns of parallel values, read across as tuples.

    A tuple given twice is looked up once. In no promised order, but `for_update` locks in the order of the keys.
    """
    rows = list(dict.fromkeys(zip(*keys.values(), strict=True)))
    if not rows:
        return []
    table, fields, wanted = _table(model), _fields(model, keys), _fields(model, columns)
    picked = ", ".join(_picked(field, "t.") for field in wanted)
    found = " AND ".join(f"t.{_quoted(field)} = v.c{i}" for i, field in enumerate(fields))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            lock = " ORDER BY v.n FOR UPDATE OF t" if for_update else ""
            source, parameters = _unnest(fields, rows, numbered=for_update)
            cursor.execute(f"SELECT {picked} FROM {source} JOIN {table} AS t ON {found}{lock}", parameters)
            return _read(wanted, cursor.fetchall())
        given: list[tuple[Any, ...]] = []
        heads = ", ".join(f"c{i}" for i in range(len(fields)))
        for values, parameters in _values(fields, rows):
            # CROSS JOIN: SQLite then takes the tables in this order, so the keys lead and the table's index follows.
            cursor.execute(
                f"WITH v({heads}) AS (VALUES {values}) SELECT {picked} FROM v CROSS JOIN {table} AS t ON {found}",
                parameters,
            )
            given += cursor.fetchall()
        return _read(wanted, given)


# -- putting rows in ---------------------------------------------------------------------------------------------------


def _put(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    on_conflict: str,
    returning: Sequence[str],
) -> list[tuple[Any, ...]]:
    fields, wanted = _fields(model, columns), _fields(model, returning)
    into = f"INSERT INTO {_table(model)} ({', '.join(_quoted(field) for field in fields)})"
    back = f" RETURNING {', '.join(_picked(field) for field in wanted)}" if wanted else ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            source, parameters = _unnest(fields, rows)
            heads = ", ".join(f"v.c{i}" for i in range(len(fields)))
            cursor.execute(f"{into} SELECT {heads} FROM {source}{on_conflict}{back}", parameters)
            return _read(wanted, cursor.fetchall()) if wanted else []
        if not wanted:
            holes = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{into} VALUES ({holes}){on_conflict}", _stored(fields, rows))
            return []
        given: list[tuple[Any, ...]] = []
        for values, parameters in _values(fields, rows):
            cursor.execute(f"{into} VALUES {values}{on_conflict}{back}", parameters)
            given += cursor.fetchall()
        return _read(wanted, given)


# -- names -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    for field in model._meta.concrete_fields:
        if name in (field.column, field.attname, field.name):
            return field
    raise LookupError(f"{model.__name__} has no column {name!r}")


def _fields(model: type[models.Model], names: Sequence[str] | Mapping[str, Any]) -> list[models.Field[Any, Any]]:
    return [_field(model, name) for name in names]


@lru_cache(maxsize=1024)
def _quoted(field: models.Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))  # both databases quote alike


def _picked(field: models.Field[Any, Any], of: str = "") -> str:
    """A column as it is read: PostgreSQL's instants as text, which Python parses ten times faster than the driver."""
    as_text = connection.vendor == "postgresql" and _kind(field) == "DateTimeField"
    return f"{of}{_quoted(field)}{'::text' if as_text else ''}"


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache(maxsize=1024)
def _kind(field: models.Field[Any, Any]) -> str:
    """What a column holds, as far as its values must be treated differently; a foreign key holds its target's."""
    return str((field.target_field if isinstance(field, models.ForeignKey) else field).get_internal_type())


# -- PostgreSQL: a column is an array literal --------------------------------------------------------------------------

_TYPES = {
    "JSONField": "text",
    "DateTimeField": "timestamptz",
    "DateField": "date",
    "UUIDField": "uuid",
    "BinaryField": "bytea",
    "FloatField": "double precision",
    "BooleanField": "boolean",
    "SmallIntegerField": "smallint",
    "PositiveSmallIntegerField": "smallint",
    "IntegerField": "integer",
    "PositiveIntegerField": "integer",
    "AutoField": "integer",
    "BigIntegerField": "bigint",
    "PositiveBigIntegerField": "bigint",
    "BigAutoField": "bigint",
}
"""The type of the array; any other field is text (never varchar(n): a cast to that cuts what is too long)."""


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, msgspec.MsgspecError):  # integers beyond 64 bits
        return json.dumps(value)


_WORDS: dict[str, Codec] = {
    "JSONField": _json,
    "DateTimeField": datetime.isoformat,
    "DateField": date.isoformat,
    "UUIDField": lambda value: value.hex,
    "BinaryField": lambda value: "\\x" + value.hex(),
    "BooleanField": lambda value: "t" if value else "f",
}
_BARE = frozenset(_TYPES) - {"JSONField", "BinaryField"}
"""Kinds whose words need no quotes within an array literal."""


def _constant(field: models.Field[Any, Any], values: Sequence[Any]) -> bool:
    """Whether all values are stored alike. Not asked of JSON, where `1`, `1.0` and `true` would seem to be."""
    return values[-1] == values[0] and _kind(field) != "JSONField" and values.count(values[0]) == len(values)


def _array(field: models.Field[Any, Any], values: Sequence[Any]) -> str:
    kind = _kind(field)
    word = _WORDS.get(kind, str)
    if kind in _BARE:
        return "{" + ",".join(["NULL" if value is None else word(value) for value in values]) + "}"
    if None in values:
        return "{" + ",".join(["NULL" if value is None else f'"{_escaped(word(value))}"' for value in values]) + "}"
    words = values if word is str else [word(value) for value in values]
    # The whole column is escaped at once, parted by a character that hardly any text holds.
    whole = "\x01".join(words)
    if whole.count("\x01") != len(words) - 1:
        return "{" + ",".join([f'"{_escaped(word)}"' for word in words]) + "}"
    return '{"' + _escaped(whole).replace("\x01", '","') + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _unnest(
    fields: Sequence[models.Field[Any, Any]], rows: Sequence[Row], *, numbered: bool = False
) -> tuple[str, list[Any]]:
    """The rows as a FROM item `v` with columns `c0`, `c1` … (`numbered`: and their place `n`), and its parameters."""
    columns = list(zip(*rows, strict=True))
    types = [_TYPES.get(_kind(field), "text") for field in fields]
    arrays, picked, alike, unnested = [], [], [], []
    for i, (field, values, type_) in enumerate(zip(fields, columns, types, strict=True)):
        if _constant(field, values) and (i or len(rows) == 1):  # one array at least says how many rows there are
            picked.append(f"%s::{type_} AS c{i}")
            alike.append(None if values[0] is None else _WORDS.get(_kind(field), str)(values[0]))
        else:
            picked.append(f"c{i}::jsonb AS c{i}" if _kind(field) == "JSONField" else f"c{i}")
            arrays.append(f"%s::{type_}[]")
            unnested.append((f"c{i}", _array(field, values)))
    if numbered:
        picked.append("n" if arrays else "1 AS n")
    if not arrays:
        return f"(SELECT {', '.join(picked)}) AS v", alike
    heads = ", ".join(name for name, _ in unnested)
    source = f"unnest({', '.join(arrays)})"
    source += f" WITH ORDINALITY AS r({heads}, n)" if numbered else f" AS r({heads})"
    return f"(SELECT {', '.join(picked)} FROM {source}) AS v", [*alike, *(literal for _, literal in unnested)]


# -- SQLite: values as Django binds them -------------------------------------------------------------------------------


def _instant(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ")[:-6]  # the ORM stores UTC without saying so


_STORED: dict[str, Codec] = {
    "JSONField": json.dumps,
    "DateTimeField": _instant,
    "DateField": date.isoformat,
    "UUIDField": lambda value: value.hex,
}


def _stored(fields: Sequence[models.Field[Any, Any]], rows: Sequence[Row]) -> Sequence[Row]:
    codecs = [_STORED.get(_kind(field)) for field in fields]
    if not any(codecs):
        return rows
    columns = [
        values if codec is None else [None if value is None else codec(value) for value in values]
        for codec, values in zip(codecs, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


def _values(fields: Sequence[models.Field[Any, Any]], rows: Sequence[Row]) -> Iterator[tuple[str, list[Any]]]:
    """VALUES lists of the rows with their parameters: one, unless there are more than SQLite binds."""
    holes = f"({', '.join(['%s'] * len(fields))})"
    stored, size = _stored(fields, rows), SQLITE_PARAMETERS // len(fields)
    for start in range(0, len(stored), size):
        part = stored[start : start + size]
        yield ", ".join([holes] * len(part)), [value for row in part for value in row]


# -- reading back ------------------------------------------------------------------------------------------------------


def _aware(value: datetime | str) -> datetime:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).replace(tzinfo=UTC)


def _loaded(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.MsgspecError:  # NaN, which SQLite keeps as the ORM wrote it
        return json.loads(value)


_READ: dict[str, dict[str, Codec]] = {
    "postgresql": {"JSONField": _loaded, "DateTimeField": datetime.fromisoformat, "BinaryField": bytes},
    "sqlite": {
        "JSONField": _loaded,
        "DateTimeField": _aware,
        "DateField": lambda value: date.fromisoformat(value) if isinstance(value, str) else value,
        "UUIDField": UUID,
        "BinaryField": bytes,
        "BooleanField": bool,
    },
}


def _read(fields: Sequence[models.Field[Any, Any]], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    codecs = [_READ[connection.vendor].get(_kind(field)) for field in fields]
    if not rows or not any(codecs):
        return rows
    columns = [
        values if codec is None else [None if value is None else codec(value) for value in values]
        for codec, values in zip(codecs, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))
