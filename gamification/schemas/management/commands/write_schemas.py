"""`manage.py write_schemas FOLDER`: what `/api/schema/` and its neighbours answer, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from gamification.kernel.core.encoding import dumps
from gamification.schemas import asyncapi, openapi


class Command(BaseCommand):
    help = "Writes the descriptions of the service, for linters and for generators of clients, into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _files().items():
            (folder / name).write_bytes(text)
            self.stdout.write(str(folder / name))


def _files() -> dict[str, bytes]:
    texts = {f"openapi-{version}.json": openapi.text(version) for version in (openapi.NEWEST, openapi.OLDER)}
    return {**texts, "asyncapi.json": dumps(asyncapi.document()).encode()}
