"""`manage.py rebuild_analytics --from DAY`: the figures as they must be by what is kept."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gamification.analytics import rebuilding
from gamification.analytics.logs import is_on
from gamification.kernel.storage import shares
from progress.models import Player


class Command(BaseCommand):
    help = "Work out the figures anew, from a day on, of the events, facts and tables that are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="first", required=True, type=date.fromisoformat, metavar="DAY")
        parser.add_argument("--check", action="store_true", help="only say what differs; status 1 if anything does")

    def handle(self, *, first: date, check: bool, **options: Any) -> None:
        if not is_on():
            raise CommandError("ENABLE_ANALYTICS is off.")
        players = sum(shares.each(Player.objects.all().count))
        columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("players", total=players)
            work = rebuilding.look if check else rebuilding.rebuild
            try:
                found = work(first, lambda done: progress.update(task, completed=done))
            except rebuilding.NoLongerKept as refused:
                raise CommandError(str(refused)) from None
        differ = "differ" if check else "were put right"
        self.stdout.write(
            f"{found.looked_at} players looked at; {len(found.wrong)} figures and the rows of {len(found.players)} "
            f"players {differ}"
        )
        if check and (found.wrong or found.players):
            raise CommandError("The figures are not what they should be.", returncode=1)
