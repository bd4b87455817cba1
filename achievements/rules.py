"""Achievements as the runtime knows them, and when one is complete: plain decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gamification.kernel.encoding import canonical, parse_instant
from gamification.kernel.messages import Json
from progress.rules import ALWAYS, DERIVED, NEVER, STICKY, Goal, Metric, Scope, compile_requirement, needed

if TYPE_CHECKING:
    from gamification.kernel.publishing import Units


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
    repeat: str
    is_enabled: bool
    starts_at: datetime | None
    ends_at: datetime | None
    goal: Goal

    @property
    def bit(self) -> int:
        return 1 << self.serial

    def is_settled(self, bits: int) -> bool:
        """Whether a player with these bits (earned or barred) has no more to do with it."""
        return self.repeat == NEVER and bool(bits & self.bit)

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
    by_metric: dict[str, list[Achievement]] = field(default_factory=dict)
    """metric → those with a requirement that counts it."""


def _instant(value: str | None) -> datetime | None:
    return parse_instant(value) if value else None


def compile_achievement(
    definition: Mapping[str, Any], *, serial: int, version: int, metrics: Mapping[str, Metric], units: Units
) -> Achievement:
    id_, repeat = definition["id"], definition["repeat"]
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
        since=units.since(f"achievement:{id_}:{digest}"),
        plain=plain,
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
    )


def compile_achievements(
    definitions: Mapping[str, Mapping[str, Any]],
    units: Units,
    *,
    metrics: Mapping[str, Metric],
    serials: Mapping[str, int],
    versions: Mapping[str, int],
    quests: Mapping[str, int],
) -> AchievementRules:
    """`quests`: quest → its serial."""
    by_id = {
        id_: compile_achievement(definition, serial=serials[id_], version=versions[id_], metrics=metrics, units=units)
        for id_, definition in definitions.items()
    }
    waiting: dict[str, list[Achievement]] = {}
    for_quests: dict[str, list[Achievement]] = {}
    for achievement in by_id.values():
        for quest in dict.fromkeys(r.target for r in achievement.goal.requirements if r.type == "QUEST"):
            for_quests.setdefault(quest, []).append(achievement)
        targets = [r.target for r in achievement.goal.requirements if r.type == "ACHIEVEMENT"]
        for other in dict.fromkeys([*achievement.prerequisites, *targets]):
            waiting.setdefault(other, []).append(achievement)
    by_metric: dict[str, list[Achievement]] = {}
    for achievement in by_id.values():
        for metric in dict.fromkeys(r.metric for r in achievement.goal.requirements if r.metric):
            by_metric.setdefault(metric, []).append(achievement)
    waits = {waiter.id for waiters in (*waiting.values(), *for_quests.values()) for waiter in waiters}
    opening = [a for a in by_id.values() if a.id in waits and a.is_enabled and a.goal.scope.is_bounded]
    quest_bits = {id_: 1 << serial for id_, serial in quests.items()}
    return AchievementRules(by_id, waiting, for_quests, quest_bits, opening, by_metric)


def own_event_data(achievement: Achievement) -> dict[str, Json]:
    return {
        "id": achievement.id,
        "type": achievement.type,
        "category": achievement.category,
        "points": achievement.points,
    }
