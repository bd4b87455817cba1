"""The questions that the figures answer. docs/analytics.md defines every measure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from django.db.models import Q, QuerySet, Sum

from gamification.analytics import buckets
from gamification.analytics.activity import DAYS, EARLY, month_of, week_of
from gamification.analytics.counting import zone
from gamification.analytics.logs import OF_EVENTS, OF_FACTS, OF_MARKS, OF_REJECTED
from gamification.analytics.models import RollUp
from gamification.kernel.models import FollowerMark, Version
from gamification.kernel.storage import shares

Row = dict[str, Any]
LONGEST = 400
"""Days that a question may be about."""
USUAL = 28
SUMMED = ("active", "new", "events", "completions", "quests_completed", "claims")
OF_CONTENT = ("begun", "quarter", "half", "three_quarters", "completed", "failed", "expired", "claims")


class Grouping(Enum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def start(self, day: date) -> date:
        """The first day of the group that a day is in; a week begins on Monday."""
        if self is Grouping.DAY:
            return day
        return week_of(day) if self is Grouping.WEEK else month_of(day)

    def next(self, start: date) -> date:
        if self is Grouping.MONTH:
            return month_of(start + timedelta(days=31))
        return start + timedelta(days=7 if self is Grouping.WEEK else 1)


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a question is about, both included, and how they are grouped. Weeks and months are whole."""

    first: date
    last: date
    grouping: Grouping = Grouping.DAY

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", self.grouping.start(self.first))
        object.__setattr__(self, "last", self.grouping.next(self.grouping.start(self.last)) - timedelta(days=1))

    def starts(self) -> Iterator[date]:
        start = self.first
        while start <= self.last:
            yield start
            start = self.grouping.next(start)

    def of(self, **which: Any) -> QuerySet[RollUp]:
        return RollUp.objects.filter(**which, day__gte=self.first, day__lte=self.last)


def today(now: datetime) -> date:
    return now.astimezone(zone()).date()


def lately(now: datetime) -> Span:
    return Span(today(now) - timedelta(days=USUAL - 1), today(now))


def complete_until(now: datetime) -> datetime | None:
    """When the newest event or fact was taken in of those of which, and of all before, the figures know. None: they
    have never been added to."""
    return min((at for at in shares.each(lambda: _followed_to(now)) if at is not None), default=None)


def _followed_to(now: datetime) -> datetime | None:
    marks = {mark.name: mark for mark in FollowerMark.objects.filter(name__startswith="analytics-")}
    received = {OF_EVENTS: "received_at", OF_FACTS: "stated_at", OF_REJECTED: "rejected_at", OF_MARKS: None}
    found: list[datetime] = []
    for follower, column in received.items():
        mark = marks.get(follower.name)
        if mark is None:
            return None
        waiting = follower.log.rows.filter(pk__gt=mark.cursor).values_list(column, flat=True) if column else None
        first = waiting.first() if waiting is not None else None
        found.append(min(now, first) if first is not None else mark.moved_at)
    return min(found)


# -- the game ----------------------------------------------------------------------------------------------------------


def summary(span: Span) -> list[Row]:
    """How many players were active and new, and what they did."""
    sums: defaultdict[date, Counter[str]] = defaultdict(Counter)
    active = {Grouping.DAY: "active", Grouping.WEEK: "active in week", Grouping.MONTH: "active in month"}
    measures = {name: name for name in SUMMED if name != "active"} | {active[span.grouping]: "active"}
    figures = span.of(kind="game", subject="", measure__in=list(measures))
    for day, measure, amount in figures.values_list("day", "measure", "amount"):
        sums[span.grouping.start(day)][measures[measure]] += amount
    return [{"day": start, **{name: sums[start][name] for name in SUMMED}} for start in span.starts()]


def retention(span: Span, now: datetime) -> list[Row]:
    """Of the players whose first day a day was, how many were active on each of the 64 days from it on."""
    returned: defaultdict[date, dict[int, int]] = defaultdict(dict)
    for day, subject, amount in span.of(kind="retention", measure="players").values_list("day", "subject", "amount"):
        returned[day][int(subject)] = amount
    last = today(now)
    return [
        {
            "first_day": day,
            "players": counts[0],
            "returned": [
                counts.get(after, 0) if day + timedelta(days=after) <= last else None for after in range(DAYS)
            ],
        }
        for day, counts in sorted(returned.items())
        if counts.get(0)
    ]


# -- content -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lift:
    """Those who completed something within their first week beside those who did not: who came back in the second."""

    early: int = 0
    early_returned: int = 0
    others: int = 0
    others_returned: int = 0

    @property
    def value(self) -> float | None:
        """How many times as often the former did. None: nobody is in one of the groups, or none of the others did."""
        if not (self.early and self.others_returned):
            return None
        return float(f"{self.early_returned * self.others / (self.early * self.others_returned):.4g}")


def lift(early: Mapping[date, Counter[str]], span: Span, now: datetime) -> Lift:
    """Of the players whose first day is one of these, and whose second week is over."""
    last = min(span.last, today(now) - timedelta(days=2 * EARLY))
    of_all = {
        name: int(amount)
        for name, amount in RollUp.objects.filter(
            kind="game", subject="", measure__in=("new", "new returned"), day__gte=span.first, day__lte=last
        )
        .values_list("measure")
        .annotate(Sum("amount"))
    }
    sums: Counter[str] = Counter()
    for day, counts in early.items():
        if day <= last:
            sums.update(counts)
    players, returned = of_all.get("new", 0), of_all.get("new returned", 0)
    return Lift(sums[""], sums["returned"], players - sums[""], returned - sums["returned"])


def content(kind: str, id_: str, span: Span, now: datetime) -> tuple[list[Row], Row, Lift]:
    """What became of one achievement, quest or reward: rows, totals over all of them, and whether it keeps players."""
    sums: defaultdict[date, Counter[str]] = defaultdict(Counter)
    durations: dict[str, Counter[str]] = {"seconds": Counter(), "played": Counter()}
    pays: Counter[str] = Counter()
    early: defaultdict[date, Counter[str]] = defaultdict(Counter)
    figures, is_duration = span.of(kind=kind, subject=id_), Q()
    for name in durations:
        is_duration |= Q(measure__startswith=f"{name} ")
    for measure, amount in figures.filter(is_duration).values_list("measure").annotate(Sum("amount")):
        name, _, detail = measure.partition(" ")
        durations[name][detail] = int(amount)
    others = [*OF_CONTENT, "players", "early", "early returned", *(f"pays {each}" for each in subjects("currency"))]
    for day, measure, amount in figures.filter(measure__in=others).values_list("day", "measure", "amount"):
        name, _, detail = measure.partition(" ")
        if name == "pays":
            pays[detail] += amount
        elif name == "early":
            early[day][detail] += amount
        else:
            sums[span.grouping.start(day)][name] += amount
    rows = [{"day": start, **{name: sums[start][name] for name in OF_CONTENT}} for start in span.starts()]
    totals: Row = {name: sum(row[name] for row in rows) for name in OF_CONTENT}
    totals["players"] = sum(counts["players"] for counts in sums.values())
    kept = lift(early, span, now)
    totals |= {name: buckets.percentiles(counts) for name, counts in durations.items()}
    totals |= {"retention_lift": kept.value, "pays": {currency: pays[currency] for currency in sorted(pays)}}
    return rows, totals, kept


def funnel(quest: str, span: Span) -> list[Row]:
    """Of the runs that were begun in these days, how many came to each step and completed it, version by version."""
    counts: defaultdict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    figures = span.of(kind="funnel", subject=quest).values("measure").annotate(amount=Sum("amount"))
    for measure, amount in figures.values_list("measure", "amount"):
        name, version, step = measure.split(" ", 2)
        if amount:
            counts[int(version)][name, step] += amount
    versions = Version.objects.filter(kind="quest", content_id=quest, number__in=counts)
    steps = {each.number: each.definition.get("steps", []) for each in versions}
    return [
        {
            "version": version,
            "step": step["id"],
            "reached": counts[version]["reached", step["id"]],
            "completed": counts[version]["completed", step["id"]],
        }
        for version in sorted(counts)
        for step in sorted(steps.get(version, []), key=lambda step: step["order"])
    ]


# -- money, and what is wrong ------------------------------------------------------------------------------------------


def economy(currency: str, span: Span) -> list[Row]:
    """How much of a currency came into wallets and left them, why, and how much is in them at the end of each day."""
    flows: defaultdict[date, dict[str, Counter[str]]] = defaultdict(lambda: {"in": Counter(), "out": Counter()})
    for day, measure, amount in span.of(kind="currency", subject=currency).values_list("day", "measure", "amount"):
        way, _, cause = measure.partition(" ")
        flows[span.grouping.start(day)][way][cause] += amount
    before = RollUp.objects.filter(kind="currency", subject=currency, day__lt=span.first)
    came = Sum("amount", filter=Q(measure__startswith="in "), default=0)
    left = Sum("amount", filter=Q(measure__startswith="out "), default=0)
    sums = before.aggregate(came=came, left=left)
    balance = sums["came"] - sums["left"]
    rows = []
    for start in span.starts():
        ways = {way: {cause: n for cause, n in sorted(causes.items()) if n} for way, causes in flows[start].items()}
        balance += sum(ways["in"].values()) - sum(ways["out"].values())
        rows.append({"day": start, **ways, "balance": balance})
    return rows


def quality(span: Span) -> list[Row]:
    """What of each type of events was refused, is held, had no value, or came too late for its day to count."""
    found: defaultdict[tuple[date, str], Row] = defaultdict(
        lambda: {"rejected": Counter(), "held": 0, "valueless": 0, "late": 0}
    )
    figures = span.of(kind="event").exclude(measure="events").exclude(amount=0)
    for day, type_, measure, amount in figures.values_list("day", "subject", "measure", "amount"):
        row = found[span.grouping.start(day), type_]
        name, _, code = measure.partition(" ")
        if code:
            row["rejected"][code] += amount
        else:
            row[name] += amount
    return [
        {"day": day, "type": type_, **row, "rejected": dict(sorted(row["rejected"].items()))}
        for (day, type_), row in sorted(found.items())
    ]


def subjects(kind: str) -> list[str]:
    """Of which there are any figures."""
    return list(RollUp.objects.filter(kind=kind).order_by("subject").values_list("subject", flat=True).distinct())
