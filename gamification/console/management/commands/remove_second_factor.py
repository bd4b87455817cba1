"""remove_second_factor NAME: let a person log in by the password alone, until it is set up anew."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gamification.console import second_factor
from gamification.kernel.core.actors import SYSTEM


class Command(BaseCommand):
    help = "Takes the second factor from a person of the console who has lost it, and their recovery codes with it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"Nobody is called {options['name']}.")
        removed = second_factor.remove(user, SYSTEM, timezone.now())
        self.stdout.write(f"{user} logs in by the password alone." if removed else f"{user} had none.")
