"""How instants, numbers and JSON are written, one way everywhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")
_maybe_whole = re.compile(rb"\d(?:\.0|e|\d{15})")
"""What a double that is a whole number looks like in JSON, or an integer that may stand for one. A text without it
needs no second look."""
FORMULAS = tuple("=+-@\t\r\n")
"""What a spreadsheet takes for the beginning of a formula, or leaves out before one."""


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat()[:-6] + "Z"


def parse_instant(text: str) -> datetime:
    """The instant that `instant` wrote, or any RFC 3339 text with an offset. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an offset is missing")
    return at.astimezone(UTC)


def encoded(value: Any) -> bytes:
    """Compact JSON."""
    return msgspec.json.encode(value)


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return encoded(value).decode()


def json_text(value: Any) -> str:
    """Compact JSON text, of any integer too."""
    try:
        return dumps(value)
    except (OverflowError, msgspec.MsgspecError):  # integers beyond 64 bits
        return json.dumps(value)


def canonical(value: Any) -> bytes:
    """JSON text that is the same for equal values: keys in order, `1.0` as `1`, `1e300` as either of the integers it is
    written out as."""
    try:
        text = _encoder.encode(value)
        return _encoder.encode(_plain(value)) if _maybe_whole.search(text) else text
    except (OverflowError, msgspec.MsgspecError):  # integers beyond 64 bits
        return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if kind is list:
        return [_plain(item) for item in value]
    if kind is float and value.is_integer():
        return int(value)
    if kind is int and abs(value) > 2**53:
        return _written_out(value)
    return value


def _written_out(value: int) -> int:
    """The double that an integer beyond 2^53 writes out, digit by digit or with zeros after its shortest form; any
    other integer as it is, since readers of integers tell it from its neighbours."""
    try:
        double = float(value)
    except OverflowError:
        return value
    return int(double) if value == int(Decimal(repr(double))) else value


def number(value: float | int | None) -> float | int | None:
    """A double as JSON shows it: whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def cell(value: Any) -> Any:
    """A value as a cell of a CSV: of a text, which may be somebody's own words, none that a spreadsheet takes for a
    formula. What is a number stays one, and may be below 0.
    """
    match value:
        case str():
            return f"'{value}" if value[:1] in FORMULAS else value
        case bool() | dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return value
