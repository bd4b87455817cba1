"""Metrics and levels as drafts: rows to canonical definition and back; requirements, wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from gamification.kernel.content.kinds import Kind, Reference
from gamification.kernel.content.publishing import Definition
from gamification.kernel.web.strict_fields import whole
from progress import checks
from progress.content_serializers import LevelShape, MetricShape
from progress.models import Level, LevelReward, Metric, MetricCondition, RequirementFields
from progress.rules.vocabulary import TRAITS, RequirementType

R = TypeVar("R", bound=RequirementFields)


# -- metrics -----------------------------------------------------------------------------------------------------------


def read_metric(draft: Metric) -> Definition:
    return {
        "id": draft.pk,
        "name": draft.name,
        "description": draft.description,
        "unit": draft.unit,
        "event_type": draft.event_type,
        "value_field": draft.value_field or None,
        "member_field": draft.member_field or None,
        "conditions": [{"field": c.field, "op": c.op, "value": c.value} for c in draft.conditions.all()],
        "reported_by": draft.reported_by,
        "tags": draft.tags,
    }


def save_metric(draft: Metric, definition: Definition) -> None:
    for name in ("name", "description", "unit", "event_type", "reported_by", "tags"):
        setattr(draft, name, definition[name])
    draft.value_field = definition["value_field"] or ""
    draft.member_field = definition["member_field"] or ""
    draft.save()
    draft.conditions.all().delete()
    MetricCondition.objects.bulk_create(
        MetricCondition(metric=draft, position=position, **condition)
        for position, condition in enumerate(definition["conditions"])
    )


# -- levels ------------------------------------------------------------------------------------------------------------


def read_level(draft: Level) -> Definition:
    rewards = [line.reward_id for line in draft.rewards.all()]
    return {"level": draft.level, "xp": draft.xp, "rewards": rewards, "tags": draft.tags}


def save_level(draft: Level, definition: Definition) -> None:
    draft.level, draft.xp, draft.tags = definition["level"], definition["xp"], definition["tags"]
    draft.save()
    draft.rewards.all().delete()
    LevelReward.objects.bulk_create(
        LevelReward(level=draft, position=position, reward_id=reward)
        for position, reward in enumerate(definition["rewards"])
    )


def rewards_named(definition: Definition, path: str = "rewards") -> Iterator[Reference]:
    """The references of a `rewards` list, wherever there is one."""
    for index, reward in enumerate(definition["rewards"]):
        yield Reference(f"{path}[{index}]", "reward", reward, "unknown_reward")


# -- requirements ------------------------------------------------------------------------------------------------------


def read_requirements(rows: Iterable[RequirementFields]) -> list[Definition]:
    return [_read_requirement(row) for row in rows]


def _read_requirement(row: RequirementFields) -> Definition:
    fields: dict[str, Any] = {
        "metric": row.metric_id,
        "target": row.target or None,
        "operator": row.operator or None,
        "threshold": None if row.threshold is None else whole(row.threshold),
    }
    needed = TRAITS[RequirementType(row.type)].needs
    definition = {"type": row.type, **{name: fields[name] for name in needed}}
    if "metric" in needed:
        frame = row.duration is not None or bool(row.unit)
        definition["timeframe"] = {"duration": row.duration, "unit": row.unit} if frame else None
    return definition


def requirement_rows(row: type[R], definitions: Sequence[Definition], **owner: Any) -> list[R]:
    """Rows to create for `requirements`; `owner` is their foreign key."""
    rows = []
    for position, definition in enumerate(definitions):
        frame = definition.get("timeframe") or {}
        rows.append(
            row(
                position=position,
                type=definition["type"],
                metric_id=definition.get("metric"),
                target=definition.get("target") or "",
                operator=definition.get("operator") or "",
                threshold=definition.get("threshold"),
                duration=frame.get("duration"),
                unit=frame.get("unit") or "",
                **owner,
            )
        )
    return rows


def requirements_named(requirements: Sequence[Definition], path: str = "requirements") -> Iterator[Reference]:
    for index, requirement in enumerate(requirements):
        if metric := requirement.get("metric"):
            yield Reference(f"{path}[{index}].metric", "metric", metric, "unknown_metric")
        if requirement["type"] in ("ACHIEVEMENT", "QUEST"):
            kind = requirement["type"].lower()
            yield Reference(f"{path}[{index}].target", kind, requirement["target"], "unknown_target")


METRIC = Kind(
    name="metric",
    plural="metrics",
    model=Metric,
    shape=MetricShape,
    read=read_metric,
    save=save_metric,
    lines=("conditions",),
    advise=checks.metric_advice,
    filters=("event_type", "reported_by"),
    searched=("id", "name", "description"),
)
LEVEL = Kind(
    name="level",
    plural="levels",
    model=Level,
    shape=LevelShape,
    read=read_level,
    save=save_level,
    lines=("rewards",),
    key="level",
    references=rewards_named,
    order="level",
)
