"""Sums of doubles that come out the same in any order: the double nearest to the true sum of all that was added.

A sum is kept as that double and its *rest*, what the true sum is beyond it: doubles that do not overlap, smallest
first (Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997). Whole numbers within ±2^53 leave none. Samples lie
within ±2^53, so no sum comes near the largest double, and a rest has some twenty doubles at most, however many samples
there were; one is usual.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Rest = tuple[float, ...]


def add(total: float, rest: Rest, value: float) -> tuple[float, Rest]:
    """One more value: the new double, and what the true sum is beyond it."""
    whole = total + value
    if not rest and whole - total == value and whole - value == total:  # nothing was rounded
        return whole, rest
    parts = _grown((*rest, total), value)
    total = math.fsum(parts)
    return total, tuple(_grown(parts, -total))


def _grown(parts: Sequence[float], value: float) -> list[float]:
    """The same sum with one more value in it, as doubles that do not overlap and are not 0."""
    grown = []
    for part in parts:
        whole = value + part
        shared = whole - value
        lost = (value - (whole - shared)) + (part - shared)  # what rounding took from `whole`, exactly
        if lost:
            grown.append(lost)
        value = whole
    if value:
        grown.append(value)
    return grown


def dump(rest: Rest) -> str:
    return " ".join(map(repr, rest)) if rest else ""


def load(text: str) -> Rest:
    return tuple(map(float, text.split())) if text else ()
