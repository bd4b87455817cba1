"""`manage.py export KIND`: what is kept, row by row, into a file."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from gamification.analytics import exporting, queries
from gamification.analytics.exporting import KINDS, Place
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import Change, Subject
from gamification.kernel.storage import audit_log


class Command(BaseCommand):
    help = (
        "Write events, achievements, quests, distributions or transfers of some days into a file. An export that was "
        "interrupted goes on where it was when it is run again. Players who do not count publicly are left out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="DAY", default=date(1970, 1, 1))
        parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="DAY", help="included; today")
        parser.add_argument("--format", dest="form", choices=exporting.FORMATS, default="csv")
        parser.add_argument("--output", type=Path, help="KIND.FORMAT; for Parquet a folder of parts. -: stdout")

    def handle(
        self, *, kind: str, first: date, last: date | None, form: str, output: Path | None, **options: Any
    ) -> None:
        now = timezone.now()
        last = last or queries.today(now)
        told = {"from": first.isoformat(), "to": last.isoformat(), "format": form}
        audit_log.put(SYSTEM, "export", [Change(Subject("export", kind), after=told)], at=now)
        if output == Path("-"):
            if form == "parquet":
                raise CommandError("Parquet needs a folder: --output FOLDER.")
            for text in exporting.stream(kind, first, last, form):
                self.stdout.write(text, ending="")
            return
        target = output or Path(f"{kind}.{form}")
        asked = {"kind": kind, "from": first.isoformat(), "to": last.isoformat(), "format": form}
        note = target.with_name(target.name + ".place")
        place, size = _going_on(note, target, asked)
        columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
        with ExitStack() as stack:
            progress = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
            task = progress.add_task(kind, total=None)
            writer = _Parts(target, size) if form == "parquet" else _Text(target, size, kind, form)
            stack.callback(writer.close)
            _note(note, {**asked, "place": place.as_text(), "written": size})
            for rows, after in exporting.pages(kind, first, last, place):
                written = writer.write(rows)
                _note(note, {**asked, "place": after.as_text(), "written": written})
                progress.advance(task, len(rows))
        note.unlink(missing_ok=True)
        self.stdout.write(f"{target}")


def _going_on(note: Path, target: Path, asked: dict[str, str]) -> tuple[Place, int]:
    """Where an export of the same was interrupted: the place, and how much of it is written."""
    if not note.exists():
        if target.exists():
            raise CommandError(f"{target} is there already.")
        return Place(), 0
    noted = json.loads(note.read_text())
    if any(noted.get(name) != value for name, value in asked.items()):
        raise CommandError(f"{target} was begun as another export: delete it and {note.name}, or ask for the same.")
    return Place.of(noted["place"]), int(noted["written"])


def _note(note: Path, said: dict[str, Any]) -> None:
    made = note.with_name(note.name + ".new")
    made.write_text(json.dumps(said))
    os.replace(made, note)


class _Text:
    """A text file. What was written after the last place that was noted is written again."""

    def __init__(self, target: Path, size: int, kind: str, form: str) -> None:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)  # players' data: for nobody else on this machine
        self.file = os.fdopen(descriptor, "r+b")
        self.file.truncate(size)
        self.file.seek(size)
        self.as_text = exporting.TEXTS[form]
        if not size:
            self.file.write(exporting.head(kind, form).encode())

    def write(self, rows: list[exporting.Row]) -> int:
        self.file.write(self.as_text(rows).encode())
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


class _Parts:
    """A folder of Parquet files, a page each: such a file cannot be appended to."""

    def __init__(self, target: Path, written: int) -> None:
        try:
            import pyarrow as arrow
            import pyarrow.parquet as parquet
        except ImportError:
            raise CommandError("Parquet needs the extra: pip install '.[parquet]'.") from None
        self.arrow, self.parquet, self.target, self.number = arrow, parquet, target, written
        target.mkdir(mode=0o700, exist_ok=True)

    def write(self, rows: list[exporting.Row]) -> int:
        if rows:
            columns = {name: [_flat(row[name]) for row in rows] for name in rows[0]}
            self.parquet.write_table(self.arrow.table(columns), self.target / f"part-{self.number:06}.parquet")
            self.number += 1
        return self.number

    def close(self) -> None:
        pass


def _flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else exporting.plain(value)
