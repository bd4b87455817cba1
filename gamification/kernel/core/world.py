"""The unit of work of one transaction: what was read under lock, what was decided, what is still to be written.

Each app keeps its own `Part` of it. The pipeline composes them; no app names another's part upward.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from gamification.kernel.core import origins
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.audit import Change
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, GameEvent, Outcome, PlayerId, own_id
from gamification.kernel.core.origins import Origin

if TYPE_CHECKING:
    from gamification.kernel.content.publishing import Rules  # a name for the type checker: the core imports none above


class Part:
    """One app's identity map and pending writes within a world. `load` reads once after the players are locked and
    decides nothing; `write` writes each table once and reads nothing."""

    def __init__(self, world: World) -> None:
        self.world = world

    def load(self, events: Sequence[GameEvent]) -> None:
        """Read what these events (and whatever may follow from them) can touch."""
        self.ask(events)()

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        """`load` in two steps: send the queries that need no other's answer; what is returned takes in the answers, and
        may read what follows from them. All parts' queries are sent before the first answer is waited for.
        """
        return lambda: None

    def begin_batch(self) -> None:
        """Find everything, from here on, as if the batch before had been written and read again."""

    def write(self) -> None:
        """Write what changed, each table in one statement."""

    def forget(self, player_id: PlayerId) -> None:
        """Drop all that was read and decided of a player who is being erased, so that nothing of it is written.

        A world that erases somebody is about nobody else: a part begins anew, whatever it has come to hold.
        """
        anew = type(self)(self.world)
        vars(self).clear()
        vars(self).update(vars(anew))


P = TypeVar("P", bound=Part)


class World:
    """The unit of work of one batch or one command: everything that it may see and change.

    `rules` are the published rules read after the locks were taken, so no worker decides by stale ones.
    """

    def __init__(
        self, *, now: datetime, player_ids: Iterable[PlayerId], actor: Actor = SYSTEM, backfill: bool = False
    ) -> None:
        self.now = now
        self.player_ids = sorted(set(player_ids))
        self.actor = actor
        """Who sent the command; the service itself where game events are processed."""
        self.rules: Rules
        """Set once the players are locked; reading them earlier is a mistake and fails."""
        self.retention_cut: datetime | None
        """The latest cut ever made: older events were deleted. Set with the rules."""
        self.backfill = backfill
        """Whether this counts players' pasts: then each achievement says how its players are told."""
        self.facts: list[Fact] = []
        self.own: list[GameEvent] = []
        """Events of the service's own, stated since the last round began."""
        self.stated: list[GameEvent] = []
        """All events of the service's own in this world, in the order they were stated."""
        self.root = ""
        """What everything that happens now follows from: the event that is being counted, or (empty) a command."""
        self.asked_by = origins.current.get()
        """The request that is being answered in this world; that of a batch stands at each of its events."""
        self.origin = self.asked_by
        """The request from which everything that happens now follows, where one is known."""
        self.origins: dict[str, Origin] = {}
        """The request of each fact, by the fact's id."""
        self.banned: set[PlayerId] = set()
        """Players whose events are held; filled in when the players are locked."""
        self.withheld: set[PlayerId] = set()
        """Players whose rewards wait until a person has looked; filled in likewise."""
        self.released: list[GameEvent] = []
        """Held events that a command let go: they are the first wave."""
        self.changes: list[Change] = []
        """What a command changed, for the audit log."""
        self.numbered: list[tuple[PlayerId, int, str, dict[str, Any], datetime]] = []
        """What players are told, as it was written: player, number, type, data, and when it happened."""
        self.rounds = 0
        """The round in which events count now: the batch is the first, what it caused are the next."""
        self.outcome = Outcome()
        """What the batch at hand came to."""
        self.outcomes = [self.outcome]
        """What each batch came to, where there are several."""
        self._stated_ids: set[tuple[PlayerId, str]] = set()
        self._parts: dict[type[Part], Part] = {}

    def add(self, part: Part) -> None:
        self._parts[type(part)] = part

    def __getitem__(self, kind: type[P]) -> P:
        return self._parts[kind]  # type: ignore[return-value]

    def has(self, kind: type[Part]) -> bool:
        """Whether it was made with that part: who only looks at something needs few."""
        return kind in self._parts

    @property
    def parts(self) -> Iterable[Part]:
        return self._parts.values()

    def begin_batch(self, number: int) -> None:
        """Turn to the batch with this number, of those that are processed in this world one after the other."""
        if number:
            self.outcome.metrics = dict(self.outcome.metrics)  # worked out before this batch changes them
            for part in reversed(self._parts.values()):  # a part may still read those that it is made of
                part.begin_batch()
            self.root, self.origin = "", self.asked_by
        self.outcome = self.outcomes[number]

    def forget(self, player_id: PlayerId) -> None:
        """Have every part, and what was stated, forget a player who is being erased."""
        if self.player_ids != [player_id]:
            raise ValueError("a world that erases a player is about no other")
        self.facts, self.own, self.stated, self.released = [], [], [], []
        self.origins = {}
        self.outcome = Outcome()
        self.outcomes = [self.outcome]
        self.changes, self.numbered = [], []
        for part in self.parts:
            part.forget(player_id)

    def state(self, fact: Fact) -> None:
        """Put a fact on record: outbox, feed and whoever asked."""
        self.facts.append(fact)
        if self.origin is not None:
            self.origins[fact.id] = self.origin

    def state_event(
        self, type_: FactType, player_id: PlayerId, subject: str, occurrence: str, data: dict[str, Any], at: datetime
    ) -> None:
        """State an event of the service's own; it forms the next round."""
        id_ = own_id(type_, player_id, subject, occurrence)
        event = GameEvent(id_, player_id, type_, data, at, cause=self.root, origin=self.origin)
        if (player_id, event.id) not in self._stated_ids:
            self._stated_ids.add((player_id, event.id))
            self.own.append(event)
            self.stated.append(event)

    def next_wave(self) -> list[GameEvent]:
        wave, self.own = self.own, []
        return wave
