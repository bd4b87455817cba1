"""What is kept, row by row, for analysts' own tools: CSV, JSON lines or Parquet, in pages after which one can go on.

Players who do not count publicly are in none of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from achievements.models import Standing
from gamification.analytics import keeping
from gamification.analytics.counting import zone
from gamification.kernel.core.encoding import cell, dumps, instant
from gamification.kernel.models import Event
from gamification.kernel.storage import shares
from quests.models import Run
from rewards.models import Distribution, Transfer

PAGE = 2_000
FORMATS = ("csv", "jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class Export:
    model: type[Model]
    at: str
    """The column by which days are chosen."""
    fields: tuple[str, ...]
    where: dict[str, Any]


KINDS: dict[str, Export] = {
    "events": Export(
        Event, "timestamp", ("event_id", "player_id", "type", "timestamp", "received_at", "data"),
        {"state": Event.State.COUNTED},
    ),
    "achievements": Export(
        Standing, "completed_at",
        ("player_id", "achievement_id", "occurrence", "version", "points", "completed_at", "revoked_at"), {},
    ),
    "quests": Export(
        Run, "started_at",
        ("player_id", "quest_id", "run", "version", "status", "started_at", "deadline", "completed_at", "ended_at"), {},
    ),
    "distributions": Export(
        Distribution, "created_at",
        ("id", "player_id", "reward_id", "reward_version", "source", "source_id", "occurrence", "line", "status",
         "kind", "drawn", "created_at", "claimed_at", "expires_at", "revoked_at"), {},
    ),
    "transfers": Export(
        Transfer, "created_at",
        ("id", "player_id", "debit_account", "credit_account", "currency", "amount", "cause", "created_at"), {},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export goes on: in which share, and after which row."""

    share: int = 0
    after: str = ""

    def as_text(self) -> str:
        return f"{self.share}/{self.after}"

    @classmethod
    def of(cls, text: str) -> Place:
        share, _, after = text.partition("/")
        return cls(int(share), after)


Row = dict[str, Any]


def pages(kind: str, first: date, last: date, place: Place = Place()) -> Iterator[tuple[list[Row], Place]]:
    """The rows of these days, a page at a time, each with the place after it."""
    export = KINDS[kind]
    for share in list(shares.every())[place.share :]:
        after = place.after if share == place.share else ""
        while True:
            with shares.within(share):
                found = _page(export, first, last, after)
            if not found:
                break
            after = str(found[-1][0])
            left_out = _left_out(found, export, share)
            rows = [dict(zip(export.fields, row[1:], strict=True)) for row in found]
            yield [row for row in rows if row["player_id"] not in left_out], Place(share, after)


def _left_out(found: list[tuple[Any, ...]], export: Export, share: int) -> set[str]:
    """Whose rows are left out: who does not count publicly, and whom nobody knows any more."""
    players = {row[1 + export.fields.index("player_id")] for row in found}
    with shares.within(share):
        return players - keeping.counted(players)


def is_more_than(most: int, kind: str, first: date, last: date) -> bool:
    """Whether these days have more rows."""
    found = shares.each(lambda: _rows(KINDS[kind], first, last).order_by()[: most + 1].count())
    return sum(found) > most


def _rows(export: Export, first: date, last: date) -> QuerySet[Any]:
    begins, ends = (datetime.combine(day, time(), zone()) for day in (first, last + timedelta(days=1)))
    rows: QuerySet[Any] = export.model._default_manager.filter(**export.where)
    return rows.filter(**{f"{export.at}__gte": begins, f"{export.at}__lt": ends})


def _page(export: Export, first: date, last: date, after: str) -> list[tuple[Any, ...]]:
    rows = _rows(export, first, last)
    if after:
        rows = rows.filter(pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", *export.fields)[:PAGE])


# -- forms -------------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, datetime):
        return instant(value)
    return str(value) if isinstance(value, UUID) else value


def as_csv(rows: Iterable[Row]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([cell(plain(value)) for value in row.values()] for row in rows)
    return out.getvalue()


def as_lines(rows: Iterable[Row]) -> str:
    return "".join(dumps({name: plain(value) for name, value in row.items()}) + "\n" for row in rows)


def head(kind: str, form: str) -> str:
    return ",".join(KINDS[kind].fields) + "\r\n" if form == "csv" else ""


TEXTS: dict[str, Callable[[Iterable[Row]], str]] = {"csv": as_csv, "jsonl": as_lines}


def stream(kind: str, first: date, last: date, form: str) -> Iterator[str]:
    """An export as text, a page at a time."""
    yield head(kind, form)
    for rows, _ in pages(kind, first, last):
        yield TEXTS[form](rows)
