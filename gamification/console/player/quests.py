"""A player's quests: how far each is, and why it is not complete or cannot be started, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gamification.console.player import words
from gamification.console.player.achievements import Asked, Why
from gamification.kernel.content import publishing
from gamification.kernel.content.publishing import Published
from gamification.kernel.core.messages import PlayerId
from progress.rules.sentences import sentence
from quests import reading
from quests.explaining import explain
from quests.reading import ShownQuests
from quests.running import Status

PAGE = 50
STATES = {
    "": "All",
    Status.IN_PROGRESS: "In progress",
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.EXPIRED: "Expired",
    reading.NOT_STARTED: "Not started",
}


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    title: str
    state: str
    said: str
    """The state in words."""
    percent: int
    far: list[str]
    """How far it is, until when, and on which version where that is not the newest."""


def rows(player_id: PlayerId, now: datetime, *, state: str, text: str, page: int) -> tuple[list[Row], bool]:
    """A page of the quests, those under way first, and whether there are more."""
    wanted = text.lower()
    read = [
        each
        for each in reading.rows(player_id, now, state=state or None, for_player=False)
        if wanted in each["id"] or wanted in str(each["title"]).lower()
    ]
    read.sort(key=lambda each: (each["state"] != Status.IN_PROGRESS, each["state"] == reading.NOT_STARTED, each["id"]))
    span = read[page * PAGE : (page + 1) * PAGE + 1]
    published = publishing.current().published["quest"] if span else {}
    return [_row(each, published[each["id"]]) for each in span[:PAGE]], len(span) > PAGE


def _row(read: Mapping[str, Any], published: Published) -> Row:
    titles = {step["id"]: step["title"] for step in read["steps"]}
    active = [titles.get(id_, id_) for id_ in read["active_steps"]]
    ended = words.moment(read["completed_at"])
    far = f"at {', '.join(active)}" if active else f"{ended:%-d %b %Y, %H:%M}" if ended else ""
    deadline = words.moment(read["deadline"])
    newest = 0 if published.retired else published.version
    told = [
        f"run {read['run']}, {far}" if read["run"] > 1 and far else far,
        f"until {deadline:%-d %b %Y, %H:%M}" if deadline else "",
        f"version {read['version']}" if read["version"] != newest else "",
    ]
    return Row(
        id=read["id"],
        title=read["title"] or read["id"],
        state=read["state"],
        said=str(read["state"]).replace("_", " ").lower(),
        percent=int(read["progress"] * 100),
        far=[each for each in told if each],
    )


# -- why ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepSaid:
    title: str
    state: str
    note: str
    asked: list[Asked]


@dataclass(frozen=True, slots=True)
class WhyQuest(Why):
    steps: tuple[StepSaid, ...] = ()


def why(player_id: PlayerId, quest_id: str, now: datetime) -> WhyQuest | None:
    """None: there is no such quest to this player."""
    if not reading.is_known(quest_id):
        return None
    mine = ShownQuests(player_id, now, only=quest_id)
    told = explain(mine, quest_id)
    if told is None:
        return None
    definition = mine.definition(quest_id, told["version"])
    titles = {step["id"]: step["title"] or step["id"] for step in definition["steps"]}
    steps = tuple(_step(each, titles) for each in told["steps"])
    in_progress = told["status"] == Status.IN_PROGRESS
    fails = [
        f"It fails at: {sentence(each, words.called)} (now {words.amount(each.get('value'))})."
        for each in told["fails"]
    ]
    return WhyQuest(
        is_done=told["status"] == Status.COMPLETED,
        first=_first(told, steps) if in_progress else _not_under_way(told),
        blocked=[] if in_progress else [f"To start: {line}" for line in _start(told)],
        notes=fails,
        steps=steps,
    )


def _first(told: Mapping[str, Any], steps: tuple[StepSaid, ...]) -> str:
    for said, step in zip(steps, told["steps"], strict=True):
        if step["state"] != "active" or step["is_optional"]:
            continue
        if not step["requirements"]:
            return f"{said.title}: {said.note}"
        missing = [each.missing or f"{each.said} does not hold: {each.far}" for each in said.asked if not each.met]
        return f"{said.title}: {' · '.join(missing)}"
    return "Nothing mandatory is left: it is complete with the player's next event."


def _not_under_way(told: Mapping[str, Any]) -> str:
    ended = {Status.COMPLETED: "It was completed.", Status.FAILED: "It failed.", Status.EXPIRED: "Its time ran out.",
             Status.ABANDONED: "The player gave it up."}.get(told["status"], "It was never started.")  # fmt: skip
    again = told["cannot_start"]["detail"] if told["cannot_start"] else "It can be started now."
    return f"{ended} {again}"


def _start(told: Mapping[str, Any]) -> Iterator[str]:
    for asked in told["start"]:
        yield f"{sentence(asked, words.called)}: {'met' if asked['met'] else 'not met'}"


def _step(told: Mapping[str, Any], titles: Mapping[str, str]) -> StepSaid:
    note = ""
    if told["state"] == "active" and not told["requirements"]:
        note = "It waits for the player to say so." if told["completed_by"] == "PLAYER" else "It waits for the game."
    asked = [_asked(each) for each in told["requirements"]]
    return StepSaid(titles.get(told["id"], told["id"]), told["state"], note, asked)


def _asked(entry: Mapping[str, Any]) -> Asked:
    said = sentence(entry, words.called)
    if "value" not in entry:
        return Asked(
            said, entry["met"], "done" if entry["met"] else "not yet", "" if entry["met"] else f"still: {said}."
        )
    far = f"{words.amount(entry['value'])} of {words.amount(entry['threshold'])}"
    missing = "" if entry["met"] or entry["missing"] is None else f"{words.amount(entry['missing'])} more: {said}."
    return Asked(said, entry["met"], far, missing)
