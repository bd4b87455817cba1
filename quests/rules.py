"""Quests and pools as they are published, compiled: plain data and decisions, no database, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.core.vocabulary import Vocabulary
from progress.periods import Period, PeriodKind, PeriodsAt
from progress.rules.goals import needed
from progress.rules.requirements import Requirement, compile_requirement
from progress.rules.samples import Metric
from progress.rules.scopes import NEVER, Repeat
from progress.rules.vocabulary import RequirementType

if TYPE_CHECKING:
    from gamification.kernel.content.publishing import Published


class CompletedBy(Vocabulary):
    """Who may complete a step by hand."""

    SERVER = "SERVER"
    PLAYER = "PLAYER"


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    id: str
    order: int
    requirements: tuple[Requirement, ...]
    need: int
    rewards: tuple[str, ...]
    is_optional: bool
    branch: str | None
    completed_by: CompletedBy


@dataclass(frozen=True, slots=True, eq=False)
class Quest:
    """One version of a quest."""

    id: str
    serial: int
    version: int
    type: str
    difficulty: str
    steps: tuple[Step, ...]
    """In the order in which they are looked at: by `order`, then as they were written."""
    rewards: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    fail_conditions: tuple[Requirement, ...]
    time_limit: int | None
    start_date: datetime | None
    end_date: datetime | None
    repeat: Repeat
    cooldown: int
    auto_start: bool
    is_active: bool
    pools: tuple[Pool, ...] = ()

    @property
    def bit(self) -> int:
        return 1 << self.serial

    def step(self, id_: str) -> Step | None:
        return next((step for step in self.steps if step.id == id_), None)

    def deadline(self, started_at: datetime, period: Period | None) -> datetime | None:
        """The last instant that counts for a run that was started then; None where there is no end."""
        ends = [self.end_date, period.closes if period else None]
        if self.time_limit is not None:
            ends.append(started_at + timedelta(seconds=self.time_limit))
        return min((end for end in ends if end is not None), default=None)

    def is_offered(self, player_id: PlayerId, period: PeriodsAt) -> bool:
        """Whether some pool offers it to the player in that period; what is in no pool always is."""
        return not self.pools or any(self.id in offered(p, player_id, period(p.period).opens) for p in self.pools)


POOL_PERIODS = (PeriodKind.DAILY, PeriodKind.WEEKLY)
"""In what periods a pool may offer other quests."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    id: str
    quests: tuple[str, ...]
    pick: int
    period: PeriodKind


def offered(pool: Pool, player_id: PlayerId, opens: datetime) -> tuple[str, ...]:
    """The quests a pool offers a player in the period that opens then.

    Each is drawn by a hash of its own, so one quest more or less in the pool changes as little as can be.
    """

    def luck(quest_id: str) -> bytes:
        return hashlib.blake2b("\0".join((player_id, pool.id, instant(opens), quest_id)).encode()).digest()

    return tuple(sorted(pool.quests, key=luck)[: pool.pick])


@dataclass(slots=True)
class QuestRules:
    by_id: dict[str, Quest]
    """Those in play, in their newest version."""
    starting: dict[int, Quest]
    """serial → those that start by themselves."""
    starting_bits: int
    once_bits: int
    """The bits of those that can be completed once only."""
    ids: dict[int, str]
    """serial → quest, retired ones included."""
    serials: dict[str, int]
    bits: dict[tuple[RequirementType, str], int]
    """(ACHIEVEMENT or QUEST, id) → its bit in a player's row, for those that may be named."""
    pools: dict[str, Pool]
    metrics: Mapping[str, Metric]
    versions: dict[tuple[str, int], Quest] = field(default_factory=dict)
    """Older versions, and retired quests, as they were asked for."""

    def version(self, id_: str, version: int, definition: Callable[[str, str, int], dict[str, Any]]) -> Quest:
        """One version of a quest, however old; `definition` looks up what was published."""
        newest = self.by_id.get(id_)
        if newest is not None and newest.version == version:
            return newest
        if (id_, version) not in self.versions:
            self.versions[id_, version] = compile_quest(
                definition("quest", id_, version), serial=self.serials[id_], version=version, metrics=self.metrics
            )
        return self.versions[id_, version]


def compile_quest(
    definition: Mapping[str, Any],
    *,
    serial: int,
    version: int,
    metrics: Mapping[str, Metric],
    pools: Sequence[Pool] = (),
) -> Quest:
    steps = [
        Step(
            id=step["id"],
            order=step["order"],
            requirements=tuple(compile_requirement(r, metrics) for r in step["requirements"]),
            need=needed(step["match"], len(step["requirements"])),
            rewards=tuple(step["rewards"]),
            is_optional=step["is_optional"],
            branch=step["branch"],
            completed_by=CompletedBy(step["completed_by"]),
        )
        for step in definition["steps"]
    ]
    return Quest(
        id=definition["id"],
        serial=serial,
        version=version,
        type=definition["type"],
        difficulty=definition["difficulty"],
        steps=tuple(sorted(steps, key=lambda step: step.order)),
        rewards=tuple(definition["rewards"]),
        requirements=tuple(compile_requirement(r, metrics) for r in definition["requirements"]),
        fail_conditions=tuple(compile_requirement(r, metrics) for r in definition["fail_conditions"]),
        time_limit=definition["time_limit"],
        start_date=parse_instant(definition["start_date"]) if definition["start_date"] else None,
        end_date=parse_instant(definition["end_date"]) if definition["end_date"] else None,
        repeat=Repeat(definition["repeat"]),
        cooldown=definition["cooldown"] or 0,
        auto_start=definition["auto_start"],
        is_active=definition["is_active"],
        pools=tuple(pools),
    )


def compile_quests(
    published: Mapping[str, Published],
    pools: Mapping[str, Mapping[str, Any]],
    *,
    metrics: Mapping[str, Metric],
    serials: Mapping[str, int],
    achievements: Mapping[str, int],
) -> QuestRules:
    """`serials` and `achievements` (id → serial) are of all that ever were."""
    compiled = {
        id_: Pool(id_, tuple(pool["quests"]), pool["pick"], PeriodKind(pool["period"]))
        for id_, pool in sorted(pools.items())
    }
    by_id = {
        id_: compile_quest(
            item.definition,
            serial=serials[id_],
            version=item.version,
            metrics=metrics,
            pools=[pool for pool in compiled.values() if id_ in pool.quests],
        )
        for id_, item in sorted(published.items())
        if not item.retired
    }
    starting = {quest.serial: quest for quest in by_id.values() if quest.auto_start and quest.is_active}
    bits = {(RequirementType.ACHIEVEMENT, id_): 1 << serial for id_, serial in achievements.items()}
    bits |= {(RequirementType.QUEST, id_): 1 << serial for id_, serial in serials.items()}
    return QuestRules(
        by_id=by_id,
        starting=starting,
        starting_bits=sum(quest.bit for quest in starting.values()),
        once_bits=sum(quest.bit for quest in by_id.values() if quest.repeat == NEVER),
        ids={serial: id_ for id_, serial in serials.items()},
        serials=dict(serials),
        bits=bits,
        pools=compiled,
        metrics=metrics,
    )
