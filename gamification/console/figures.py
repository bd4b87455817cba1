"""Today beside the same day of last week, and a bar a day for two weeks: what Home shows of the game."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gamification.analytics import lately
from gamification.analytics.models import ActiveDay, Hour

DAYS = 14


@dataclass(frozen=True, slots=True)
class Figure:
    label: str
    value: str
    beside: str
    """What it is beside last week, in words."""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    day: date
    count: int
    height: float
    """Of 100."""
    is_today: bool
    x: float

    @property
    def top(self) -> float:
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Figures:
    figures: list[Figure]
    bars: list[Bar]
    total: int


def figures(now: datetime) -> Figures:
    """In two queries, however much was played."""
    zone = lately.zone()
    local = now.astimezone(zone)
    today = local.date()
    first = today - timedelta(days=DAYS - 1)
    midnight = datetime(first.year, first.month, first.day, tzinfo=zone)
    hours = list(Hour.objects.filter(at__gte=midnight).order_by("at"))
    active = {row.day: row.by_hour for row in ActiveDay.objects.filter(day__gte=first).defer("sketch")}

    last_week = today - timedelta(days=7)
    is_so_far = {today: local, last_week: local - timedelta(days=7)}
    so_far = {
        day: [hour for hour in hours if hour.at.astimezone(zone).date() == day and hour.at <= until]
        for day, until in is_so_far.items()
    }
    now_, then = so_far[today], so_far[last_week]
    minutes = max(1, (local.hour * 60 + local.minute))
    weekday = f"last {today:%A}"
    shown = [
        _figure("Events a minute today", _rate(now_, minutes), _rate(then, minutes), weekday),
        _figure(
            "Players active today",
            _by(active.get(today, {}), local.hour),
            _by(active.get(last_week, {}), local.hour),
            weekday,
            about=True,
        ),
        _figure("Unlocks today", sum(h.completions for h in now_), sum(h.completions for h in then), weekday),
        _paid(_sums(now_), _sums(then), weekday),
    ]
    counts: Counter[date] = Counter()
    for hour in hours:
        counts[hour.at.astimezone(zone).date()] += hour.completions
    most = max([*counts.values(), 1])
    bars = [
        Bar(day, counts[day], max(0.8, 100 * counts[day] / most), day == today, 100 * index / DAYS)
        for index, day in enumerate(first + timedelta(days=number) for number in range(DAYS))
    ]
    return Figures(shown, bars, counts.total())


def _rate(hours: list[Hour], minutes: int) -> float:
    return sum(hour.events for hour in hours) / minutes


def _by(by_hour: dict[str, int], hour: int) -> int:
    """How many had been active by this hour."""
    return max((count for at, count in by_hour.items() if int(at) <= hour), default=0)


def _figure(label: str, now: float, then: float, weekday: str, about: bool = False) -> Figure:
    sign = "about " if about and now >= 100 else ""
    value = f"{sign}{now:,.0f}" if now >= 10 or now == int(now) else f"{now:.1f}"
    return Figure(label, value, *_beside(now, then, weekday))


def _beside(now: float, then: float, weekday: str) -> tuple[str, str]:
    if not then:
        return f"nothing by this time {weekday}", ""
    change = 100 * (now - then) / then
    sign = "+" if change >= 0 else "−"  # noqa: RUF001 - a minus as wide as the plus
    return f"{sign}{abs(change):.0f} % on this time {weekday}", "good" if change >= 0 else "bad"


def _sums(hours: list[Hour]) -> Counter[str]:
    found: Counter[str] = Counter()
    for hour in hours:
        found.update(hour.paid)
    return found


def _paid(now: Counter[str], then: Counter[str], weekday: str) -> Figure:
    """Of the currency that is paid most; how many others there are."""
    if not now:
        return Figure("Currency paid today", "0", f"{sum(then.values()):,} by this time {weekday}")
    (currency, amount), *others = now.most_common()
    said, tone = _beside(amount, then[currency], weekday)
    more = f"; {len(others)} other {'currencies' if len(others) > 1 else 'currency'} too" if others else ""
    return Figure(f"{currency.capitalize()} paid today", f"{amount:,}", f"{said}{more}", tone)
