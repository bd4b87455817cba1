"""The screening stage: which of the admitted events may count.

An event that breaks a holding rule leaves no trace: no sample, no entry on a trail. It is kept, with a finding that
names the rule and the values, until a person releases or dismisses it. A rule that only flags notes the same finding
and lets the event count. Of several holding rules the first by name is the one that is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from django.conf import settings

from anticheat.models import Finding, Rule
from anticheat.models import Trail as TrailRow
from anticheat.rules import KINDS, HardRule, Trail, Values, broken
from gamification.kernel.core.messages import GameEvent, PlayerId
from gamification.kernel.core.stages import timed
from gamification.kernel.core.world import Part, World
from gamification.kernel.models import Event
from gamification.kernel.storage import inbox, sql
from gamification.kernel.storage.columns import unique_key

BANNED = "banned"
CASCADE = "cascade"
ID_REUSED = "id_reused"

_RULE = tuple(field.name for field in fields(HardRule))
_TRAIL = unique_key(TrailRow)


class _Found(NamedTuple):
    """The columns of a finding, in this order."""

    player_id: PlayerId
    event_id: str
    rule: str
    type: str
    values: Values
    status: str
    timestamp: datetime
    found_at: datetime


class Screening(Part):
    """The rules in force, the trails of this world's players, and what was found. Three statements to write."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.held: list[tuple[GameEvent, str, Values]] = []
        self.flagged: list[tuple[GameEvent, str, Values]] = []
        self._by_type: dict[str, list[HardRule]] = {}
        self._by_metric: dict[str, list[HardRule]] = {}
        self._trails: dict[tuple[PlayerId, str], Trail] = {}

    # -- loading -------------------------------------------------------------------------------------------------------

    def ask(self, events: Sequence[GameEvent]) -> Callable[[], None]:
        """Read the rules and the trails that these events meet: two queries at most. Samples are known by now."""
        if not events or not settings.ENABLE_ANTI_CHEAT:
            return super().ask(events)
        in_force = sql.ask_where(Rule, _RULE, {"is_enabled": True, "kind": list(KINDS)}, order_by=("name",))
        return lambda: self._take_in([HardRule(*row) for row in in_force()], events)

    def _take_in(self, rules: Iterable[HardRule], events: Sequence[GameEvent]) -> None:
        by_type, by_metric = defaultdict(list), defaultdict(list)
        for rule in rules:
            if rule.metric is None:
                by_type[rule.event_type].append(rule)
            else:
                by_metric[rule.metric].append(rule)
        self._by_type, self._by_metric = dict(by_type), dict(by_metric)
        if not by_type and not by_metric:
            return
        wanted = {
            (event.player_id, rule.name)
            for event in events
            for rule in self._rules_for(event)
            if rule.has_trail and (event.player_id, rule.name) not in self._trails
        }
        self._trails.update({key: Trail() for key in wanted})
        if wanted:
            keys = dict(zip(_TRAIL, zip(*sorted(wanted), strict=True), strict=True))
            rows = sql.select_in(TrailRow, (*_TRAIL, "seen"), keys)
            self._trails.update({(player_id, name): Trail(seen) for player_id, name, seen in rows})

    def _rules_for(self, event: GameEvent) -> list[HardRule]:
        rules = self._by_type.get(event.type, [])
        if self._by_metric and event.samples:
            metrics = dict.fromkeys(sample.metric for sample in event.samples)
            rules = rules + [rule for metric in metrics for rule in self._by_metric.get(metric, ())]
        return rules if len(rules) < 2 else sorted(rules, key=lambda rule: rule.name)

    # -- deciding ------------------------------------------------------------------------------------------------------

    def passes(self, event: GameEvent) -> bool:
        """Whether the event may count. What was found is noted."""
        if event.player_id in self.world.banned:
            self.hold(event, BANNED, {})
            return False
        rules = self._rules_for(event)
        flags: list[tuple[GameEvent, str, Values]] = []
        for rule in rules:
            values = broken(rule, event, self._trails.get((event.player_id, rule.name)), self.world.now)
            if values is None:
                continue
            if rule.holds:
                self.hold(event, rule.name, values)
                return False
            flags.append((event, rule.name, values))
        self.flagged += flags
        for rule in rules:
            if rule.has_trail:
                self._trails[event.player_id, rule.name].add(rule, event, self.world.now)
        return True

    def hold(self, event: GameEvent, rule: str, values: Values) -> None:
        self.held.append((event, rule, values))
        self.world.outcome.held.setdefault(event.player_id, []).append(event.id)

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write trails and findings. The inbox has kept all events by now; those that are held are marked so."""
        trails = [
            (*key, trail.entries) for key, trail in sorted(self._trails.items(), key=itemgetter(0)) if trail.changed
        ]
        sql.upsert(TrailRow, (*_TRAIL, "seen"), trails, conflict=_TRAIL, set_=("seen",))
        inbox.restate([(event.player_id, event.id) for event, _, _ in self.held], Event.State.HELD)
        found = [self._found(*each, Finding.Status.HELD) for each in self.held]
        found += [self._found(*each, Finding.Status.FLAGGED) for each in self.flagged]
        sql.insert(Finding, _Found._fields, sorted(found, key=itemgetter(0, 1, 2)), ignore_conflicts=True)

    def _found(self, event: GameEvent, rule: str, values: Values, status: Finding.Status) -> _Found:
        return _Found(
            player_id=event.player_id,
            event_id=event.id,
            rule=rule,
            type=event.type,
            values=values,
            status=status.value,
            timestamp=event.timestamp,
            found_at=self.world.now,
        )


@timed("screen")
def screen(world: World, events: Iterable[GameEvent]) -> list[GameEvent]:
    """The events that may count, in the order given."""
    part = world[Screening]
    return [event for event in events if part.passes(event)]


def hold(world: World, events: Iterable[GameEvent], *, rule: str, values: Values) -> None:
    """Hold events for a reason that no author wrote a rule for."""
    for event in events:
        world[Screening].hold(event, rule, values)


def note_reuse(world: World, events: Iterable[GameEvent]) -> None:
    """Note events that were refused because their id was used before for something else."""
    world[Screening].flagged += [(event, ID_REUSED, {"type": event.type}) for event in events]
