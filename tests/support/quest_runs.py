"""What the slow model of quests keeps of its players: all that counted, as a list, and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Definition = dict[str, Any]
Message = dict[str, Any]
PERIODS = ("DAILY", "WEEKLY", "MONTHLY")


@dataclass(frozen=True)
class Sent:
    """An event as somebody states it: the game, or the service itself."""

    id: str
    type: str
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Happened:
    """An event that counted, as the n-th of its player; `root` is what it followed from in the end."""

    nth: int
    event: Sent
    root: str


@dataclass
class Active:
    """A step since it became active."""

    at: datetime
    since: dict[str, int]
    """requirement → the first event that may count for it, by its number."""
    root: str | None
    until: int | None = None
    """The last event that may count: it was skipped then."""


@dataclass
class Run:
    quest: Definition
    version: int
    number: int
    started_at: datetime
    deadline: datetime | None
    is_periodic: bool
    since: dict[str, int]
    """fail condition → the first event that may count for it."""
    spared: list[Definition]
    """Fail conditions that were met when it was started."""
    status: str = "IN_PROGRESS"
    completed_at: datetime | None = None
    ended_at: datetime | None = None
    reached: dict[str, Active] = field(default_factory=dict)
    done: dict[str, datetime] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    final: dict[str, float] | None = None
    starter: int = 0
    """The event that started it, by its number, until that has counted."""

    @property
    def is_open(self) -> bool:
        return self.status == "IN_PROGRESS"

    @property
    def steps(self) -> list[Definition]:
        return sorted(self.quest["steps"], key=lambda step: int(step["order"]))

    @property
    def active(self) -> list[Definition]:
        reached = [s for s in self.steps if s["id"] in self.reached]
        return [s for s in reached if s["id"] not in self.done and s["id"] not in self.skipped] if self.is_open else []

    def is_over(self, at: datetime) -> bool:
        return self.deadline is not None and at > self.deadline

    def is_mandatory(self, step: Definition) -> bool:
        return not step["is_optional"] and step["id"] not in self.skipped

    def is_reached(self, step: Definition) -> bool:
        """Whether every mandatory step of a lower order is complete."""
        return all(
            other["id"] in self.done
            for other in self.steps
            if other["order"] < step["order"] and self.is_mandatory(other)
        )


@dataclass
class Player:
    id: str
    zone: ZoneInfo
    log: list[Happened] = field(default_factory=list)
    runs: dict[str, list[Run]] = field(default_factory=dict)
    earned: set[str] = field(default_factory=set)
    known: set[tuple[str, str]] = field(default_factory=set)
    """What their quests know of: (ACHIEVEMENT or QUEST, id)."""
    xp: int = 0
    quests_completed: int = 0
    granted: list[tuple[str, str, str, int, str]] = field(default_factory=list)
    """(source, source id, occurrence, line, reward)."""
    facts: list[tuple[str, datetime, Message]] = field(default_factory=list)
    root: str = ""
    """What everything that happens now follows from."""
    own: list[tuple[str, Sent]] = field(default_factory=list)
    """(root, own event) of the next round."""
    open: list[str] = field(default_factory=list)
    """The quests they are in, in the order in which they are looked at."""

    def newest(self, quest_id: str) -> Run | None:
        runs = self.runs.get(quest_id)
        return runs[-1] if runs else None

    def period(self, kind: str, at: datetime) -> tuple[datetime, datetime]:
        """The day, week or month of their own calendar that holds an instant."""
        day = at.astimezone(self.zone).date()
        if kind == "WEEKLY":
            day -= timedelta(days=day.weekday())
        elif kind == "MONTHLY":
            day = day.replace(day=1)
        then = day + timedelta(days={"DAILY": 1, "WEEKLY": 7, "MONTHLY": 32}[kind])
        if kind == "MONTHLY":
            then = then.replace(day=1)
        opens, closes = (datetime(d.year, d.month, d.day, tzinfo=self.zone) for d in (day, then))
        return opens, closes

    def deadline(self, quest: Definition, at: datetime) -> datetime | None:
        """When a run that begins at an instant ends by itself."""
        ends = []
        if quest["time_limit"] is not None:
            ends.append(at + timedelta(seconds=quest["time_limit"]))
        if quest["end_date"] is not None:
            ends.append(parsed(quest["end_date"]))
        if quest["repeat"] in PERIODS:
            ends.append(self.period(quest["repeat"], at)[1])
        return min(ends, default=None)

    def had_rewards(self, run: Run, step: Definition) -> bool:
        """Whether an earlier run was rewarded for the step: ever, or of a quest of periods in the same one."""
        earlier = [each for each in self.runs[run.quest["id"]] if each.number < run.number]
        paid = [each for each in earlier for s in each.steps if s["id"] == step["id"] in each.done and s["rewards"]]
        last, repeat = (paid[-1].done[step["id"]] if paid else None), run.quest["repeat"]
        if last is None or repeat == "ALWAYS":
            return False
        return repeat == "NEVER" or last >= self.period(repeat, run.started_at)[0]


def key(requirement: Definition) -> str:
    return repr(sorted(requirement.items(), key=str))


def parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)
