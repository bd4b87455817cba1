"""The words every app speaks: game events, facts, commands and refusals.

A *game event* is what a game server reports. A *fact* is what the service states after deciding. A *command* is a wish
that may be refused. All are plain data: ids and values, no models.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from gamification.kernel.core.audit import Audited, Subject
from gamification.kernel.core.encoding import canonical, instant
from gamification.kernel.core.fact_types import OWN_TYPES, FactType
from gamification.kernel.core.origins import Origin

if TYPE_CHECKING:
    from gamification.kernel.core.world import World

PlayerId = str
Json = Any

PLAYER_ID = re.compile(r"(?!(?:me|\.\.?)\Z)[A-Za-z0-9._:@-]{1,64}")
"""What a player may be called, on every route and in every message. Not `me`, which is whoever asks; not `.` or `..`,
which HTTP clients take out of a path before they send it, so that a request for them would reach another resource.
"""
A_PLAYER_ID = "A player id is 1 to 64 characters of A-Z a-z 0-9 . _ : @ - and not `me`, `.` or `..`."

REPORTED = "metrics.reported"
RESERVED_TYPES = OWN_TYPES | {REPORTED}


class Sample(NamedTuple):
    """One number an event is worth to a metric; `member` is what DISTINCT counts (None: no member)."""

    metric: str
    value: float
    member: str | None = None


@dataclass(slots=True, eq=False)
class GameEvent:
    """Something that happened in the game. `(player_id, id)` is its identity; `timestamp` is aware, in UTC."""

    id: str
    player_id: PlayerId
    type: str
    data: dict[str, Json]
    timestamp: datetime
    samples: tuple[Sample, ...] = ()
    """What it is worth, filled in when the batch is loaded."""
    valueless: tuple[str, ...] = ()
    """The metrics whose conditions it meets without a number to count."""
    cause: str | None = None
    """Of an event of the service's own: the root of the event, or command, that it followed from."""
    origin: Origin | None = None
    """The request from which it came, where one is known."""

    @property
    def order(self) -> tuple[datetime, str]:
        return (self.timestamp, self.id)

    @property
    def root(self) -> str:
        """The id of the event from which this one followed in the end; its own, where it came from outside."""
        return self.id if self.cause is None else self.cause

    def digest(self) -> bytes:
        """16 bytes that are equal for two events of one identity exactly when they say the same."""
        text = f"{self.type}\0{instant(self.timestamp)}\0".encode() + canonical(self.data)
        return hashlib.blake2b(text, digest_size=16).digest()


@dataclass(slots=True, frozen=True)
class Fact:
    """What the service states after deciding: past tense, never changed.

    `id` is a pure function of what it says, so a replay cannot state it twice. `data` is what the world is told;
    `message` is what the player is told (None: nothing).
    """

    id: str
    player_id: PlayerId
    type: FactType
    data: dict[str, Json]
    timestamp: datetime
    message: dict[str, Json] | None = None


def own_id(type_: str, player_id: PlayerId, subject: str, occurrence: str) -> str:
    """The id of an event or fact of the service's own: a hash, so that none is stated twice."""
    text = "\0".join((type_, player_id, subject, occurrence)).encode()
    return "~" + hashlib.blake2b(text, digest_size=20).hexdigest()


class Refused(Exception):
    """A wish that cannot be granted. Nothing has changed. Each kind has a stable `code` and an HTTP status."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, detail: str, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        """`{path, code, detail}` for each thing that is wrong, where there are several."""


class NotFound(Refused):
    code = "not_found"
    status = 404


class Invalid(Refused):
    code = "invalid"
    status = 400


@dataclass(frozen=True, kw_only=True)
class Command:
    """A wish: imperative, granted or refused whole, in one transaction with everything that follows from it."""

    for_anyone: ClassVar[bool] = False
    """Whether its `player_id` may be of somebody erased; else it is refused for that before it is looked at."""
    audited: ClassVar[Audited] = Audited.ALWAYS
    """Whether the audit log tells of it."""

    @classmethod
    def action(cls) -> str:
        """What the audit log calls it: `ClaimReward` is `claim_reward`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def subject(self) -> Subject:
        """What it is about, where it notes no change."""
        return Subject("player", getattr(self, "player_id", ""))

    def players(self) -> Sequence[PlayerId]:
        """Whose rows are locked before `handle` runs (created when unseen)."""
        player_id = getattr(self, "player_id", None)
        return [player_id] if player_id else []

    def share(self, number: int) -> int | None:
        """In which of so many shares `players` looks for them, where an id says so; None: it need not look."""

    def load(self, world: World) -> None:
        """Read what `handle` decides by, beyond what every world reads of its players."""

    def handle(self, world: World) -> Any:
        """Grant the wish in `world`; may raise `Refused`. What it returns is the caller's answer."""
        raise NotImplementedError


@dataclass(slots=True)
class Outcome:
    """What a batch came to, for whoever sent it."""

    fresh: list[GameEvent] = field(default_factory=list)
    """The events that were new, the very objects of the batch."""
    repeated: list[GameEvent] = field(default_factory=list)
    """The events that were known already."""
    refused: list[tuple[GameEvent, str, str]] = field(default_factory=list)
    """The events that only the store could refuse, the very objects of the batch, each with `code` and `detail`."""
    facts: list[Fact] = field(default_factory=list)
    metrics: Mapping[PlayerId, dict[str, dict[str, Json]]] = field(default_factory=dict)
    """player → metric → `{count, sum, max, min, latest}` of the metrics this batch touched, after it."""
    held: dict[PlayerId, list[str]] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        return len(self.fresh)

    @property
    def duplicates(self) -> int:
        return len(self.repeated)
