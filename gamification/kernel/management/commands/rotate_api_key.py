"""Give a key its successor. As with create_api_key, the new one is shown once, alone on the last line."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from gamification.kernel.models import ApiKey
from gamification.kernel.web.access import rotate


class Command(BaseCommand):
    help = (
        "Make a key with the name and scopes of another and print it, alone on the last line. The old one goes on "
        "working for a while, so that the game servers can be moved over one by one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="which key: what stands before its dot, as the console shows it")
        parser.add_argument(
            "--overlap-hours", type=int, default=24, metavar="N", help="how long the old one still works (24)"
        )

    def handle(self, *args: Any, prefix: str, overlap_hours: int, **options: Any) -> None:
        if not 0 <= overlap_hours <= 24 * 365:
            raise CommandError("--overlap-hours is from 0 to 8760")
        now = timezone.now()
        at_work = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
        key = at_work.filter(prefix=prefix).first()
        if key is None:
            known = ", ".join(f"{k.prefix} ({k.name})" for k in at_work.order_by("name", "id")) or "there is none"
            raise CommandError(f"no key at work has this prefix: {known}")
        _, text = rotate(key, now=now, overlap=timedelta(hours=overlap_hours))
        self.stdout.write(f"Key of {key.name} for {', '.join(key.scopes)}, in place of {key.prefix}, which works until")
        self.stdout.write(f"{key.expires_at:%Y-%m-%d %H:%M} UTC. It is not shown again:")
        self.stdout.write(text)
