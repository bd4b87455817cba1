"""load_content FILE…: load content packs, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gamification.console import pack_files, packs
from gamification.kernel.content.released import LockedByRelease, ReviewRequired
from gamification.kernel.core.actors import SYSTEM, Actor


class Command(BaseCommand):
    help = "Loads content packs (YAML or JSON) as one publication: all of it, or nothing when anything is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
        parser.add_argument(
            "--who", metavar="NAME", help="the person who is named in the versions; else the service itself is"
        )
        parser.add_argument(
            "--release", default="", metavar="TITLE", help="make a release of what differs, and publish nothing"
        )
        parser.add_argument("--reason", default="", help="why, for the versions")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = packs.load(
                options["files"],
                actor=Actor.user(options["who"]) if options["who"] else SYSTEM,
                reason=options["reason"],
                now=timezone.now(),
                dry_run=options["dry_run"],
                release=options["release"],
            )
        except (ReviewRequired, LockedByRelease) as refused:
            raise CommandError(f"Nothing was loaded: {refused.code}: {refused.detail}") from None
        except pack_files.BadPack as bad:
            lines = [f"{error['path']}: {error['code']}: {error['detail']}" for error in bad.errors]
            raise CommandError("Nothing was loaded:\n" + "\n".join(f"  {line}" for line in lines)) from None
        would = "would be " if options["dry_run"] else ""
        for what, names in (("created", loaded.created), ("updated", loaded.updated)):
            for plural, id_ in names:
                self.stdout.write(f"{would}{what}: {plural} {id_}")
        for each in loaded.warnings:
            self.stdout.write(f"warning: {each['path']}: {each['code']}: {each['detail']}")
        self.stdout.write(
            f"{len(loaded.created)} {would}created, {len(loaded.updated)} {would}updated, "
            f"{len(loaded.unchanged)} unchanged"
        )
        if loaded.release is not None:
            self.stdout.write(f"release {loaded.release} was made of it, and nothing published")
        if loaded.backfill is not None and not options["dry_run"]:
            self.stdout.write(f"players' pasts are being counted: backfill {loaded.backfill}")
