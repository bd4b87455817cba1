"""Messages from RabbitMQ become batches, and each event of a batch either counts or is parked.

What a message must be is what a body over HTTP must be, and a bare list besides. Nothing here talks to a broker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from gamification.intake.decoding import decode
from gamification.kernel.core import origins
from gamification.kernel.core.halving import Parts
from gamification.kernel.core.messages import GameEvent, Invalid

logger = logging.getLogger(__name__)

MAX_EVENTS = 500
"""A batch with so many events is full. Its last message may take it beyond."""

TRIES = 10
"""Transient failures of a batch, after which one of its events is suspected of causing them."""

MAX_REASON = 500

DEAD_LETTERS = "the dead-letter queue did not confirm"
"""What a worker's heartbeat says while the worker waits to park a message."""

_DATA_ERRORS = ("21", "22", "23", "54")
"""SQLSTATE classes that blame what was written (cardinality, data, constraints, limits). Any other blames the database
or its connection, or is a schema that a deployment has not migrated yet: the same batch will be fine later."""


class DeadLetter(NamedTuple):
    """What is parked, as it was sent: an event cut out of its message, or a message that could not be read."""

    body: bytes
    code: str
    reason: str


class NotParked(Exception):
    """The broker did not confirm a dead letter; so its message stays unacknowledged."""


class NotHandedOn(Exception):
    """The broker did not confirm events that belong into other queues; so their message stays unacknowledged."""


def transient(problem: Exception) -> bool:
    """Whether the same batch may fare better later, though nothing about it changes."""
    if isinstance(problem, DatabaseError):
        state = getattr(problem.__cause__, "sqlstate", None)
        return not state.startswith(_DATA_ERRORS) if state else isinstance(problem, OperationalError | InterfaceError)
    return isinstance(problem, OSError | MemoryError | RedisError | NotParked | NotHandedOn)


@dataclass(slots=True)
class Message:
    """A message's body and the events in it, once they are read."""

    body: bytes
    events: list[tuple[int, GameEvent]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    _parts: list[bytes] | None = None

    @classmethod
    def read(cls, body: bytes, *, now: datetime, headers: Mapping[str, Any] = MappingProxyType({})) -> Message:
        """Judge each event by itself. Never raises: a body that cannot be read becomes one dead letter."""
        message = cls(body)
        try:
            decoded = decode(body, now=now, lists=True)
        except Invalid as bad:
            message.letters.append(DeadLetter(body, bad.code, bad.detail))
            return message
        message.events = decoded.good
        of = origins.of_message(headers, len(decoded.good) + len(decoded.rejected))
        for index, event in decoded.good:
            event.origin = of[index]
        for each in decoded.rejected:
            message.park(each.index, each.code, f"{each.path}: {each.detail}" if each.path else each.detail)
        return message

    def park(self, index: int, code: str, reason: str) -> DeadLetter:
        if self._parts is None:
            self._parts = _parts(self.body)
        # Where an event cannot be cut out, its whole message is parked: replayed, its other events are duplicates.
        part = self._parts[index] if index < len(self._parts) else self.body
        letter = DeadLetter(part, code, reason[:MAX_REASON].encode("ascii", "backslashreplace").decode())
        self.letters.append(letter)
        return letter


class _Wrapped(msgspec.Struct):
    events: list[msgspec.Raw]


def _parts(body: bytes) -> list[bytes]:
    """The events of a body, each as it was written."""
    start = body.lstrip(b" \t\r\n")[:1]
    try:
        if start == b"[":
            return [bytes(part) for part in msgspec.json.decode(body, type=list[msgspec.Raw])]
        return [bytes(part) for part in msgspec.json.decode(body, type=_Wrapped).events]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


class Batch:
    """Messages whose events are committed together. When `settle` is called again, it goes on with the rest."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.tags: list[int] = []
        """The messages' delivery tags, in the order they came."""
        self.size = 0
        self._todo = Parts[GameEvent]()
        self._letters: list[DeadLetter] = []
        self._tries = 0
        self._others_pass = False
        """Whether another part was processed since the last failure."""

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def is_full(self) -> bool:
        return self.size >= MAX_EVENTS

    @property
    def needs_company(self) -> bool:
        """Whether to add other messages: if these pass, one event is at fault, and else the database is."""
        return self._tries >= TRIES and self.size < 2 * MAX_EVENTS

    def add(self, message: Message, tag: int) -> None:
        self.messages.append(message)
        self.tags.append(tag)
        self.size += len(message.events)
        self._letters += message.letters
        events = [event for _, event in message.events]
        if self._tries:
            self._todo.put_first(events)
        else:
            self._todo.put_last(events)

    def settle(self, process: Callable[[Sequence[GameEvent]], object], park: Callable[[DeadLetter], None]) -> None:
        """Let every event count, or park it; then the messages may be acknowledged.

        A part that fails is split until the guilty event stands alone. Raises only what is `transient`, or NotParked;
        then call it again later.
        """
        while self._todo:
            part = self._todo.next
            try:
                if part:
                    process(part)
            except Exception as problem:
                for event in part:  # as it came: the next try measures it again
                    event.samples, event.valueless = (), ()
                if transient(problem) and not self._is_to_blame(part):
                    raise
                self._split(part, problem)
            else:
                self._todo.done()
                self._others_pass = True
        while self._letters:
            park(self._letters[0])
            self._letters.pop(0)

    def _is_to_blame(self, part: list[GameEvent]) -> bool:
        """Whether one event causes an error that seems transient: it fails each time, while others pass.

        Without this, such an event would be tried for ever and hold its worker up. Until it is known, parts are halved.
        """
        self._tries += 1
        others_passed, self._others_pass = self._others_pass, False
        if self._tries < TRIES:
            return False
        if len(part) > 1:
            self._todo.halve()
            return False
        if others_passed:
            return True
        self._todo.put_off()
        return False

    def _split(self, part: list[GameEvent], problem: Exception) -> None:
        if len(part) > 1:
            is_whole = len(part) == self.size
            logger.log(
                logging.WARNING if is_whole else logging.DEBUG,
                "%d events failed together (%s) and are tried in halves",
                len(part),
                type(problem).__name__,
            )
            self._todo.halve()
            return
        self._todo.done()
        [event] = part
        logger.error("event %s of player %s cannot be processed", event.id, event.player_id, exc_info=problem)
        for message in self.messages:
            for index, each in message.events:
                if each is event:
                    reason = f"{type(problem).__name__}: {problem}"
                    self._letters.append(message.park(index, "failed", reason))
