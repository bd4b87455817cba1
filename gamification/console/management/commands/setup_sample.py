from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from gamification.console import groups, pack_files, packs
from gamification.console.sample import CONTENT, REASON, playing_past
from gamification.kernel.content import publishing
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import ApiKey
from gamification.kernel.storage import shares
from gamification.kernel.web.access import SCOPES, create_key
from gamification.play import demo
from progress.models import Player

ADMIN = "admin"
KEY = "sample game server"
PLAYERS = 45
"""Who have played in the past that is made up."""


class Command(BaseCommand):
    help = "Load the sample game, make an admin and a game-server key, and say where to look. Safe to run twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--past", type=int, default=0, metavar="DAYS", help="days that were played already (0)")

    def handle(self, *, past: int = 0, **options: Any) -> None:
        try:
            with transaction.atomic():
                loaded = load_content(past)
                password = make_admin()
                people = make_people()
                key = make_key()
        except pack_files.BadPack as problem:
            raise CommandError(f"the sample game cannot be loaded: {problem}") from None
        if past and not any(shares.each(Player.objects.exists)):
            self._play(past)
        at = f"http://127.0.0.1:{settings.PORT}"
        self.stdout.write(f"\nThe Long Ebb, the sample game: {loaded}\n\n")
        if demo.is_open():
            self.stdout.write(f"  Play       {at}/play/\n")
        self.stdout.write(f"  Console    {at}/admin/\n  REST docs  {at}/api/docs/\n\n")
        if password:
            self.stdout.write(f"  Admin      {ADMIN} / {password}\n")
        else:
            self.stdout.write(
                f"  Admin      {ADMIN} exists; a new password: .venv/bin/python manage.py changepassword {ADMIN}\n"
            )
        for name, word in people.items():
            self.stdout.write(f"  {name.capitalize():<10} {name} / {word}\n")
        if key:
            self.stdout.write(f"  Key        {key}\n")
        else:
            self.stdout.write(
                "  Key        exists; a new one: manage.py create_api_key NAME"
                " --scope events:write --scope players:read --scope players:write\n"
            )
        if password or key:
            self.stdout.write("             Write them down: none is shown again.\n")
        self.stdout.write(first_event(at, key or "$GAMIFICATION_KEY"))

    def _play(self, days: int) -> None:
        """Have the game a past to look at, where nobody has played yet."""
        columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,} events"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"{days} days of play", total=None)
            now = timezone.now()
            count = playing_past.play(PLAYERS, days, now, tell=lambda events: progress.advance(task, events))
        self.stdout.write(f"\n{PLAYERS} players have played for {days} days: {count:,} events.\n")


def load_content(past: int = 0) -> str:
    """As of so many days ago. Only into a service without content: whoever has begun to design keeps what they did."""
    if any(publishing.current().published.values()):
        return "there is content already, nothing is loaded"
    loaded = packs.load(CONTENT, actor=SYSTEM, now=timezone.now() - timedelta(days=past), reason=REASON)
    counts = {kind: sum(plural == kind for plural, _ in loaded.created) for kind in packs.ORDER}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def make_admin() -> str | None:
    """The new admin's password; None: there is one."""
    users = get_user_model()
    if users.objects.filter(username=ADMIN).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.objects.create_superuser(ADMIN, password=password)
    return password


def make_people() -> dict[str, str]:
    """One person for each role: the passwords of those that are new."""
    users = get_user_model()
    made = {}
    for group in groups.GROUPS:
        name = groups.one_of(group)
        if not users.objects.filter(username=name).exists():
            made[name] = secrets.token_urlsafe(12)
            person = users.objects.create_user(name, password=made[name], is_staff=True)
            person.groups.add(Group.objects.get(name=group))
    return made


def make_key() -> str | None:
    """The new key; None: there is one."""
    if ApiKey.objects.filter(name=KEY).exists():
        return None
    return create_key(KEY, SCOPES)[1]


def first_event(at: str, key: str) -> str:
    return f"""
Once it serves, send a first event:

  curl -s {at}/api/v1/events -H 'Prefer: wait' \\
    -H "Authorization: Api-Key {key}" -H 'Content-Type: application/json' \\
    -d '{{"id": "hello-1", "player_id": "you", "type": "session.started",
         "data": {{"platform": "desktop"}}, "timestamp": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'

It unlocks an achievement, pays 25 salt and tells you so. What "you" have now:

  curl -s '{at}/api/v1/players/you/achievements?state=COMPLETED' -H "Authorization: Api-Key {key}"

Have others play, and watch them in the console:

  .venv/bin/python manage.py simulate --url {at} --players 50 --rate 50 --seconds 60

"""
