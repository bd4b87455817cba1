"""Columns' names, and their values as each database takes and gives them: what `sql` composes its statements of.

On PostgreSQL a column of values is one array literal. On SQLite each value is bound by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from django.db import connection, models

from gamification.kernel.core.encoding import json_text
from gamification.kernel.event_columns import JsonText, hash_of

Row = Sequence[Any]
Codec = Callable[[Any], Any]
Field: TypeAlias = "models.Field[Any, Any]"

SQLITE_PARAMETERS = 32_766
"""SQLite's own default bound on parameters; a longer VALUES list goes out in several statements."""

# -- names -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def column(model: type[models.Model], name: str) -> Field:
    for field in model._meta.concrete_fields:
        if name in (field.column, field.attname, field.name):
            return field
    raise LookupError(f"{model.__name__} has no column {name!r}")


def columns(model: type[models.Model], names: Sequence[str] | Mapping[str, Any]) -> list[Field]:
    return [column(model, name) for name in names]


@lru_cache(maxsize=1024)
def unique_key(model: type[models.Model]) -> tuple[str, ...]:
    """The columns of a model's unique constraint, in their order: by these its rows are found, sorted and upserted."""
    [constraint] = [
        each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint) and each.condition is None
    ]
    return tuple(constraint.fields)


@lru_cache(maxsize=1024)
def quoted(field: Field) -> str:
    return connection.ops.quote_name(str(field.column))  # both databases quote alike


def picked(field: Field, of: str = "") -> str:
    """A column as it is read: PostgreSQL's instants as text, which Python parses ten times faster than the driver, and
    what is kept as text."""
    as_text = connection.vendor == "postgresql" and _kind(field) in ("DateTimeField", "JsonText")
    return f"{of}{quoted(field)}{'::text' if as_text else ''}"


def table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache(maxsize=1024)
def _kind(field: Field) -> str:
    """What a column holds, as far as its values must be treated differently; a foreign key holds its target's."""
    if isinstance(field, JsonText):
        return "JsonText"
    return str((field.target_field if isinstance(field, models.ForeignKey) else field).get_internal_type())


def matching(model: type[models.Model], fields: Sequence[Field]) -> str:
    """The condition that a row `t` of the table is the one that a row `v` of values (`c0`, `c1` …) names."""
    found = [f"t.{quoted(field)} = v.c{i}" for i, field in enumerate(fields)]
    if connection.vendor == "postgresql" and hasattr(model, "found_by_hash"):
        place = {str(field.column): i for i, field in enumerate(fields)}
        key: tuple[str, ...] = model.found_by_hash
        for width in range(1, len(key) + 1):
            if all(name in place for name in key[:width]):
                theirs = hash_of(*(f"t.{name}" for name in key[:width]))
                found.append(f"{theirs} = {hash_of(*(f'v.c{place[name]}' for name in key[:width]))}")
    return " AND ".join(found)


# -- PostgreSQL: a column is an array literal --------------------------------------------------------------------------

_TYPES = {
    "JSONField": "text",
    "JsonText": "text",
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


_LITERALS: dict[str, Codec] = {
    "JSONField": json_text,
    "JsonText": json_text,
    "DateTimeField": datetime.isoformat,
    "DateField": date.isoformat,
    "UUIDField": lambda value: value.hex,
    "BinaryField": lambda value: "\\x" + value.hex(),
    "BooleanField": lambda value: "t" if value else "f",
}
_CAST = {"JSONField": "::jsonb", "JsonText": "::json"}
_UNQUOTED = frozenset(_TYPES) - {"JSONField", "JsonText", "BinaryField"}
"""Kinds whose literals need no quotes within an array literal."""


def _constant(field: Field, values: Sequence[Any]) -> bool:
    """Whether all values are stored alike. Not asked of JSON, where `1`, `1.0` and `true` would seem to be."""
    return values[-1] == values[0] and _kind(field) not in _CAST and values.count(values[0]) == len(values)


def _array(field: Field, values: Sequence[Any]) -> str:
    kind = _kind(field)
    word = _LITERALS.get(kind, str)
    if kind in _UNQUOTED:
        return "{" + ",".join(["NULL" if value is None else word(value) for value in values]) + "}"
    if None in values:
        return "{" + ",".join(["NULL" if value is None else f'"{_escaped(word(value))}"' for value in values]) + "}"
    words = values if word is str else [word(value) for value in values]
    # The whole column is escaped at once, joined by a character that hardly any text holds.
    whole = "\x01".join(words)
    if whole.count("\x01") != len(words) - 1:
        return "{" + ",".join([f'"{_escaped(word)}"' for word in words]) + "}"
    return '{"' + _escaped(whole).replace("\x01", '","') + '"}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def unnest(fields: Sequence[Field], rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """The rows, in their order, as a FROM item `v` with columns `c0`, `c1` …, and its parameters."""
    columns = list(zip(*rows, strict=True))
    types = [_TYPES.get(_kind(field), "text") for field in fields]
    arrays, picked, alike, unnested = [], [], [], []
    for i, (field, values, type_) in enumerate(zip(fields, columns, types, strict=True)):
        if _constant(field, values) and (i or len(rows) == 1):  # one array at least says how many rows there are
            picked.append(f"%s::{type_} AS c{i}")
            alike.append(None if values[0] is None else _LITERALS.get(_kind(field), str)(values[0]))
        else:
            picked.append(f"c{i}{_CAST[_kind(field)]} AS c{i}" if _kind(field) in _CAST else f"c{i}")
            arrays.append(f"%s::{type_}[]")
            unnested.append((f"c{i}", _array(field, values)))
    if not arrays:
        return f"(SELECT {', '.join(picked)}) AS v", alike
    heads = ", ".join(name for name, _ in unnested)
    source = f"unnest({', '.join(arrays)}) AS r({heads})"
    return f"(SELECT {', '.join(picked)} FROM {source}) AS v", [*alike, *(literal for _, literal in unnested)]


# -- SQLite: values as Django binds them -------------------------------------------------------------------------------


def _instant(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ")[:-6]  # the ORM stores UTC without saying so


_STORED: dict[str, Codec] = {
    "JSONField": json.dumps,
    "JsonText": json.dumps,
    "DateTimeField": _instant,
    "DateField": date.isoformat,
    "UUIDField": lambda value: value.hex,
}


def stored(fields: Sequence[Field], rows: Sequence[Row]) -> Sequence[Row]:
    codecs = [_STORED.get(_kind(field)) for field in fields]
    if not any(codecs):
        return rows
    columns = [
        values if codec is None else [None if value is None else codec(value) for value in values]
        for codec, values in zip(codecs, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))


def values_lists(fields: Sequence[Field], rows: Sequence[Row]) -> Iterator[tuple[str, list[Any]]]:
    """VALUES lists of the rows with their parameters: one, unless there are more than SQLite binds."""
    holes = f"({', '.join(['%s'] * len(fields))})"
    bound, size = stored(fields, rows), SQLITE_PARAMETERS // len(fields)
    for start in range(0, len(bound), size):
        part = bound[start : start + size]
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
    "postgresql": {
        "JSONField": _loaded,
        "JsonText": _loaded,
        "DateTimeField": datetime.fromisoformat,
        "BinaryField": bytes,
    },
    "sqlite": {
        "JSONField": _loaded,
        "JsonText": _loaded,
        "DateTimeField": _aware,
        "DateField": lambda value: date.fromisoformat(value) if isinstance(value, str) else value,
        "UUIDField": UUID,
        "BinaryField": bytes,
        "BooleanField": bool,
    },
}


def read(fields: Sequence[Field], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    codecs = [_READ[connection.vendor].get(_kind(field)) for field in fields]
    if not rows or not any(codecs):
        return rows
    columns = [
        values if codec is None else [None if value is None else codec(value) for value in values]
        for codec, values in zip(codecs, zip(*rows, strict=True), strict=True)
    ]
    return list(zip(*columns, strict=True))
