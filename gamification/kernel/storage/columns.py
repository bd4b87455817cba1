"""Columns' names, and their values as each database takes and gives them: what `sql` composes its statements of.

On PostgreSQL a column of values is one array literal. On SQLite each value is bound by itself. What depends on nothing
but the columns is worked out once: for a batch of one event it would cost as much as the event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from django.db import connection, models

from gamification.kernel.core.encoding import json_text
from gamification.kernel.event_columns import JsonText, hash_of

Row = Sequence[Any]
Codec = Callable[[Any], Any]
Field: TypeAlias = "models.Field[Any, Any]"

FEW = 4
"""Rows below which it takes longer to turn them into columns and back than to go through them."""
SQLITE_PARAMETERS = 32_766
"""SQLite's own default bound on parameters; a longer VALUES list goes out in several statements."""

# -- names -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def column(model: type[models.Model], name: str) -> Field:
    for field in model._meta.concrete_fields:
        if name in (field.column, field.attname, field.name):
            return field
    raise LookupError(f"{model.__name__} has no column {name!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Some columns of a table."""

    fields: tuple[Field, ...]
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    """Quoted."""
    list: str
    """The names, as INSERT has them."""
    holes: str
    """A row of placeholders."""
    picked: str
    """What SELECT names to read them from `t`."""
    returned: str
    """What RETURNING names to read them."""
    types: tuple[str, ...]
    """PostgreSQL's types of their values, as those are handed over."""
    literals: tuple[Codec, ...]
    stored: tuple[tuple[int, Codec], ...]
    """Place and codec of those whose values SQLite is not given as they are."""
    read: tuple[tuple[int, Codec], ...]
    """Place and codec of those whose values are not taken as they come."""
    back: tuple[tuple[int, Codec], ...]
    """The same of what RETURNING gave."""

    def __len__(self) -> int:
        return len(self.fields)


def columns(model: type[models.Model], names: Iterable[str]) -> Columns:
    return _columns(model, tuple(names))


@lru_cache(maxsize=1024)
def _columns(model: type[models.Model], names: tuple[str, ...]) -> Columns:
    fields = tuple(column(model, name) for name in names)
    kinds = tuple(_kind(field) for field in fields)
    read = _READ[vendor()]
    return Columns(
        fields=fields,
        kinds=kinds,
        names=tuple(quoted(field) for field in fields),
        list=", ".join(quoted(field) for field in fields),
        holes=f"({', '.join(['%s'] * len(fields))})",
        picked=", ".join(picked(field, "t.") for field in fields),
        returned=", ".join(returned(field) for field in fields),
        types=tuple(_TYPES.get(kind, "text") for kind in kinds),
        literals=tuple(_LITERALS.get(kind, str) for kind in kinds),
        stored=tuple((place, _STORED[kind]) for place, kind in enumerate(kinds) if kind in _STORED),
        read=tuple((place, read[kind]) for place, kind in enumerate(kinds) if kind in read),
        back=tuple(
            (place, read[kind])
            for place, kind in enumerate(kinds)
            if kind in read and not (vendor() == "postgresql" and kind == "DateTimeField")
        ),
    )


@cache
def vendor() -> str:
    """Which database it is. To ask the connection each time takes longer than to compose a statement."""
    return str(connection.vendor)


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
    as_text = vendor() == "postgresql" and _kind(field) in ("DateTimeField", "JsonText")
    return f"{of}{quoted(field)}{'::text' if as_text else ''}"


def returned(field: Field) -> str:
    """A column as RETURNING names it. Citus takes nothing there that depends on a setting, as the text of an instant
    does."""
    return quoted(field) if _kind(field) == "DateTimeField" else picked(field)


@lru_cache(maxsize=1024)
def table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


@lru_cache(maxsize=1024)
def _kind(field: Field) -> str:
    """What a column holds, as far as its values must be treated differently; a foreign key holds its target's."""
    if isinstance(field, JsonText):
        return "JsonText"
    return str((field.target_field if isinstance(field, models.ForeignKey) else field).get_internal_type())


@lru_cache(maxsize=1024)
def matching(model: type[models.Model], names: tuple[str, ...]) -> str:
    """The condition that a row `t` of the table is the one that a row `v` of values (`c0`, `c1` …) names."""
    fields = columns(model, names).fields
    found = [f"t.{quoted(field)} = v.c{i}" for i, field in enumerate(fields)]
    if vendor() == "postgresql" and hasattr(model, "found_by_hash"):
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


def _constant(kind: str, values: Sequence[Any]) -> bool:
    """Whether all values are stored alike. Not asked of JSON, where `1`, `1.0` and `true` would seem to be."""
    return values[-1] == values[0] and kind not in _CAST and values.count(values[0]) == len(values)


def _array(kind: str, word: Codec, values: Sequence[Any]) -> str:
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


def unnest(cols: Columns, rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """The rows, in their order, as a FROM item `v` with columns `c0`, `c1` …, and its parameters."""
    if len(rows) == 1:
        return _single(cols), [
            None if value is None else word(value) for word, value in zip(cols.literals, rows[0], strict=True)
        ]
    arrays, picked, alike, unnested = [], [], [], []
    columns = zip(zip(*rows, strict=True), cols.kinds, cols.types, cols.literals, strict=True)
    for i, (values, kind, type_, word) in enumerate(columns):
        if i and _constant(kind, values):  # one array at least says how many rows there are
            picked.append(f"%s::{type_} AS c{i}")
            alike.append(None if values[0] is None else word(values[0]))
        else:
            picked.append(f"c{i}{_CAST[kind]} AS c{i}" if kind in _CAST else f"c{i}")
            arrays.append(f"%s::{type_}[]")
            unnested.append((f"c{i}", _array(kind, word, values)))
    heads = ", ".join(name for name, _ in unnested)
    source = f"unnest({', '.join(arrays)}) AS r({heads})"
    return f"(SELECT {', '.join(picked)} FROM {source}) AS v", [*alike, *(literal for _, literal in unnested)]


@lru_cache(maxsize=1024)
def _single(cols: Columns) -> str:
    casts = (_CAST.get(kind, f"::{type_}") for kind, type_ in zip(cols.kinds, cols.types, strict=True))
    return f"(SELECT {', '.join(f'%s{cast} AS c{i}' for i, cast in enumerate(casts))}) AS v"


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


def stored(cols: Columns, rows: Sequence[Row]) -> Sequence[Row]:
    bound: Sequence[Row] = _recoded(cols.stored, rows)
    return bound


def values_lists(cols: Columns, rows: Sequence[Row]) -> Iterator[tuple[str, list[Any]]]:
    """VALUES lists of the rows with their parameters: one, unless there are more than SQLite binds."""
    bound, size = stored(cols, rows), SQLITE_PARAMETERS // len(cols)
    for start in range(0, len(bound), size):
        part = bound[start : start + size]
        yield ", ".join([cols.holes] * len(part)), [value for row in part for value in row]


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


def read(cols: Columns, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = _recoded(cols.read, rows)
    return found


def read_back(cols: Columns, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The same of what RETURNING gave."""
    found: list[tuple[Any, ...]] = _recoded(cols.back, rows)
    return found


def _recoded(codecs: Sequence[tuple[int, Codec]], rows: Sequence[Row]) -> Any:
    """The rows with the values at these places put through their codecs."""
    if not rows or not codecs:
        return rows
    if len(rows) < FEW:
        return [_recoded_row(codecs, row) for row in rows]
    columns: list[Any] = list(zip(*rows, strict=True))
    for place, codec in codecs:
        columns[place] = [None if value is None else codec(value) for value in columns[place]]
    return list(zip(*columns, strict=True))


def _recoded_row(codecs: Sequence[tuple[int, Codec]], row: Row) -> Row:
    values = list(row)
    for place, codec in codecs:
        if values[place] is not None:
            values[place] = codec(values[place])
    return tuple(values)
