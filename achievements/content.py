"""Achievements as drafts: rows to canonical definition and back, what is stated of them, what a player may see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max

from achievements import checks
from achievements.content_serializers import AchievementShape, SecretAchievementShape
from achievements.models import Achievement, AchievementPrerequisite, AchievementRequirement, AchievementReward
from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import Asked, Hidden, Kind, Name, Reference
from gamification.kernel.content.publishing import Definition
from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, own_id
from gamification.kernel.core.vocabulary import BackfillMode
from progress.content import read_requirements, requirement_rows, requirements_named, rewards_named
from progress.models import Rarity
from progress.rules.sentences import sentence
from progress.rules.vocabulary import RequirementType


def read_achievement(draft: Achievement) -> Definition:
    return {
        "id": draft.pk,
        "title": draft.title,
        "description": draft.description,
        "type": draft.type,
        "category": draft.category,
        "points": draft.points,
        "requirements": read_requirements(draft.requirements.all()),
        "match": draft.match or "ALL",
        "rewards": [line.reward_id for line in draft.rewards.all()],
        "prerequisites": [line.requires_id for line in draft.prerequisites.all()],
        "repeat": draft.repeat,
        "series": draft.series or None,
        "tier": draft.tier,
        "is_enabled": draft.is_enabled,
        "starts_at": instant(draft.starts_at) if draft.starts_at else None,
        "ends_at": instant(draft.ends_at) if draft.ends_at else None,
        "icon": draft.icon or None,
        "min_seconds": draft.min_seconds,
        "tags": draft.tags,
        "metadata": draft.metadata,
        "backfill": draft.backfill,
        "examples": draft.examples,
    }


def save_achievement(draft: Achievement, definition: Definition) -> None:
    for name in (
        "title", "description", "type", "category", "points", "match", "repeat", "tier", "is_enabled", "metadata",
        "backfill", "min_seconds", "tags", "examples",
    ):  # fmt: skip
        setattr(draft, name, definition[name])
    draft.series, draft.icon = definition["series"] or "", definition["icon"] or ""
    draft.starts_at = parse_instant(definition["starts_at"]) if definition["starts_at"] else None
    draft.ends_at = parse_instant(definition["ends_at"]) if definition["ends_at"] else None
    give_serial(draft)
    draft.save()
    draft.requirements.all().delete()
    AchievementRequirement.objects.bulk_create(
        requirement_rows(AchievementRequirement, definition["requirements"], achievement=draft)
    )
    draft.rewards.all().delete()
    AchievementReward.objects.bulk_create(
        AchievementReward(achievement=draft, position=position, reward_id=reward)
        for position, reward in enumerate(definition["rewards"])
    )
    draft.prerequisites.all().delete()
    AchievementPrerequisite.objects.bulk_create(
        AchievementPrerequisite(achievement=draft, position=position, requires_id=requires)
        for position, requires in enumerate(definition["prerequisites"])
    )


def give_serial(draft: Achievement) -> None:
    """Give a new achievement its bit in players' rows, for ever. Content is locked, or two could get the same."""
    if draft._state.adding:
        greatest = Achievement.objects.aggregate(greatest=Max("serial"))["greatest"]
        draft.serial = 0 if greatest is None else greatest + 1


def named(definition: Definition) -> Iterator[Reference]:
    yield from requirements_named(definition["requirements"])
    yield from rewards_named(definition)
    for index, required in enumerate(definition["prerequisites"]):
        yield Reference(f"prerequisites[{index}]", "achievement", required, "unknown_prerequisite")


def asked(definition: Definition, name: Name) -> Iterator[Asked]:
    """What it takes. With other dates, or another way to repeat, other samples count for all of it."""
    in_scope = {key: definition[key] for key in ("repeat", "starts_at", "ends_at")}
    for requirement in definition["requirements"]:
        yield Asked(sentence(requirement, name), {"requirement": requirement, **in_scope})


def under_way(id_: str, version: int) -> int:
    """How many are in progress, as it was rolled up last: all of them on the newest version."""
    newest = publishing.current().published.get("achievement", {}).get(id_)
    if newest is None or newest.version != version:
        return 0
    return Rarity.objects.filter(kind="achievement", content_id=id_).values_list("in_progress", flat=True).first() or 0


# -- facts -------------------------------------------------------------------------------------------------------------


def published(definition: Definition, version: int, at: datetime) -> Fact:
    """`achievement.created` with the first version, `achievement.updated` with each later one."""
    type_ = FactType.ACHIEVEMENT_CREATED if version == 1 else FactType.ACHIEVEMENT_UPDATED
    data = {name: definition[name] for name in ("id", "title", "type", "category", "points", "is_enabled")}
    return Fact(own_id(type_, "", definition["id"], str(version)), "", type_, {**data, "version": version}, at)


# -- what players see --------------------------------------------------------------------------------------------------


def show(definition: Definition, hidden: Hidden) -> Definition:
    """Show it as a player may see it: three fields of a hidden one, and no other one that names it."""
    secret = hidden.get("achievement", set())
    if definition["id"] in secret:
        return {name: definition[name] for name in ("id", "type", "points")}
    definition = {**definition, "examples": []}  # they are for whoever designs it
    if not secret:
        return definition
    return {
        **definition,
        "prerequisites": [required for required in definition["prerequisites"] if required not in secret],
        "requirements": [
            r
            for r in definition["requirements"]
            if r["type"] != RequirementType.ACHIEVEMENT or r["target"] not in secret
        ],
    }


ACHIEVEMENT = Kind(
    name="achievement",
    plural="achievements",
    model=Achievement,
    shape=AchievementShape,
    read=read_achievement,
    save=save_achievement,
    lines=("requirements", "rewards", "prerequisites"),
    advise=checks.advice,
    asks=asked,
    asked_in=("requirements",),
    under_way=under_way,
    counts_pasts=True,
    goes_on="Whoever is in progress goes on under the newest version; whoever completed an older one keeps it.",
    references=named,
    announce=published,
    backfill_mode=lambda definition: BackfillMode(definition["backfill"]),
    show=show,
    shape_when_hidden=SecretAchievementShape,
    filters=("type", "category", "is_enabled", "repeat", "series"),
    searched=("id", "title", "description"),
)
