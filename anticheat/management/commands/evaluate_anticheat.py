"""`manage.py evaluate_anticheat EVENTS.jsonl --labels LABELS.csv [--json]`: whom the default rules find."""

from __future__ import annotations

import csv
import gc
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from anticheat.evaluating import Evaluation, table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
MOST_SAID = 20
"""Lines that are no events and are named; the rest are counted."""


class _Line(msgspec.Struct, gc=False):
    """A recorded event. It may be one of the service's own, which `import_events` would refuse."""

    id: str
    player_id: str
    type: str
    timestamp: datetime
    data: dict[str, Any] = {}
    received_at: datetime | None = None


class Command(BaseCommand):
    help = (
        "Play recorded events of labelled players through the default rules of anti-cheat, without a database: who "
        "would be found, by which rule, and after how many events. The file is in the order of arrival."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own way to declare; they ask the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("events", help="JSON lines as for import_events, and received_at where it is known")
        parser.add_argument(
            "--labels", required=True, help="CSV of player_id,class: `honest`, or any name of a cheat", metavar="CSV"
        )
        parser.add_argument("--json", action="store_true", help="all of it as JSON, on the last line")

    def handle(self, *, events: str, labels: str, **options: Any) -> None:
        classes = _labels(labels)
        evaluation = Evaluation()
        with _without_collections():
            self._play(events, evaluation)
            evaluation.finish()
        result = evaluation.result(classes)
        self.stdout.write(f"{result['events']} events of {result['players']} players")
        for said in table(result):
            self.stdout.write(said.rstrip())
        if options["json"]:
            self.stdout.write(json.dumps(result))

    def _play(self, events: str, evaluation: Evaluation) -> None:
        wrong = 0
        for number, line in _lines(events):
            try:
                event = _decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
                wrong += 1
                if wrong <= MOST_SAID:
                    self.stderr.write(f"line {number} is left out: {problem}")
                continue
            at = _milliseconds(event.timestamp)
            received = _milliseconds(event.received_at) if event.received_at else at
            digest = hash((event.type, at, str(event.data)))
            evaluation.play(event.player_id, event.id, event.type, event.data, at, received, digest)
        if wrong:
            self.stderr.write(f"{wrong} lines are no events and were left out.")


@contextmanager
def _without_collections() -> Iterator[None]:
    """Profiles hold no cycles: to look through all of them for some, again and again, takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_decode = msgspec.json.Decoder(_Line).decode


def _milliseconds(at: datetime) -> int:
    """A time without an offset is taken for UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def _lines(name: str) -> Iterator[tuple[int, bytes]]:
    try:
        with Path(name).open("rb") as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except OSError as wrong:
        raise CommandError(f"{name}: {wrong.strerror}") from None


def _labels(name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with Path(name).open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), 1):
                cells = [cell.strip() for cell in row]
                if not any(cells) or (number == 1 and cells[0] == "player_id"):
                    continue
                if len(cells) < 2 or not cells[0] or not cells[1]:
                    raise CommandError(f"{name}, line {number}: expected player_id,class")
                found[cells[0]] = cells[1]
    except OSError as wrong:
        raise CommandError(f"{name}: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{name} is not UTF-8.") from None
    return found
