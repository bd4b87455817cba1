"""`manage.py deadletters`: lists, shows, replays and drops messages that could not be processed and were parked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import amqp
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from gamification.celery import app, parked, tasks
from gamification.intake.backlog import refused_letters
from gamification.intake.confirmed_publisher import ConfirmedPublisher, NotConfirmed
from gamification.kernel.messaging import topology
from gamification.kernel.messaging.amqp_reading import UNREADABLE, body_of, undecoded

MAX_SHOWN = 60
"""Characters of each message that the list shows."""


class Command(BaseCommand):
    help = (
        "Deals with the dead-letter queue of game events (or, with --tasks, of Celery's tasks). A letter's ID is made "
        "of what it says, so it stays the same from one call to the next."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="ID, reason and beginning of what is parked, as the queue has it")
        listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most N (50)")
        showing = actions.add_parser("show", help="one letter, whole, as it was sent")
        showing.add_argument("id", metavar="ID")
        replaying = actions.add_parser("replay", help="send letters in again: what was counted is not counted twice")
        dropping = actions.add_parser("drop", help="throw letters away for good")
        for chosen in (replaying, dropping):
            which = chosen.add_mutually_exclusive_group(required=True)
            which.add_argument("ids", nargs="*", default=[], metavar="ID")
            which.add_argument("--all", action="store_true", help="all that are there now")
        for each in (listing, showing, replaying, dropping):
            each.add_argument("--tasks", action="store_true", help="Celery's tasks, not game events")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        if not settings.RABBITMQ_URL:
            raise CommandError("there is no broker here: RABBITMQ_URL is not set")
        self.of_tasks, self.gone = options["tasks"], 0
        try:
            with self._letters() as letters:
                getattr(self, f"_{action}")(letters, **options)
        except (OSError, amqp.AMQPError) as problem:
            raise CommandError(f"the broker does not answer: {problem}") from problem

    @contextmanager
    def _letters(self) -> Iterator[Iterator[Any]]:
        """The letters that are there now, one by one. Those that are not acknowledged go back to their place."""
        queue = parked if self.of_tasks else topology.dead()
        with app.connection_for_write() as connection:
            channel = undecoded(connection.channel())
            queue(channel).declare()

            def there() -> int:
                return int(channel.queue_declare(queue.name, passive=True).message_count)

            count = there()
            yield (message for _ in range(count) if (message := channel.basic_get(queue.name)))
            channel.basic_recover(requeue=True)
            deadline = time.monotonic() + 2
            while there() < count - self.gone and time.monotonic() < deadline:  # so that whoever comes next sees all
                time.sleep(0.01)

    def _list(self, letters: Iterator[Any], *, limit: int, **options: Any) -> None:
        number = 0
        for number, letter in enumerate(letters, 1):
            if number > limit:
                self.stdout.write(f"and more: --limit {limit} was reached")
                return
            beginning = body_of(letter)[:MAX_SHOWN].decode(errors="replace")
            self.stdout.write(f"{_id(letter)}  {_reason(letter)}  {beginning!r}")
        if not number:
            self.stdout.write("nothing is parked")
        with suppress(DatabaseError):  # letters can be dealt with while it is away
            if refused := refused_letters():
                self.stderr.write(f"The queue takes no more: {refused}. Replay or drop some.")

    def _show(self, letters: Iterator[Any], *, id: str, **options: Any) -> None:
        for letter in letters:
            if _id(letter) == id:
                self.stderr.write(_reason(letter))
                self.stdout.write(body_of(letter).decode(errors="backslashreplace"))
                return
        raise CommandError(f"no letter has the ID {id}")

    def _replay(self, letters: Iterator[Any], **options: Any) -> None:
        publisher = ConfirmedPublisher()
        try:
            for letter in self._chosen(letters, **options):
                self._send(publisher, letter)
                self._remove(letter)
        except NotConfirmed as problem:
            raise CommandError(f"{self.gone} replayed; the next was not confirmed and stays: {problem}") from problem
        finally:
            publisher.drop()
        self.stdout.write(f"{self.gone} replayed")

    def _drop(self, letters: Iterator[Any], **options: Any) -> None:
        for letter in self._chosen(letters, **options):
            self._remove(letter)
        self.stdout.write(f"{self.gone} dropped")

    def _remove(self, letter: Any) -> None:
        letter.channel.basic_ack(letter.delivery_tag)
        self.gone += 1

    def _chosen(self, letters: Iterator[Any], *, ids: list[str], all: bool, **options: Any) -> Iterator[Any]:
        found = set()
        for letter in letters:
            if all or _id(letter) in ids:
                found.add(_id(letter))
                yield letter
        if missing := sorted(set(ids) - found):
            raise CommandError(f"no letter has the ID {', '.join(missing)}")

    def _send(self, publisher: ConfirmedPublisher, letter: Any) -> None:
        """Send a letter again. An event needs only its body; a task also its headers and properties."""
        if not self.of_tasks:
            publisher.send(body_of(letter), exchange=topology.incoming().name, routing_key=topology.EVENT_KEY)
            return
        properties = dict(letter.properties)
        headers = properties.pop("application_headers", {})
        headers = {name: value for name, value in headers.items() if not str(name).startswith("x-")}
        publisher.send(
            body_of(letter),
            exchange=tasks.exchange.name,
            routing_key=tasks.routing_key,
            headers=headers,
            **properties,
        )


def _id(letter: Any) -> str:
    """A hash of the body; of a task, also of Celery's id for it, since its body says little."""
    named = str((letter.headers or {}).get("id", "")).encode(errors="replace")
    return hashlib.blake2b(body_of(letter) + named, digest_size=6).hexdigest()


def _reason(letter: Any) -> str:
    """Why it was parked, by the headers of the worker or of RabbitMQ. Anybody may have sent such headers."""
    headers = letter.headers or {}
    if "x-reason-code" in headers or "x-reason" in headers:
        code, reason = headers.get("x-reason-code", "unknown"), headers.get("x-reason", "without a reason")
        return f"{_one_line(code)}: {_one_line(reason)}"
    if UNREADABLE in headers:
        return f"unreadable headers: {_one_line(headers[UNREADABLE])}"
    sent_to = letter.delivery_info
    if sent_to["exchange"] == topology.incoming().name:
        return f"unrouted: no queue was bound for the key {_one_line(sent_to['routing_key'])!r}"
    deaths = headers.get("x-death")
    death = deaths[0] if isinstance(deaths, list) and deaths else {}
    why = _one_line(death.get("reason", "unknown")) if isinstance(death, dict) else "unknown"
    if why == "delivery_limit":
        return f"{why}: it came back too often, because every worker that held it was killed or cut off"
    return f"{why}: {_one_line(headers['task'])}" if "task" in headers else f"{why}: RabbitMQ parked it"


def _one_line(value: Any) -> str:
    """The text on one line, without characters that control a terminal."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))[:500]
