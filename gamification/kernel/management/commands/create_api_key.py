"""Make a game server's key. It is shown once: alone on the last line, so that a script can take it from there."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from gamification.kernel.web.access import SCOPES, create_key


class Command(BaseCommand):
    help = "Make an API key for a game server and print it, alone on the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="whose key it is: 1 to 100 characters")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            dest="scopes",
            metavar="SCOPE",
            help=f"what it may do, once for each: {', '.join(SCOPES)}",
        )
        parser.add_argument("--rate-limit", type=int, metavar="N", help="requests a second, in place of RATE_LIMIT_KEY")
        parser.add_argument("--expires-days", type=int, metavar="N", help="it stops working after so many days")

    def handle(
        self, *args: Any, name: str, scopes: list[str], expires_days: int | None, rate_limit: int | None, **options: Any
    ) -> None:
        if not scopes:
            raise CommandError(f"a key without a scope opens nothing: give --scope, of {', '.join(SCOPES)}")
        expires = None
        if expires_days is not None:
            if not 1 <= expires_days <= 36_500:
                raise CommandError("--expires-days is from 1 to 36500")
            expires = timezone.now() + timedelta(days=expires_days)
        if rate_limit is not None and not 0 <= rate_limit <= 1_000_000:
            raise CommandError("--rate-limit is from 0, for none, to 1000000")
        try:
            key, text = create_key(name, scopes, expires, rate_limit=rate_limit)
        except ValueError as wrong:
            raise CommandError(str(wrong)) from None
        end = f" until {expires:%Y-%m-%d %H:%M} UTC" if expires else ""
        self.stdout.write(f"Key of {key.name} for {', '.join(key.scopes)}{end}. It is not shown again:")
        self.stdout.write(text)
