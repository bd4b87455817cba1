"""What the real game's events come to, counted in plain Python: sort, look at each event, keep lists, compare.

It shares no line with the service and knows nothing of batches: it is what a reader would work out with a pencil.
`counted(events, zone)` answers player → achievement → `Result`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Samples = list[tuple[datetime, float, Any]]  # when, value, member
Value = float | None


@dataclass
class Result:
    completed_at: datetime | None = None
    metrics: dict[str, Value] = field(default_factory=dict)
    """As they were at completion, or at the end."""
    completions: list[datetime] = field(default_factory=list)
    """Of a repeating achievement: every time it was completed."""
    order: tuple[datetime, str] | None = None
    """Where the event that completed it stands among the player's events."""
    used: int = 0
    """How many events it took."""


# metric: (event type, field of the value, field of the member, which events)
METRICS: dict[str, tuple[str, str | None, str | None, Callable[[Event], bool]]] = {
    "begun": ("level.begin", "level", "level", lambda data: True),
    "solved": ("level.complete", "level", "level", lambda data: True),
    "near_misses": ("level.fail", "closeness", None, lambda data: data["closeness"] <= 200),
    "hits": ("level.succeed", "closeness", None, lambda data: True),
    "drags": ("slider_move_release", "drag_length_ticks", "slider", lambda data: True),
    "second_thoughts": ("slider_move_release", "direction_shifts", None, lambda data: True),
    "right_drags": ("slider_move_release", None, "slider", lambda data: data["wave"] == "right"),
    "nudges": ("arrow_move_release", None, "slider", lambda data: data["slider"] in ("WAVELENGTH", "OFFSET")),
    "skips": ("skip_button", None, None, lambda data: True),
    "resets": ("reset_btn_press", None, None, lambda data: True),
    "sure_answers": ("question_answer", None, "question", lambda data: data["answer"] == 1 and "answered" in data),
}


def count(samples: Samples) -> Value:
    return len(samples)


def total(samples: Samples) -> Value:
    return sum(value for _, value, _ in samples)


def greatest(samples: Samples) -> Value:
    return max((value for _, value, _ in samples), default=None)


def least(samples: Samples) -> Value:
    return min((value for _, value, _ in samples), default=None)


def latest(samples: Samples) -> Value:
    return samples[-1][1] if samples else None


def distinct(samples: Samples) -> Value:
    return len({member for _, _, member in samples})


def streak(samples: Samples, zone: ZoneInfo) -> Value:
    days = {at.astimezone(zone).date() for at, _, _ in samples}
    return max((run_from(day, days) for day in days), default=0)


def run_from(day: date, days: set[date]) -> int:
    return 1 + run_from(day + timedelta(days=1), days) if day in days else 0


gte, gt, lte, lt, eq = operator.ge, operator.gt, operator.le, operator.lt, operator.eq
REACH = {gte, gt, eq}  # once met, met for good; the others are read at the moment of completion


@dataclass
class Need:
    metric: str
    of: Callable[..., Value]
    compare: Callable[[Any, Any], bool]
    threshold: float
    within: timedelta | None = None

    met: bool = False
    best: float = 0

    def look(self, samples: Samples, zone: ZoneInfo) -> Value:
        """The value now, remembering what was reached and the best window there ever was."""
        if self.within:
            newest = samples[-1][0] if samples else None
            window = [sample for sample in samples if newest and newest - self.within < sample[0]]
            self.best = max(self.best, self.of(window) or 0)
            value: Value = None if not samples and self.of is greatest else self.best
        else:
            value = streak(samples, zone) if self.of is streak else self.of(samples)
        holds = value is not None and self.compare(value, self.threshold)
        self.met = holds or (self.met and self.compare in REACH)
        return value


@dataclass
class Rule:
    needs: Callable[[], list[Need]]
    at_least: int | None = None  # None: all of them
    after: tuple[str, ...] = ()  # others that must have been completed
    repeat: str = "never"
    since: datetime | None = None
    until: datetime | None = None


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


MINUTES = {n: timedelta(minutes=n) for n in (1, 2, 10)}

RULES: dict[str, Rule] = {
    "first-wave": Rule(lambda: [Need("solved", count, gte, 1)]),
    "ten-levels": Rule(lambda: [Need("solved", distinct, gte, 10)]),
    "every-level": Rule(lambda: [Need("solved", distinct, gt, 33)]),
    "wanderer": Rule(lambda: [Need("begun", distinct, eq, 12)]),
    "long-haul": Rule(lambda: [Need("drags", total, gte, 2500)]),
    "one-long-pull": Rule(lambda: [Need("drags", greatest, gt, 250)]),
    "a-hair-off": Rule(lambda: [Need("near_misses", least, lt, 60)]),
    "far-along": Rule(lambda: [Need("begun", latest, gte, 20)]),
    "right-on-time": Rule(lambda: [Need("second_thoughts", total, eq, 20)]),
    "next-morning": Rule(lambda: [Need("begun", streak, gte, 2)]),
    "nimble": Rule(lambda: [Need("nudges", count, gte, 12, MINUTES[1])]),
    "busy-hands": Rule(lambda: [Need("drags", total, gt, 600, MINUTES[2])]),
    "quick-study": Rule(lambda: [Need("solved", distinct, gte, 8, MINUTES[10])]),
    "steady-climb": Rule(lambda: [Need("solved", greatest, gte, 16, MINUTES[10])]),
    "impatient": Rule(lambda: [Need("skips", count, gte, 20), Need("resets", count, gte, 5)], at_least=1),
    "all-rounder": Rule(
        lambda: [
            Need("right_drags", distinct, gte, 2),
            Need("nudges", count, gte, 40),
            Need("sure_answers", distinct, gte, 2),
            Need("hits", count, gt, 25),
        ],
        at_least=2,
    ),
    "clean-slate": Rule(lambda: [Need("solved", count, gte, 15), Need("resets", count, lte, 0)]),
    "second-wind": Rule(lambda: [Need("drags", count, gte, 30)], after=("ten-levels",)),
    "graduate": Rule(lambda: [Need("hits", count, gte, 30)], after=("ten-levels", "first-wave")),
    "x-1": Rule(lambda: [Need("resets", count, gte, 4), Need("begun", count, gte, 5)]),
    "day-shift": Rule(lambda: [Need("solved", count, gte, 10)], repeat="daily"),
    "another-dozen": Rule(lambda: [Need("drags", count, gte, 12)], repeat="always"),
    "mid-month": Rule(
        lambda: [Need("solved", count, gte, 5)],
        since=instant("2023-02-08T00:00:00Z"),
        until=instant("2023-02-17T16:30:00Z"),
    ),
}


def samples_of(event: Event) -> dict[str, tuple[datetime, float, Any]]:
    found = {}
    for metric, (type_, value, member, wanted) in METRICS.items():
        if event["type"] == type_ and wanted(event["data"]):
            data = event["data"]
            found[metric] = (event["at"], data[value] if value else 1, data[member] if member else None)
    return found


def counted(events: Iterable[Event], zone: str = "UTC") -> dict[str, dict[str, Result]]:
    players: dict[str, list[Event]] = {}
    for event in events:
        players.setdefault(event["player_id"], []).append({**event, "at": instant(event["timestamp"])})
    for mine in players.values():
        mine.sort(key=lambda event: (event["at"], event["id"]))
    return {player: of_one_player(mine, ZoneInfo(zone)) for player, mine in players.items()}


def of_one_player(mine: list[Event], zone: ZoneInfo) -> dict[str, Result]:
    results: dict[str, Result] = {}
    for name, rule in RULES.items():  # those that others wait for stand first
        if rule.repeat == "daily":
            results[name] = Result()
            for day in sorted({event["at"].astimezone(zone).date() for event in mine}):
                today = [event for event in mine if event["at"].astimezone(zone).date() == day]
                if (at := follow(rule, today, zone, results).completed_at) is not None:
                    results[name].completions.append(at)
        elif rule.repeat == "always":
            results[name] = Result()
            rest = mine
            while (at := (turn := follow(rule, rest, zone, results)).completed_at) is not None:
                results[name].completions.append(at)
                rest = rest[turn.used :]
        else:
            results[name] = follow(rule, mine, zone, results)
    return results


def follow(rule: Rule, events: list[Event], zone: ZoneInfo, others: dict[str, Result]) -> Result:
    """Look at the events one by one until the rule is kept."""
    needs = rule.needs()
    seen: dict[str, Samples] = {need.metric: [] for need in needs}
    result = Result(metrics={need.metric: need.look([], zone) for need in needs})
    for number, event in enumerate(events, start=1):
        in_time = (rule.since is None or rule.since <= event["at"]) and (rule.until is None or event["at"] < rule.until)
        for metric, sample in samples_of(event).items():
            if metric in seen and in_time:
                seen[metric].append(sample)
                for need in needs:
                    if need.metric == metric:
                        result.metrics[metric] = need.look(seen[metric], zone)
        order = (event["at"], event["id"])
        waited = [others[name].order for name in rule.after]
        open_now = all(before is not None and before <= order for before in waited)
        enough = sum(need.met for need in needs) >= (rule.at_least or len(needs))
        if in_time and open_now and enough:
            result.completed_at, result.order, result.used = event["at"], order, number
            return result
    return result
