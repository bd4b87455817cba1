"""Achievements as the runtime knows them, and when one is complete: plain decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gamification.kernel.core.encoding import canonical, parse_instant
from gamification.kernel.core.messages import Json
from progress.rules.goals import Goal, needed
from progress.rules.requirements import DERIVED, STICKY, Requirement, compile_requirement
from progress.rules.samples import Metric
from progress.rules.scopes import ALWAYS, NEVER, Repeat, Scope
from progress.rules.vocabulary import RequirementType

if TYPE_CHECKING:
    from gamification.kernel.content.publishing import Units


SECRET = "SECRET"  # noqa: S105 - a type, no password
"""The type of achievements that a player knows nothing of until they have it."""


class Had(Protocol):
    """What is known of a player without reading standings: bits, one an achievement (or a quest)."""

    earned: int
    revoked: int
    had_before: int
    quests_known: int


class Era(NamedTuple):
    """Since when an achievement repeats as it does now, where it once did in another way."""

    version: int
    publication: int
    began_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Achievement:
    id: str
    serial: int
    version: int
    title: str
    type: str
    category: str
    points: int
    rewards: tuple[str, ...]
    prerequisites: tuple[str, ...]
    repeat: Repeat
    is_enabled: bool
    starts_at: datetime | None
    ends_at: datetime | None
    goal: Goal
    era: Era | None = None
    """None: it has always repeated as it does now."""
    bit: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bit", 1 << self.serial)

    @property
    def is_secret(self) -> bool:
        return self.type == SECRET

    def is_closed_to(self, player: Had) -> bool:
        """Whether the player has no more to do with it."""
        return self.goal.is_closed_to(player)

    def is_spent(self, player: Had, opens: datetime | None) -> bool:
        """Whether the period that opens then is not the player's to complete: they had the achievement (or had it
        revoked) while it repeated in another way, and only what opens after that counts.
        """
        if self.era is None or opens is None or opens > self.era.began_at:
            return False
        return bool(player.had_before & self.bit)

    def is_before(self, version: int) -> bool:
        """Whether what was written under that version (0: unknown) is of a time when it repeated in another way."""
        return self.era is not None and 0 < version < self.era.version

    def is_open(self, at: datetime) -> bool:
        """Whether an event of that instant may complete it."""
        return (self.starts_at is None or at >= self.starts_at) and (self.ends_at is None or at < self.ends_at)


@dataclass(slots=True)
class AchievementRules:
    by_id: dict[str, Achievement]
    waiting: dict[str, list[Achievement]]
    """achievement → those that wait for it (a prerequisite, or a requirement)."""
    waiting_for_quests: dict[str, list[Achievement]]
    """quest → those with a requirement that names it."""
    quest_bits: Mapping[str, int]
    opening: list[Achievement]
    """Those that wait for another one and count within dates or periods: any event within may complete them."""
    bits: dict[str, int]
    """achievement → its bit in a player's row, retired ones included."""
    once_bits: int
    """The bits of those in play that do not repeat."""
    by_metric: dict[str, list[Achievement]] = field(default_factory=dict)
    """metric → those with a requirement that counts it."""

    def is_before(self, id_: str, version: int) -> bool:
        """As `Achievement.is_before`; nothing is before what is not in play."""
        achievement = self.by_id.get(id_)
        return achievement is not None and achievement.is_before(version)

    def has_target(self, requirement: Requirement, player: Had) -> bool:
        """Whether the achievement or quest that a requirement names is among those a player has."""
        if requirement.type == RequirementType.QUEST:
            return bool(player.quests_known & self.quest_bits.get(requirement.target, 0))
        target = self.by_id.get(requirement.target)
        return target is not None and bool(player.earned & target.bit)


def _instant(value: str | None) -> datetime | None:
    return parse_instant(value) if value else None


def compile_achievement(
    definition: Mapping[str, Any],
    *,
    serial: int,
    version: int,
    metrics: Mapping[str, Metric],
    units: Units,
    era: Era | None = None,
) -> Achievement:
    id_, repeat = definition["id"], Repeat(definition["repeat"])
    starts_at, ends_at = _instant(definition["starts_at"]), _instant(definition["ends_at"])
    scope = Scope(repeat, starts_at, ends_at, id_ if repeat == ALWAYS else "")
    requirements = tuple(compile_requirement(r, metrics) for r in definition["requirements"])
    # What it takes: with another of these the players' pasts are looked at again.
    takes = {
        key: definition[key]
        for key in ("requirements", "match", "prerequisites", "repeat", "starts_at", "ends_at", "is_enabled")
    }
    digest = hashlib.blake2b(canonical(takes), digest_size=8).hexdigest()
    # Reaching is completing, where nothing else can stand in the way: what was reached need not be remembered then.
    at_once = repeat == NEVER and definition["is_enabled"] and not definition["prerequisites"]
    plain = (
        len(requirements) == 1
        and requirements[0].threshold > 0
        and ((requirements[0].nature == DERIVED and repeat != ALWAYS) or (requirements[0].nature == STICKY and at_once))
    )
    goal = Goal(
        owner=id_,
        requirements=requirements,
        need=needed(definition["match"], len(requirements)),
        scope=scope,
        counted_since=units.since(f"achievement:{id_}:{digest}"),
        plain=plain,
        bit=1 << serial,
    )
    return Achievement(
        id=id_,
        serial=serial,
        version=version,
        title=definition["title"],
        type=definition["type"],
        category=definition["category"],
        points=definition["points"],
        rewards=tuple(definition["rewards"]),
        prerequisites=tuple(definition["prerequisites"]),
        repeat=repeat,
        is_enabled=definition["is_enabled"],
        starts_at=starts_at,
        ends_at=ends_at,
        goal=goal,
        era=era,
    )


def compile_achievements(
    definitions: Mapping[str, Mapping[str, Any]],
    units: Units,
    *,
    metrics: Mapping[str, Metric],
    serials: Mapping[str, int],
    versions: Mapping[str, int],
    quests: Mapping[str, int],
    eras: Mapping[str, Era],
) -> AchievementRules:
    """`quests`: quest → its serial; `eras`: of those that once repeated in another way."""
    by_id = {
        id_: compile_achievement(
            definition,
            serial=serials[id_],
            version=versions[id_],
            metrics=metrics,
            units=units,
            era=eras.get(id_),
        )
        for id_, definition in definitions.items()
    }
    waiting: dict[str, list[Achievement]] = {}
    for_quests: dict[str, list[Achievement]] = {}
    for achievement in by_id.values():
        for quest in dict.fromkeys(r.target for r in achievement.goal.requirements if r.type == RequirementType.QUEST):
            for_quests.setdefault(quest, []).append(achievement)
        targets = [r.target for r in achievement.goal.requirements if r.type == RequirementType.ACHIEVEMENT]
        for other in dict.fromkeys([*achievement.prerequisites, *targets]):
            waiting.setdefault(other, []).append(achievement)
    by_metric: dict[str, list[Achievement]] = {}
    for achievement in by_id.values():
        for metric in dict.fromkeys(r.metric for r in achievement.goal.requirements if r.metric):
            by_metric.setdefault(metric, []).append(achievement)
    waits = {waiter.id for waiters in (*waiting.values(), *for_quests.values()) for waiter in waiters}
    opening = [a for a in by_id.values() if a.id in waits and a.is_enabled and a.goal.scope.is_bounded]
    quest_bits = {id_: 1 << serial for id_, serial in quests.items()}
    return AchievementRules(
        by_id=by_id,
        waiting=waiting,
        waiting_for_quests=for_quests,
        quest_bits=quest_bits,
        opening=opening,
        bits={id_: 1 << serial for id_, serial in serials.items()},
        once_bits=sum(a.bit for a in by_id.values() if a.repeat == NEVER),
        by_metric=by_metric,
    )


def own_event_data(achievement: Achievement) -> dict[str, Json]:
    return {
        "id": achievement.id,
        "type": achievement.type,
        "category": achievement.category,
        "points": achievement.points,
    }
