"""Quests and pools as drafts: rows to canonical definition and back, what is stated of them, what a player may see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Max

from gamification.kernel.content import publishing
from gamification.kernel.content.kinds import Asked, Hidden, Kind, Name, Reference
from gamification.kernel.content.publishing import Definition
from gamification.kernel.content.retiring import Need
from gamification.kernel.core.encoding import instant, parse_instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, own_id
from gamification.kernel.models import Version
from progress.content import read_requirements, requirement_rows, requirements_named, rewards_named
from progress.rules.sentences import sentence
from progress.rules.vocabulary import RequirementType
from quests import checks, queries, reading
from quests.content_serializers import PoolShape, QuestShape
from quests.models import Pool, PoolQuest, Quest, QuestRequirement, QuestReward, Step

START, STEP, FAIL = QuestRequirement.Role.START, QuestRequirement.Role.STEP, QuestRequirement.Role.FAIL

# -- quests ------------------------------------------------------------------------------------------------------------


def read_quest(draft: Quest) -> Definition:
    requirements, rewards = list(draft.requirements.all()), list(draft.rewards.all())
    return {
        "id": draft.pk,
        "title": draft.title,
        "description": draft.description,
        "type": draft.type,
        "difficulty": draft.difficulty,
        "steps": [_read_step(step, requirements, rewards) for step in draft.steps.all()],
        "rewards": [line.reward_id for line in rewards if not line.step],
        "requirements": read_requirements(line for line in requirements if line.role == START),
        "fail_conditions": read_requirements(line for line in requirements if line.role == FAIL),
        "time_limit": draft.time_limit,
        "start_date": instant(draft.start_date) if draft.start_date else None,
        "end_date": instant(draft.end_date) if draft.end_date else None,
        "repeat": draft.repeat,
        "cooldown": draft.cooldown,
        "auto_start": draft.auto_start,
        "is_active": draft.is_active,
        "min_seconds": draft.min_seconds,
        "tags": draft.tags,
        "metadata": draft.metadata,
        "examples": draft.examples,
    }


def _read_step(step: Step, requirements: Iterable[QuestRequirement], rewards: Iterable[QuestReward]) -> Definition:
    return {
        "id": step.step_id,
        "title": step.title,
        "description": step.description,
        "order": step.order,
        "requirements": read_requirements(r for r in requirements if r.role == STEP and r.step == step.step_id),
        "match": step.match or "ALL",
        "rewards": [line.reward_id for line in rewards if line.step == step.step_id],
        "is_optional": step.is_optional,
        "branch": step.branch or None,
        "completed_by": step.completed_by,
    }


def save_quest(draft: Quest, definition: Definition) -> None:
    for name in (
        "title", "description", "type", "difficulty", "time_limit", "repeat", "cooldown", "auto_start", "is_active",
        "min_seconds", "tags", "metadata", "examples",
    ):  # fmt: skip
        setattr(draft, name, definition[name])
    draft.start_date = parse_instant(definition["start_date"]) if definition["start_date"] else None
    draft.end_date = parse_instant(definition["end_date"]) if definition["end_date"] else None
    give_serial(draft)
    draft.save()
    draft.steps.all().delete()
    Step.objects.bulk_create(_step_row(draft, position, step) for position, step in enumerate(definition["steps"]))
    draft.requirements.all().delete()
    QuestRequirement.objects.bulk_create(_requirement_rows(draft, definition))
    draft.rewards.all().delete()
    given = [*(("", reward) for reward in definition["rewards"]), *_rewards_of_steps(definition)]
    QuestReward.objects.bulk_create(
        QuestReward(quest=draft, position=position, step=step, reward_id=reward)
        for position, (step, reward) in enumerate(given)
    )


def _step_row(draft: Quest, position: int, step: Definition) -> Step:
    same = ("title", "description", "order", "match", "is_optional", "completed_by")
    return Step(
        quest=draft,
        position=position,
        step_id=step["id"],
        branch=step["branch"] or "",
        **{name: step[name] for name in same},
    )


def _requirement_rows(draft: Quest, definition: Definition) -> Sequence[QuestRequirement]:
    rows = requirement_rows(QuestRequirement, definition["requirements"], quest=draft, role=START)
    for step in definition["steps"]:
        rows += requirement_rows(QuestRequirement, step["requirements"], quest=draft, role=STEP, step=step["id"])
    rows += requirement_rows(QuestRequirement, definition["fail_conditions"], quest=draft, role=FAIL)
    for position, row in enumerate(rows):  # one table, in one order
        row.position = position
    return rows


def _rewards_of_steps(definition: Definition) -> Iterator[tuple[str, str]]:
    for step in definition["steps"]:
        for reward in step["rewards"]:
            yield step["id"], reward


def give_serial(draft: Quest) -> None:
    """Give a new quest its bit in players' rows, for ever. Content is locked, or two could get the same."""
    if draft._state.adding:
        greatest = Quest.objects.aggregate(greatest=Max("serial"))["greatest"]
        draft.serial = 0 if greatest is None else greatest + 1


def named(definition: Definition) -> Iterator[Reference]:
    yield from requirements_named(definition["requirements"])
    yield from requirements_named(definition["fail_conditions"], "fail_conditions")
    yield from rewards_named(definition)
    for index, step in enumerate(definition["steps"]):
        yield from requirements_named(step["requirements"], f"steps[{index}].requirements")
        yield from rewards_named(step, f"steps[{index}].rewards")


def asked(definition: Definition, name: Name) -> Iterator[Asked]:
    """What it takes to start, what each step takes, and what fails a run."""
    for requirement in definition["requirements"]:
        yield Asked(sentence(requirement, name), requirement, "to start it")
    for step in definition["steps"]:
        for requirement in step["requirements"]:
            yield Asked(sentence(requirement, name), requirement, f"step {step['id']}")
    for requirement in definition["fail_conditions"]:
        yield Asked(sentence(requirement, name), requirement, "fails a run")


def published(definition: Definition, version: int, at: datetime) -> Fact:
    """`quest.created` with the first version, `quest.updated` with each later one."""
    type_ = FactType.QUEST_CREATED if version == 1 else FactType.QUEST_UPDATED
    data = {name: definition[name] for name in ("id", "title", "type", "difficulty", "is_active")}
    return Fact(own_id(type_, "", definition["id"], str(version)), "", type_, {**data, "version": version}, at)


def show(definition: Definition, hidden: Hidden) -> Definition:
    """Show it as a player may see it: nothing in it names an achievement that is hidden from the player."""
    secret = hidden.get("achievement", set())
    definition = {**definition, "examples": []}  # they are for whoever designs it
    if not secret:
        return definition

    def shown(requirements: Iterable[Definition]) -> list[Definition]:
        return [r for r in requirements if r["type"] != RequirementType.ACHIEVEMENT or r["target"] not in secret]

    return {
        **definition,
        "steps": [{**step, "requirements": shown(step["requirements"])} for step in definition["steps"]],
        "requirements": shown(definition["requirements"]),
        "fail_conditions": shown(definition["fail_conditions"]),
    }


# -- what runs go on by ------------------------------------------------------------------------------------------------


def needed_by_runs(kind: str, id_: str) -> Iterator[Need]:
    """Open runs of older versions, or of quests that were retired, which name this content.

    Rewards are not asked for: those that were promised are given, retired or not.
    """
    if kind not in ("metric", "achievement", "quest"):
        return
    in_play = {
        (quest, item.version) for quest, item in publishing.current().published.get("quest", {}).items()
        if not item.retired
    }  # fmt: skip
    for version in Version.objects.filter(kind="quest", retires=False).order_by("content_id", "number"):
        quest, number = version.content_id, version.number
        places = [r.path for r in named(version.definition) if (r.kind, r.id) == (kind, id_)]
        if places and (quest, number) not in in_play and (runs := queries.open_runs(quest, number)):
            what = f"{runs} open run{'s' * (runs > 1)} of version {number} of the quest {quest}"
            yield from (Need(f"quests[{quest}].{path}", what) for path in places)


# -- pools -------------------------------------------------------------------------------------------------------------


def read_pool(draft: Pool) -> Definition:
    quests = [line.quest_id for line in draft.quests.all()]
    return {"id": draft.pk, "quests": quests, "pick": draft.pick, "period": draft.period, "tags": draft.tags}


def save_pool(draft: Pool, definition: Definition) -> None:
    draft.pick, draft.period, draft.tags = definition["pick"], definition["period"], definition["tags"]
    draft.save()
    draft.quests.all().delete()
    PoolQuest.objects.bulk_create(
        PoolQuest(pool=draft, position=position, quest_id=quest) for position, quest in enumerate(definition["quests"])
    )


def quests_named(definition: Definition) -> Iterator[Reference]:
    for index, quest in enumerate(definition["quests"]):
        yield Reference(f"quests[{index}]", "quest", quest, "unknown_quest")


QUEST = Kind(
    name="quest",
    plural="quests",
    model=Quest,
    shape=QuestShape,
    read=read_quest,
    save=save_quest,
    lines=("steps", "requirements", "rewards"),
    advise=checks.advice,
    asks=asked,
    asked_in=("requirements", "fail_conditions"),
    under_way=queries.open_runs,
    goes_on="A run stays on the version that it started with.",
    references=named,
    announce=published,
    show=show,
    also_counted={"runs_on_older_versions": queries.runs_on_older_versions},
    filters=("type", "difficulty", "is_active", "repeat", "auto_start"),
    asked_of_players={"available_to": reading.startable},
    searched=("id", "title", "description"),
)
POOL = Kind(
    name="pool",
    plural="pools",
    model=Pool,
    shape=PoolShape,
    read=read_pool,
    save=save_pool,
    lines=("quests",),
    references=quests_named,
    filters=("period",),
)
