"""dump_content: everything in play as a content pack."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gamification.console import pack_files, packs


class Command(BaseCommand):
    help = "Prints the published content as a pack that load_content takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["yaml", "json"], default="yaml")
        parser.add_argument("--drafts", action="store_true", help="what designers are editing, published or not")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(pack_files.write(packs.dump(drafts=options["drafts"]), options["format"]))
