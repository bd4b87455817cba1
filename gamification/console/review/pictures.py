"""Evidence as pictures: places on a plane of 600 by 160, which a template draws as SVG, and the same as rows.

They are made here, so that they are there without JavaScript and without styles in the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

WIDTH, HEIGHT = 600.0, 160.0
LEAST_OWN = 10.0
"""So high is the bar with the player in it at least: one among thousands would not be seen."""
LEAST, MOST = 0.01, 3600.0
"""Seconds between which gaps are drawn, by their logarithm."""
MARKS = ((0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"))
STEPS = ((0.1, "under 0.1 s"), (1, "0.1 to 1 s"), (10, "1 to 10 s"), (60, "10 s to 1 min"), (600, "1 to 10 min"))


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    said: str


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    top: float
    height: float
    label: str
    count: float
    is_own: bool = False
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Gaps:
    dots: list[Dot]
    lines: list[Line]
    rows: list[tuple[str, int]]
    """How many gaps of which length."""


def gaps(found: Sequence[Sequence[Any]]) -> Gaps | None:
    """The time between an event and the next, one after the other: people scatter, a machine draws a line."""
    if not found:
        return None
    step = WIDTH / max(len(found), 1)
    dots = [Dot((n + 0.5) * step, _height(float(gap)), f"{at}: {gap} s") for n, (at, gap) in enumerate(found)]
    lengths = [float(gap) for _, gap in found]
    rows, below = [], 0.0
    for bound, label in STEPS:
        rows.append((label, sum(below <= each < bound for each in lengths)))
        below = bound
    rows.append(("over 10 min", sum(each >= below for each in lengths)))
    return Gaps(dots, [Line(_height(seconds), label) for seconds, label in MARKS], rows)


def _height(seconds: float) -> float:
    within = min(max(seconds, LEAST), MOST)
    return HEIGHT - HEIGHT * (log10(within) - log10(LEAST)) / (log10(MOST) - log10(LEAST))


def hours(counts: Sequence[int]) -> list[Bar]:
    """How many events in each hour of the day: people sleep."""
    return _bars([(f"{hour:02}:00", count) for hour, count in enumerate(counts)]) if any(counts) else []


@dataclass(frozen=True, slots=True)
class Cohort:
    rule: str
    bars: list[Bar]
    own: str


def cohort(finding: Mapping[str, Any]) -> Cohort | None:
    """How a value is spread among players of the same, and where this player stands: `{cohort: [[upto, players]],
    value}`."""
    spread, value = finding.get("cohort"), finding.get("value")
    if not isinstance(spread, list) or not spread or not isinstance(value, int | float):
        return None
    pairs = [(float(upto), int(players)) for upto, players in spread]
    at = next((n for n, (upto, _) in enumerate(pairs) if value <= upto), len(pairs) - 1)
    bars = _bars([(f"{upto:.4g}", players) for upto, players in pairs], own=at)
    of = [finding.get(name) for name in ("what", "type", "content")]
    about = " of ".join(str(each) for each in of if each)
    return Cohort(f"{finding.get('rule', '')}{about and f', {about}'}", bars, f"{value:.4g}")


def _bars(counts: Sequence[tuple[str, float]], own: int = -1) -> list[Bar]:
    most = max(count for _, count in counts) or 1
    step = WIDTH / len(counts)
    least = [LEAST_OWN if n == own else 1.0 if count else 0.0 for n, (_, count) in enumerate(counts)]
    heights = [max(HEIGHT * count / most, least[n]) for n, (_, count) in enumerate(counts)]
    return [
        Bar(
            x=n * step + step * 0.1,
            top=HEIGHT - height,
            height=height,
            label=label,
            count=count,
            is_own=n == own,
            width=step * 0.8,
        )
        for n, ((label, count), height) in enumerate(zip(counts, heights, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class Session:
    begins: str
    ends: str
    events: int
    gap: str
    types: list[tuple[str, int]]
    dots: list[Dot]


def sessions(found: Sequence[Mapping[str, Any]]) -> list[Session]:
    """The last ones, side by side: a machine's are alike."""
    return [_session(each) for each in reversed(found)]


def _session(session: Mapping[str, Any]) -> Session:
    lengths = [float(gap) for gap in session.get("gaps", ())]
    step = WIDTH / max(len(lengths), 1)
    return Session(
        begins=session["from"].replace("T", " "),
        ends=session["to"],
        events=session["events"],
        gap=f"{session['gap']:g} s" if session.get("gap") is not None else "none",
        types=list(session.get("types", {}).items()),
        dots=[Dot((n + 0.5) * step, _height(gap), f"{gap} s") for n, gap in enumerate(lengths)],
    )
