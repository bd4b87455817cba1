"""Write a random SECRET_KEY into `.env`, where neither that nor the environment has one."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Writes a random SECRET_KEY into .env, which nobody else may read then, unless one is set already."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own way to declare

    def handle(self, **options: Any) -> None:
        if settings.SECRET_KEY != settings.INSECURE_SECRET_KEY:
            return
        file = settings.BASE_DIR / ".env"
        kept = file.read_text().splitlines() if file.exists() else []
        lines = [line for line in kept if line.partition("=")[0].strip() != "SECRET_KEY"]  # an empty one
        draft = file.with_name(f".env.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.write("\n".join([*lines, f"SECRET_KEY={secrets.token_urlsafe(50)}", ""]))
        draft.replace(file)
        self.stdout.write(f"A SECRET_KEY of your own stands in {file}.")
