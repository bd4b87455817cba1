"""How instants, numbers and JSON are written, one way everywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    at = at.astimezone(UTC)
    return at.isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """The instant that `instant` wrote, or any RFC 3339 text with an offset. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an offset is missing")
    return at.astimezone(UTC)


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return msgspec.json.encode(value).decode()


def canonical(value: Any) -> bytes:
    """JSON text that is the same for equal values: keys in order, `1.0` as `1`."""
    value = _plain(value)
    try:
        return _encoder.encode(value)
    except (OverflowError, msgspec.MsgspecError):  # integers beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if kind is list:
        return [_plain(item) for item in value]
    if kind is float and value.is_integer():
        return int(value)
    return value


def number(value: float | int | None) -> float | int | None:
    """A double as JSON shows it: whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
