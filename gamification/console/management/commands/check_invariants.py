"""Examine whether what the database holds adds up: after a restore, or whenever you want to be sure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gamification.console import invariants
from gamification.kernel.storage import shares
from gamification.kernel.storage.read_only import read_only

MAX_NAMED = 10
TIMEOUT = 4 * 3600.0
"""Seconds that one statement may take."""


class Command(BaseCommand):
    help = "Examine whether what the database holds adds up. It reads one state of it, and locks nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = 0
        for name, found in self._found():
            named = list(islice(found, MAX_NAMED + 1))
            wrong += bool(named)
            self.stdout.write(f"{name:<24} {'WRONG' if named else 'ok'}")
            for line in named[:MAX_NAMED]:
                self.stdout.write(f"  {line}")
            if len(named) > MAX_NAMED:
                self.stdout.write("  and more")
        if wrong:
            raise CommandError(f"{wrong} of what must hold does not.")
        self.stdout.write("All of it adds up.")

    def _found(self) -> Iterator[tuple[str, Iterator[str]]]:
        with read_only(seconds=TIMEOUT):
            for name, check in invariants.OF_ALL:
                yield name, check()
        for share in shares.every():
            of_share = f" of share {share}" if shares.number() > 1 else ""
            with shares.within(share), read_only(seconds=TIMEOUT):
                for name, check in invariants.OF_EACH_SHARE:
                    yield name + of_share, check()
