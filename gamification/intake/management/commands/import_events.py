"""`manage.py import_events FILE`: JSON lines through the pipeline."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from gamification.intake import in_place
from gamification.intake.decoding import MAX_BODY, MAX_EVENTS, decode_lines
from gamification.kernel.core.messages import Outcome


@dataclass(slots=True)
class Sums:
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    held: int = 0
    facts: int = 0


class Command(BaseCommand):
    help = (
        "Import game events from a file of JSON lines, one event a line. Events that are known already change nothing, "
        "so an import that was interrupted can simply be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the file; - reads standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        with ExitStack() as stack:
            file, size = _opened(options["file"], stack)
            progress = stack.enter_context(_progress())
            task = progress.add_task("events", total=size)
            sums = Sums()
            for batch in _batches(file):
                self._play(batch, sums)
                progress.update(task, advance=sum(len(line) for _, line in batch))
        self.stdout.write(
            f"{sums.lines} events: {sums.accepted} accepted, {sums.duplicates} duplicates, {sums.held} held, "
            f"{sums.rejected} rejected; {sums.facts} facts"
        )
        if sums.rejected:
            sys.exit(1)

    def _play(self, batch: list[tuple[int, bytes]], sums: Sums) -> None:
        """One batch, committed by itself; what is wrong with a line goes to stderr with its number."""
        now = timezone.now()
        numbers = [number for number, _ in batch]
        decoded = decode_lines([line for _, line in batch], now=now)
        outcome = in_place.process([event for _, event in decoded.good], now) if decoded.good else Outcome()
        place = {id(event): index for index, event in decoded.good}
        wrong = [(bad.index, bad.code, bad.path, bad.detail) for bad in decoded.rejected]
        wrong += [(place[id(event)], code, "", detail) for event, code, detail in outcome.refused]
        for index, code, path, detail in sorted(wrong):
            self.stderr.write(f"line {numbers[index]}: {code}: {f'{path}: ' if path else ''}{detail}")
        sums.lines += len(batch)
        sums.accepted += outcome.accepted
        sums.duplicates += outcome.duplicates
        sums.rejected += len(wrong)
        sums.held += sum(map(len, outcome.held.values()))
        sums.facts += len(outcome.facts)


def _opened(name: str, stack: ExitStack) -> tuple[BinaryIO, int | None]:
    """The file and how many bytes it has, as far as that is known."""
    if name == "-":
        return sys.stdin.buffer, None
    try:
        return stack.enter_context(Path(name).open("rb")), Path(name).stat().st_size
    except OSError as wrong:
        raise CommandError(f"{name}: {wrong.strerror}") from None


def _batches(file: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Up to 1,000 lines at a time with their numbers, empty ones left out."""
    lines = ((number, line) for number, line in enumerate(_lines(file), 1) if line.strip())
    while batch := list(islice(lines, MAX_EVENTS)):
        yield batch


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines; one that is far longer than any event comes cut, and so is refused, rather than filling the memory."""
    while line := file.readline(MAX_BODY):
        yield line
        while len(line) == MAX_BODY and not line.endswith(b"\n"):
            line = file.readline(MAX_BODY)


def _progress() -> Progress:
    """A bar on a terminal, nothing elsewhere. It goes to stderr, so that stdout can be piped on."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
