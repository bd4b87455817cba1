"""Charts as SVG that the server draws: no script, no library. A table with the same numbers stands under each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 600.0, 200.0
_LEFT, _TOP, _BOTTOM = 44.0, 8.0, 20.0
SERIES = 4
"""How many lines are told apart by colour; more are a table's business."""


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: str
    number: int
    dots: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture: lines or bars over the same axis."""

    title: str
    lines: list[Line]
    bars: list[Bar]
    rows: list[Tick]
    columns: list[Tick]
    width: float = WIDTH
    height: float = HEIGHT


def lines(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> Chart:
    """A line a series; where a value is None there is none."""
    shown = dict(list(series.items())[:SERIES])
    top = _round_up(max((value for values in shown.values() for value in values if value is not None), default=0))
    drawn = []
    for number, (name, values) in enumerate(shown.items()):
        dots = [(_x(i, len(labels)), _y(value, top)) for i, value in enumerate(values) if value is not None]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        drawn.append(Line(name, points, number, dots if len(dots) < 3 else []))
    return Chart(title, drawn, [], _rows(top), _columns(labels))


def bars(title: str, labels: Sequence[str], values: Sequence[float]) -> Chart:
    top = _round_up(max(values, default=0))
    room = (WIDTH - _LEFT) / max(1, len(values))
    drawn = []
    for i, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = _y(value, top)
        drawn.append(Bar(_LEFT + i * room + 0.1 * room, y, 0.8 * room, HEIGHT - _BOTTOM - y, f"{label}: {value:,.0f}"))
    return Chart(title, [], drawn, _rows(top), _columns(labels, centred=True))


def _round_up(value: float) -> float:
    """To a number that is easy to read off."""
    if value <= 0:
        return 1
    magnitude: float = 10.0 ** math.floor(math.log10(value))
    return next(step * magnitude for step in (1, 2, 2.5, 5, 10) if step * magnitude >= value)


def _x(i: int, count: int) -> float:
    return _LEFT + (WIDTH - _LEFT - 6) * (i / (count - 1) if count > 1 else 0.5)


def _y(value: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - max(0.0, value) / top)


def _rows(top: float) -> list[Tick]:
    return [Tick(_y(top * part, top), f"{top * part:,.6g}") for part in (0, 0.5, 1)]


def _columns(labels: Sequence[str], centred: bool = False) -> list[Tick]:
    count = len(labels)
    step = max(1, math.ceil(count / 6))
    room = (WIDTH - _LEFT) / max(1, count)
    return [Tick(_LEFT + (i + 0.5) * room if centred else _x(i, count), labels[i]) for i in range(0, count, step)]
