"""What each act asks for beside its reason. What a form names belongs to the player: anything else is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from uuid_utils.compat import uuid7

from achievements.models import Standing as Completion
from anticheat import queries
from gamification.console.models import MAX_NOTE, Note
from gamification.console.player import words
from gamification.console.player.acts import ActForm
from gamification.kernel.console.forms import Instant
from gamification.kernel.content import publishing
from gamification.kernel.models import Version
from progress.player_standing import PlayerStanding
from quests.models import Run
from quests.running import Status
from rewards.models import Distribution

MOST_HELD = 100
Choices = list[tuple[Any, str]]


class Granting(ActForm):
    reward = forms.ChoiceField(label="Reward")
    once = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    """The grant's own id, made with the form: sent twice, it is given once."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        published = publishing.current().published.get("reward", {})
        rewards = [(id_, _with_title(id_, "reward")) for id_, each in sorted(published.items()) if not each.retired]
        _choice(self, "reward").choices = [("", "Choose one"), *rewards]
        self.initial.setdefault("once", str(uuid7()))

    def clean_once(self) -> str:
        return self.cleaned_data["once"] or str(uuid7())


class Since(ActForm):
    since = forms.DateTimeField(label="Since, in UTC", widget=Instant)

    def clean_since(self) -> datetime:
        since: datetime = self.cleaned_data["since"]
        if since > timezone.now():
            raise forms.ValidationError("Nothing has happened since then.")
        return since


class Standing(ActForm):
    standing = forms.TypedChoiceField(
        label="Standing",
        choices=[(each.value, each.value.capitalize()) for each in PlayerStanding],
        coerce=PlayerStanding,
    )
    ends_at = forms.DateTimeField(
        label="Until, in UTC", required=False, widget=Instant, help_text="Empty: until somebody changes it."
    )  # fmt: skip


class OfHeld(ActForm):
    finding = forms.TypedChoiceField(label="Held event", coerce=int)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        rows = queries.held(player_id=self.of.id).order_by("-pk")[:MOST_HELD]
        _choice(self, "finding").choices = [(row.pk, f"{row.type} {row.event_id}, held by {row.rule}") for row in rows]


class Writing(ActForm):
    reason = forms.CharField(label="Note", max_length=MAX_NOTE, widget=forms.Textarea(attrs={"rows": 4}))


class OfNote(ActForm):
    note = forms.TypedChoiceField(label="Note", coerce=int)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        rows = Note.objects.filter(player_id=self.of.id).order_by("-written_at", "-pk")[:MOST_HELD]
        _choice(self, "note").choices = [(row.pk, words.short(row.text)) for row in rows]


class OfDistribution(ActForm):
    distribution = forms.UUIDField(label="Reward", widget=forms.HiddenInput)

    def clean_distribution(self) -> UUID:
        id_: UUID = self.cleaned_data["distribution"]
        if not Distribution.objects.filter(pk=id_, player_id=self.of.id).exists():
            raise forms.ValidationError("This player was given no such reward.")
        return id_


class OfAchievement(ActForm):
    achievement = forms.CharField(widget=forms.HiddenInput, max_length=64)
    occurrence = forms.TypedChoiceField(label="Which", required=False, empty_value=None)

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        id_ = str(self.data.get("achievement") or self.initial.get("achievement") or "")[:64]
        mine = Completion.objects.filter(player_id=self.of.id, achievement_id=id_, completed_at__isnull=False)
        done = mine.filter(revoked_at=None).order_by("-completed_at")[:MOST_HELD]
        each: Choices = [(row.occurrence, f"that of {row.completed_at:%-d %B %Y, %H:%M}") for row in done]
        _choice(self, "occurrence").choices = [("", f"All of {words.called('achievement', id_)}"), *each]


class OfQuest(ActForm):
    quest = forms.ChoiceField(label="Quest")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        mine = Run.objects.filter(player_id=self.of.id, is_newest=True, status=Status.IN_PROGRESS)
        ids = mine.order_by("quest_id").values_list("quest_id", flat=True)
        _choice(self, "quest").choices = [(id_, _with_title(id_, "quest")) for id_ in ids]


class OfStep(OfQuest):
    step = forms.CharField(label="Step, by its id", max_length=64)


class Moving(OfQuest):
    """Which versions and steps there are is said of the quest that the form is about, its row has named it."""

    version = forms.TypedChoiceField(label="To the version", coerce=int, required=False, empty_value=None)
    step = forms.ChoiceField(
        label="And to the step", required=False,
        help_text="What is mandatory before it is skipped: it is not done, and gives nothing.",
    )  # fmt: skip

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        of_quest = _choice(self, "quest")
        wanted = str(self.data.get("quest") or self.initial.get("quest") or "")
        quest_id = wanted if wanted in dict(of_quest.choices) else ""  # type: ignore[arg-type] # pairs, all of them
        run = Run.objects.filter(player_id=self.of.id, quest_id=quest_id, is_newest=True).first()
        versions = Version.objects.filter(kind="quest", content_id=quest_id, retires=False).order_by("-number")
        found = {} if run is None else {row.number: row.definition for row in versions[:MOST_HELD]}
        now = 0 if run is None else run.version
        _choice(self, "version").choices = [
            ("", "The newest, or the one it is on where a step is chosen"),
            *((number, f"{number}, where it is now" if number == now else str(number)) for number in found),
        ]
        steps: dict[str, str] = {}
        for step in (step for each in found.values() for step in each["steps"]):
            steps.setdefault(step["id"], step.get("title") or step["id"])  # as its newest version calls it
        _choice(self, "step").choices = [("", "As far as it has come"), *steps.items()]


ERASING = (
    "The player asked for it",
    "An authority asked for it",
    "The account was closed",
    "It was a player for testing",
)
"""Why somebody is erased: one of these, since the entry stays and must name nobody."""


class Erasing(ActForm):
    reason = forms.ChoiceField(
        label="Why", choices=[(each, each) for each in ERASING], help_text="It stays in the audit log, without a name."
    )  # fmt: skip
    typed = forms.CharField(label="The player's id, to be sure", max_length=64, widget=forms.TextInput(
        attrs={"autocomplete": "off", "spellcheck": "false"}
    ))  # fmt: skip

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self.of.id:
            raise forms.ValidationError(f"This is not the player's id, which is {self.of.id}.")
        return typed


def _choice(form: forms.Form, name: str) -> forms.ChoiceField:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    return field


def _with_title(id_: str, kind: str) -> str:
    title = words.called(kind, id_)
    return id_ if title == id_ else f"{title} ({id_})"
