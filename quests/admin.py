"""Quests and pools as designers write them; the runs of players."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils import timezone

from gamification.kernel.console.authoring import ContentAdmin, LineInline
from gamification.kernel.console.forms import LineForm, ShapedForm
from gamification.kernel.console.lists import Reach
from gamification.kernel.console.readonly_admin import ReadOnlyAdmin, acting
from progress.admin.rarity import reach, shared
from progress.admin.requirements import MatchField, RequirementForm, RequirementInline
from progress.rules.vocabulary import RequirementType
from quests import queries, tasks
from quests.content import FAIL, POOL, QUEST, START, STEP, give_serial
from quests.content_serializers import PoolShape, QuestShape, StepShape
from quests.models import Pool, PoolQuest, Quest, QuestRequirement, QuestReward, Run, Step

if TYPE_CHECKING:  # generic for mypy only
    AnyInlineFormSet = BaseInlineFormSet[Any, Any, Any]
else:
    AnyInlineFormSet = BaseInlineFormSet

OF_A_STEP = re.compile(r"steps\[(?P<step>\d+)\]\.(?P<table>requirements|rewards)\[(?P<at>\d+)\](?P<rest>.*)")
OF_THE_QUEST = re.compile(r"(?P<list>requirements|fail_conditions|rewards)\[(?P<at>\d+)\](?P<rest>.*)")

# -- quests ------------------------------------------------------------------------------------------------------------


class QuestForm(ShapedForm):
    shape = QuestShape

    class Meta:
        model = Quest
        fields = (
            "id", "title", "description", "type", "difficulty", "repeat", "cooldown", "auto_start", "is_active",
            "start_date", "end_date", "time_limit", "min_seconds", "metadata", "examples", "tags",
        )  # fmt: skip
        help_texts = {  # noqa: RUF012 - declared so by Django
            "description": "What players read about it.",
            "repeat": "Never: once completed, never again. Daily, weekly, monthly: once a period, in the player's own "
            "time zone, and a run ends with its period. Always: again and again.",
            "cooldown": "Seconds from the end of a run, however it ended, to the next start. A day has 86,400.",
            "auto_start": "It starts by itself, at a player's first event for which it could.",
            "is_active": "Off: nobody can start it; runs in progress go on.",
            "start_date": "It can be started from then on (UTC).",
            "end_date": "It can be started until then, when all its runs end (UTC).",
            "time_limit": "Seconds from the start of a run to its end. Empty: as long as it takes.",
            "min_seconds": "How many seconds an honest player needs at least. Faster ones are looked at.",
            "examples": "Events, and what they must come to: publishing this, or what it depends on, runs them.",
            "metadata": 'Anything the game wants to keep with it, in JSON: {"map": "north"}',
        }
        labels = {"is_active": "Active", "auto_start": "Starts by itself"}  # noqa: RUF012


class StepForm(LineForm, ShapedForm):
    shape = StepShape
    called = {"step_id": "id"}  # noqa: RUF012 - declared so by the base class
    match = MatchField(required=False, label="it takes", help_text="How many of its requirements.")

    class Meta:
        model = Step
        fields = (
            "step_id", "title", "description", "order", "match", "is_optional", "branch", "completed_by", "position",
        )  # fmt: skip
        labels = {"is_optional": "optional", "completed_by": "done by"}  # noqa: RUF012
        help_texts = {  # noqa: RUF012 - declared so by Django
            "step_id": "A short name that stays: gather",
            "order": "1, then 2, then 3. Steps of one order run side by side.",
            "is_optional": "It never holds up the steps after it.",
            "branch": "Of steps of one order in different branches the first completed one chooses: the other "
            "branches are skipped.",
            "completed_by": "Who says that a step without requirements is done. One with requirements completes "
            "itself.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if place := self.fields.get("position"):
            place.label = "place"


class StepFormSet(AnyInlineFormSet):
    def clean(self) -> None:
        super().clean()
        seen: set[str] = set()
        for form in _written(self):
            step_id = form.cleaned_data.get("step_id")
            if step_id in seen:
                form.add_error("step_id", "Another step is called so.")
            seen.add(step_id)


class StepInline(LineInline):
    model = Step
    form = StepForm
    formset = StepFormSet
    verbose_name = "step"
    verbose_name_plural = "steps"

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "description":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 1, "cols": 20})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 1 if obj is None else 0


class QuestRequirementForm(RequirementForm):
    types: ClassVar[Sequence[RequirementType]] = (*RequirementForm.types, RequirementType.LEVEL)
    only_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **RequirementForm.only_for,
        **{name: (*RequirementForm.only_for[name], RequirementType.LEVEL) for name in ("operator", "threshold")},
    }

    class Meta(RequirementForm.Meta):
        model = QuestRequirement
        fields = ("role", "step", *RequirementForm.Meta.fields)
        help_texts = {  # noqa: RUF012 - declared so by Django
            **RequirementForm.Meta.help_texts,
            "role": "What it takes to start the quest (all of it), to complete a step, or what fails a run (any).",
            "step": "The step's id: gather",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(roles := self.fields.get("role"), forms.ChoiceField):
            roles.choices = [(START, "start"), (STEP, "step"), (FAIL, "fail")]
        if step := self.fields.get("step"):
            step.widget.attrs |= {"data-only-for": str(STEP), "data-chosen-by": "role"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "role" not in cleaned:
            return cleaned
        if cleaned["role"] == STEP and not cleaned.get("step"):
            self.add_error("step", "Which step?")
        elif cleaned["role"] != STEP and cleaned.get("step"):
            self.add_error("step", "Only what completes a step is of a step.")
        if cleaned["role"] != START and cleaned.get("type") == RequirementType.LEVEL:
            self.add_error("type", "Only what it takes to start a quest can be a level.")
        return cleaned


class OfStepsFormSet(AnyInlineFormSet):
    """Rows that name a step of the quest, as it is about to be saved."""

    def clean(self) -> None:
        super().clean()
        known = set(self._posted_steps())
        for form in _written(self):
            step = form.cleaned_data.get("step")
            if step and step not in known:
                form.add_error("step", f"No step of the quest is called {step}.")

    def _posted_steps(self) -> Iterator[str]:
        for index in range(_total(self.data.get("steps-TOTAL_FORMS"))):
            if not self.data.get(f"steps-{index}-DELETE"):
                yield str(self.data.get(f"steps-{index}-step_id", "")).strip()


def _total(text: Any) -> int:
    is_number = str(text).isascii() and str(text).isdecimal() and len(str(text)) < 9
    return min(int(text), 1000) if is_number else 0


def _written(formset: AnyInlineFormSet) -> Iterator[Any]:
    """The forms of a formset that will be saved."""
    for form in formset.forms:
        is_there = form.has_changed() or form.instance.pk
        if is_there and hasattr(form, "cleaned_data") and not form.cleaned_data.get("DELETE"):
            yield form


class QuestRequirementInline(RequirementInline):
    model = QuestRequirement
    form = QuestRequirementForm
    formset = OfStepsFormSet
    verbose_name = "requirement"
    verbose_name_plural = "requirements: to start the quest, to complete its steps, or what fails it"


class QuestRewardForm(LineForm):
    class Meta:
        model = QuestReward
        fields = ("step", "reward", "position")
        help_texts = {"step": "Empty: for the whole quest."}  # noqa: RUF012 - declared so by Django


class QuestRewardInline(LineInline):
    model = QuestReward
    form = QuestRewardForm
    formset = OfStepsFormSet
    autocomplete_fields = ("reward",)
    verbose_name = "reward"
    verbose_name_plural = "rewards"


@admin.register(Quest)
class QuestAdmin(ContentAdmin):
    kind = QUEST
    form = QuestForm
    inlines = (StepInline, QuestRequirementInline, QuestRewardInline)
    switch = "is_active"
    actions = (*ContentAdmin.actions, "move_runs")
    page_actions = (*ContentAdmin.page_actions, "move_runs")
    list_display = ("title_and_id", "state", "completed_by", "in_progress", "difficulty", "tagged", "changed_last")
    list_filter = (*ContentAdmin.list_filter, "type", "difficulty", "is_active", "repeat", "auto_start")
    search_fields = ("id", "title", "description")
    own_fieldsets = (
        (None, {"fields": ("id", "title", "description")}),
        ("What it is", {"fields": ("type", "difficulty")}),
        ("When it can be started", {"fields": ("is_active", "auto_start", "repeat", "cooldown")}),
        ("Its time", {"fields": ("start_date", "end_date", "time_limit", "min_seconds")}),
        ("For the game", {"fields": ("metadata",)}),
        ("Examples", {"fields": ("examples",)}),
    )
    parts = (
        ("What it says", ("None", "What it is")),
        ("Steps", ("steps",)),
        ("To start, or fail", ("requirements",)),
        ("What it gives", ("rewards",)),
        ("When", ("When it can be started", "Its time")),
        ("For the game", ("For the game", "To find it by")),
    )

    def reach(self, ids: Iterable[str]) -> Mapping[str, Reach]:
        return reach(QUEST.name, ids)

    def facts(self, draft: Any) -> list[tuple[str, str]]:
        return shared(QUEST.name, draft)

    def prepare(self, draft: Any) -> None:
        give_serial(draft)

    def tell(self, request: HttpRequest, draft: Any) -> None:
        if count := queries.runs_on_older_versions(draft.pk, draft.published):
            messages.info(request, f"{count} run(s) of {draft.pk} in progress stay on the version they started with.")

    @admin.action(description="Move runs: put those in progress on the newest version", permissions=["change"])
    def move_runs(self, request: HttpRequest, queryset: QuerySet[Quest]) -> None:
        for quest in queryset.filter(retired_at=None, published__isnull=False).order_by("pk"):
            moved = tasks.move_runs(quest.pk, timezone.now(), actor=acting(request))
            left = queries.runs_on_older_versions(quest.pk, quest.published or 0)
            stay = f" {left} stay: steps that they have done are gone." if left else ""
            messages.success(request, f"{moved} run(s) of {quest.pk} moved to version {quest.published}.{stay}")

    def in_form(self, id_: str, path: str) -> str:
        """Requirements and rewards stand in one table each, whoever's they are."""
        of_a_step, of_the_quest = OF_A_STEP.fullmatch(path), OF_THE_QUEST.fullmatch(path)
        found = of_a_step or of_the_quest
        draft = Quest.objects.filter(pk=id_).first() if found else None
        if found is None or draft is None:
            return path
        step = draft.steps.all()[int(found["step"])].step_id if of_a_step else ""
        table = found["table"] if of_a_step else found["list"].replace("fail_conditions", "requirements")
        if table == "rewards":
            its = [row.step == step for row in draft.rewards.all()]
        else:
            role = STEP if of_a_step else FAIL if found["list"] == "fail_conditions" else START
            its = [(row.role, row.step if of_a_step else "") == (role, step) for row in draft.requirements.all()]
        row = [index for index, is_its in enumerate(its) if is_its][int(found["at"])]
        return f"{table}[{row}]{found['rest']}"


# -- pools -------------------------------------------------------------------------------------------------------------


class PoolForm(ShapedForm):
    shape = PoolShape

    class Meta:
        model = Pool
        fields = ("id", "pick", "period", "tags")
        help_texts = {  # noqa: RUF012 - declared so by Django
            "pick": "How many of its quests each player is offered. A quest that is in a pool can be started only "
            "while it is offered.",
            "period": "Every day or every week others, in the player's own time zone.",
        }


class PoolQuestInline(LineInline):
    model = PoolQuest
    autocomplete_fields = ("quest",)
    fields = ("quest", "position")
    verbose_name = "quest"
    verbose_name_plural = "quests"


@admin.register(Pool)
class PoolAdmin(ContentAdmin):
    kind = POOL
    form = PoolForm
    inlines = (PoolQuestInline,)
    list_display = ("id", "state", "pick", "period", "tagged", "changed_last")
    list_filter = (*ContentAdmin.list_filter, "period")
    search_fields = ("id",)
    own_fieldsets = ((None, {"fields": ("id", "pick", "period")}),)


# -- players -----------------------------------------------------------------------------------------------------------


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("quest_id", "player_id", "run", "status", "started_at", "deadline", "version")
    list_filter = ("status",)
    search_fields = ("=player_id", "=quest_id")
    ordering = ("-id",)
