"""What the newest events of a type held, beside the form that picks a metric or says what one counts.

Only the newest events are looked through, by key: there is no index of types, and nobody waits for a search of all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.db.models import Max

from gamification.kernel.models import Event
from gamification.kernel.storage import shares

NEWEST = 5_000
"""Among so many events of all types those of one are looked for, in each share."""
OF_A_TYPE = 50
VALUES = 4
MAX_DEPTH = 3
LONG = 32


@dataclass(slots=True)
class Field:
    """A field of `data`, by its dotted path: which types of values it had, and some of them."""

    path: str
    types: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True, slots=True)
class Samples:
    event_type: str
    events: int
    fields: list[Field]


def of_type(event_type: str) -> Samples:
    found = list(chain.from_iterable(shares.each(lambda: _newest(event_type))))[:OF_A_TYPE]
    fields: dict[str, Field] = {}
    for data in found:
        for path, value in _leaves(data):
            seen = fields.setdefault(path, Field(path))
            seen.count += 1
            _note(seen, value)
    return Samples(event_type, len(found), sorted(fields.values(), key=lambda each: (-each.count, each.path)))


def _newest(event_type: str) -> list[Any]:
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    # By key first, and compared here: asked for a type, a database may rather look through all events for 50 of it.
    of_late = Event.objects.filter(pk__gt=newest - NEWEST).order_by("-pk").values_list("pk", "type")
    keys = [pk for pk, type_ in of_late if type_ == event_type][:OF_A_TYPE]
    return list(Event.objects.filter(pk__in=keys).order_by("-pk").values_list("data", flat=True)) if keys else []


def _leaves(data: Any, path: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    for name, value in data.items() if isinstance(data, dict) else ():
        here = f"{path}.{name}" if path else str(name)
        if isinstance(value, dict) and depth < MAX_DEPTH:
            yield from _leaves(value, here, depth + 1)
        else:
            yield here, value


def _note(seen: Field, value: Any) -> None:
    type_ = type_of(value)
    if type_ not in seen.types:
        seen.types.append(type_)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if len(text) <= LONG else f"{text[:LONG]}…"
    if text not in seen.values and len(seen.values) < VALUES:
        seen.values.append(text)


def type_of(value: Any) -> str:
    """A value's kind in JSON, as designers call it."""
    match value:
        case bool():
            return "yes or no"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case None:
            return "nothing"
        case _:
            return "object"
