"""*Try it*: a form of events, what they would come to step by step, and an example made of it with one click."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from gamification.console.player import words
from gamification.kernel.content import publishing
from gamification.kernel.content.example_shapes import EXPECTED, MAX_EVENTS
from gamification.kernel.content.kinds import kind, kinds
from gamification.kernel.core.encoding import canonical, instant, number
from gamification.kernel.core.messages import PLAYER_ID, RESERVED_TYPES
from gamification.kernel.models import Event
from gamification.kernel.storage import shares
from gamification.simulation.overlay import DraftNamed, Wanted
from progress.rules.sentences import Name, sentence

NEWEST = 500
"""Recorded events whose shapes are offered."""
SHAPES = 30
LAST_DAY = timedelta(days=1)
EVERY = {"": timedelta(0), "minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1),
         "week": timedelta(days=7)}  # fmt: skip
OPERATORS = {"eq": "", "ne": "anything but ", "gt": "more than ", "gte": "at least ", "lt": "less than ",
             "lte": "at most ", "in": "one of ", "not_in": "none of "}  # fmt: skip
"""How a condition of a metric compares, in words."""
SEES_CONTENT, SEES_PLAYERS = "achievements.view_achievement", "progress.view_player"


class EventForm(forms.Form):
    """One event, or several alike."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    type = forms.CharField(max_length=64, widget=forms.TextInput(attrs={"list": "known-types"}))
    with_data = forms.CharField(
        required=False, label="Data, as JSON", widget=forms.TextInput(attrs={"spellcheck": "false"})
    )
    after = forms.FloatField(
        required=False, min_value=0, max_value=525_600, label="Minutes after the one before",
        widget=forms.NumberInput(attrs={"step": "any"}),
    )  # fmt: skip
    times = forms.IntegerField(required=False, min_value=1, max_value=MAX_EVENTS, label="Times")
    every = forms.ChoiceField(
        required=False, label="Once a", choices=[(name, name or "at once") for name in EVERY]
    )  # fmt: skip

    def clean_type(self) -> str:
        type_: str = self.cleaned_data["type"]
        if type_ in RESERVED_TYPES:
            raise forms.ValidationError("Such events are stated by the service itself.")
        return type_

    def clean_with_data(self) -> dict[str, Any]:
        try:
            data = json.loads(self.cleaned_data["with_data"] or "{}")
        except (ValueError, RecursionError):
            raise forms.ValidationError('This is no JSON: {"bell": "chapel"}') from None
        if not isinstance(data, dict):
            raise forms.ValidationError('Data is an object: {"bell": "chapel"}')
        return data

    def expanded(self) -> Iterator[tuple[str, dict[str, Any], timedelta]]:
        """Each event, with the time since the one before."""
        said = self.cleaned_data
        for n in range(said["times"] or 1):
            after = EVERY[said["every"]] if n else timedelta(minutes=said["after"] or 0)
            yield said["type"], said["with_data"], after


EventForms: Any = forms.formset_factory(EventForm, extra=0, max_num=MAX_EVENTS, absolute_max=MAX_EVENTS + 1)


class TryForm(forms.Form):
    """For whom, and by which rules."""

    player_id = forms.CharField(
        required=False, max_length=64, label="Player", help_text="Empty: one nobody has seen.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    drafts = forms.ChoiceField(label="Rules")

    def __init__(self, *args: Any, draft: str, sees_players: bool, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        about = [(draft, f"Live, with the draft of {draft.partition(':')[2]}")] if draft else []
        choices: list[tuple[str, str]] = [*about, ("all", "Live, with all drafts"), ("none", "Live alone")]
        self.fields["drafts"] = forms.ChoiceField(label="Rules", choices=choices)
        if not sees_players:
            del self.fields["player_id"]

    def clean_player_id(self) -> str:
        player_id: str = self.cleaned_data["player_id"].strip()
        if player_id and not PLAYER_ID.fullmatch(player_id):
            raise forms.ValidationError("No player can have this id.")
        return player_id

    def wanted(self) -> Wanted:
        chosen = self.cleaned_data["drafts"]
        if chosen in ("none", "all"):
            return chosen  # type: ignore[no-any-return]
        name, _, id_ = chosen.partition(":")
        return [DraftNamed(name, id_)]

    def said_of_drafts(self) -> Any:
        """The same, as a request says it."""
        wanted = self.wanted()
        return wanted if isinstance(wanted, str) else [each._asdict() for each in wanted]


def draft_named(request: HttpRequest) -> str:
    """`achievement:night-watch`, where the page was opened from a draft's."""
    text = str(request.POST.get("draft") or request.GET.get("draft") or "")[:130]
    name, _, id_ = text.partition(":")
    return text if id_ and any(name == each.name for each in kinds()) else ""


# -- events ------------------------------------------------------------------------------------------------------------


def events(rows: Sequence[EventForm], now: datetime) -> list[dict[str, Any]]:
    """The events of the form as they are simulated: the first happens now."""
    found: list[dict[str, Any]] = []
    at = now
    for row in rows:
        for type_, data, after in row.expanded():
            at += after if found else timedelta(0)
            found.append({"id": f"try-{len(found):03}", "type": type_, "data": data, "timestamp": instant(at)})
    return found


def shapes() -> list[tuple[str, str]]:
    """(type, data) of the newest recorded events, one of each type and set of fields, the commonest first."""

    def newest() -> list[tuple[str, dict[str, Any]]]:
        last = Event.objects.aggregate(last=Max("pk"))["last"] or 0
        rows = Event.objects.filter(pk__gt=last - NEWEST).order_by("-pk").values_list("type", "data")
        return [(type_, data) for type_, data in rows if type_ not in RESERVED_TYPES]

    found: dict[tuple[str, str], list[str]] = {}
    for type_, data in [each for share in shares.each(newest) for each in share]:
        found.setdefault((type_, ",".join(sorted(data))), []).append(canonical(data).decode())
    often = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))[:SHAPES]
    return [(type_, said[0]) for (type_, _), said in often]


def last_day(player_id: str) -> list[dict[str, Any]]:
    """The rows of the events of the player's last day, as far as they fit."""
    with shares.within_share_of(player_id):
        theirs = Event.objects.filter(player_id=player_id, state=Event.State.COUNTED).exclude(type__in=RESERVED_TYPES)
        rows = list(theirs.order_by("-timestamp", "-event_id").values_list("timestamp", "type", "data")[:MAX_EVENTS])
    rows = sorted((row for row in rows if row[0] > rows[0][0] - LAST_DAY), key=lambda row: row[0])
    found: list[dict[str, Any]] = []
    for index, (at, type_, data) in enumerate(rows):
        after = (at - rows[index - 1][0]).total_seconds() / 60 if index else 0
        found.append({"type": type_, "with_data": canonical(data).decode(), "after": round(after, 4)})
    return found


# -- examples ----------------------------------------------------------------------------------------------------------


def example(name: str, sent: Sequence[dict[str, Any]], facts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was just played, and what it came to."""
    begins = datetime.fromisoformat(sent[0]["timestamp"]) if sent else None
    said = {each.value for each in EXPECTED}
    return {
        "name": name,
        "events": [
            {
                "type": each["type"],
                "data": each["data"],
                "at": number((datetime.fromisoformat(each["timestamp"]) - begins).total_seconds()) if begins else 0,
            }
            for each in sent
        ],
        "expect": [{"type": fact["type"], "id": about(fact)} for fact in facts if fact["type"] in said],
    }


def about(fact: dict[str, Any]) -> str:
    """What a fact is about, as an example names it."""
    data = fact["data"]
    if fact["type"].startswith("reward."):
        return str(data["reward_id"])
    return str(data["level"] if fact["type"] == "level.reached" else data["id"])


def bearers(draft: str, facts: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Where the example may be kept: with the draft that is tried, or with what was completed."""
    found = dict.fromkeys([draft] if draft.startswith(("achievement:", "quest:")) else [])
    for fact in facts:
        if fact["type"].startswith(("achievement.completed", "quest.")):
            found[f"{fact['type'].partition('.')[0]}:{fact['data']['id']}"] = None
    return [(each, each.partition(":")[2]) for each in found]


# -- in words ----------------------------------------------------------------------------------------------------------


def said(answer: dict[str, Any], sent: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer of a simulation as people read it."""
    with words.by(publishing.current()):
        return _said(answer, sent)


def _said(answer: dict[str, Any], sent: Sequence[dict[str, Any]]) -> dict[str, Any]:
    [(player_id, result)] = answer["results"].items()
    by_id = {each["id"]: each for each in sent}
    name = _names(answer["after"])
    wanted = _wanted(answer["after"], name)
    steps = [
        {
            "type": by_id[step["event_id"]]["type"],
            "data": ", ".join(f"{name} {_short(value)}" for name, value in by_id[step["event_id"]]["data"].items()),
            "at": datetime.fromisoformat(by_id[step["event_id"]]["timestamp"]),
            "unlocks": [line for fact in step["facts"] if (line := _fact(fact, name))],
            "lines": [*_flaws(step), *_samples(step, name), *_moves(step, wanted, name)],
        }
        for step in answer["steps"]
    ]
    unlocks = sum(fact["type"] in ("achievement.completed", "quest.completed") for fact in result["facts"])
    return {
        "player_id": "" if player_id.startswith("~") else player_id,
        "count": len(sent),
        "unlocks": unlocks,
        "steps": steps,
        "balances": list(_balances(answer)),
    }


def _names(after: dict[str, Any]) -> Name:
    """(kind, id) → how people call it: what is tried by the title that its draft has, all else as it is published."""
    titles = {(kind_, row["id"]): row["title"]
              for kind_, rows in (("achievement", after["achievements"]), ("quest", after["quests"]))
              for row in rows if row.get("title")}  # fmt: skip
    return lambda kind_, id_: titles.get((kind_, id_)) or words.called(kind_, id_)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _flaws(step: dict[str, Any]) -> Iterator[str]:
    if step.get("duplicate"):
        yield "The player has sent this event already: it does not count again."
    if "rejected" in step:
        yield f"Refused: {step['rejected']['detail']}"
    if "held" in step:
        yield f"Held by the rule {step['held']}: it counts once a person releases it."


def _samples(step: dict[str, Any], name: Name) -> Iterator[str]:
    for sample in step["samples"]:
        member = "" if sample["member"] is None else f" ({_short(sample['member'])})"
        yield f"{name('metric', sample['metric'])}: {words.amount(sample['value'])}{member}"
    for metric, why in step["not_counted"].items():
        found = "absent" if why["found"] is None else _short(why["found"])
        asked = f", it asks for {_compared(why)}" if why["failed"] == "condition" else ", no number"
        yield f"not counted by {name('metric', metric)}: data.{why['field']} is {found}{asked}"


def _compared(why: dict[str, Any]) -> str:
    """What a condition of a metric asks for, in words."""
    if why["op"] == "exists":
        return "any value" if why["value"] else "none at all"
    values = why["value"] if isinstance(why["value"], list) else [why["value"]]
    return f"{OPERATORS[why['op']]}{', '.join(map(_short, values))}"


def _wanted(after: dict[str, Any], name: Name) -> dict[tuple[str, str, str], str]:
    """(kind, id, path) → what a requirement asks for, as a sentence."""
    found: dict[tuple[str, str, str], str] = {}
    for row in after["achievements"]:
        for index, asked in enumerate(row["requirements"]):
            found["achievement", row["id"], f"requirements[{index}]"] = sentence(asked, name)
    for row in after["quests"]:
        for place, step in enumerate(row["steps"]):
            for index, asked in enumerate(step["requirements"]):
                found["quest", row["id"], f"steps[{place}].requirements[{index}]"] = sentence(asked, name)
    return found


def _moves(step: dict[str, Any], wanted: dict[tuple[str, str, str], str], name: Name) -> Iterator[str]:
    for move in step["requirements"]:
        asked = wanted.get((move["kind"], move["id"], move["path"]), move["path"])
        called = name(move["kind"], move["id"])
        where = called if move["step"] is None else f"{called}, step {move['step']}"
        before, after = (words.amount(value) for value in (move["before"], move["after"]))
        yield f"{where}: {before} → {after} ({asked}){', met' if move['met'] else ''}"


def _fact(fact: dict[str, Any], name: Name) -> str:
    data, type_ = fact["data"], fact["type"]
    match type_:
        case "achievement.completed":
            return f"unlocks {data.get('title') or data['id']} ({data['points']} points)"
        case "reward.claimed":
            return f"pays {_paid(data)}"
        case "reward.granted":
            return f"gives {_paid(data)}, to be claimed" if data["status"] == "PENDING" else ""
        case "level.reached":
            return f"reaches level {data['level']}"
    if not type_.startswith("quest."):
        return ""
    return f"quest {name('quest', data['id'])}: {type_.partition('.')[2].replace('_', ' ').replace('.', ' ')}"


def _paid(data: dict[str, Any]) -> str:
    if data["type"] == "ITEM":
        return ", ".join(f"{item['quantity']} {item['id']}" for item in data["items"])
    amount = f"{data['value']} " if data["value"] else ""
    return f"{amount}{data['currency'] or (data['type'] if amount else data['reward_id'])}"


def _balances(answer: dict[str, Any]) -> Iterator[str]:
    had = {row["currency"]: row["balance"] for row in answer["before"]["wallet"]}
    for row in answer["after"]["wallet"]:
        if row["balance"] != had.get(row["currency"], 0):
            yield f"{row['currency']} {had.get(row['currency'], 0)} → {row['balance']}"
    before, after = answer["before"]["statistics"], answer["after"]["statistics"]
    for name in ("points", "xp", "level"):
        if before[name] != after[name]:
            yield f"{name} {before[name]} → {after[name]}"


def page_of_draft(of: str) -> str:
    name, _, id_ = of.partition(":")
    model = kind(name).model._meta
    return reverse(f"admin:{model.app_label}_{model.model_name}_change", args=[id_])
