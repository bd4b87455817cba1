"""dump_content: everything in play as a content pack."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from gamification.console import pack_files, packs
from gamification.kernel.console import downloads
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.storage import audit_log


class Command(BaseCommand):
    help = "Prints the published content as a pack that load_content takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["yaml", "json"], default="yaml")
        parser.add_argument("--drafts", action="store_true", help="what designers are editing, published or not")

    def handle(self, *args: Any, **options: Any) -> None:
        pack = packs.dump(drafts=options["drafts"])
        entry = downloads.pack(options["drafts"], packs.ids(pack))
        audit_log.put(SYSTEM, "export_pack", [entry], at=timezone.now())
        self.stdout.write(pack_files.write(pack, options["format"]))
