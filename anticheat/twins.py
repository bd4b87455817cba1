"""Whether two players who share a device are one."""

from __future__ import annotations

import math

from anticheat.profile import Profile
from anticheat.verdicts import StatisticalRule, Verdict


def twins(rule: StatisticalRule, one: Profile, other: Profile, name: str) -> Verdict | None:
    """Whether two players of one device are one. Model: of those who share a device, one in a thousand is so alike."""
    least = rule["events"]
    if one.events < least or other.events < least or overlaps(one, other):
        return None
    alike, limit = alikeness(one, other), rule["alike"]
    if alike < limit:
        return None
    evidence = {"other": name, "alike": round(alike, 4), "sessions": len(one.sessions) // 2}
    return Verdict(alike, limit, min(one.events, other.events), one.first, one.newest, -3.0, evidence)


def overlaps(one: Profile, other: Profile) -> bool:
    """Whether two players have played at one time, as far as their newest sessions say."""
    mine, theirs = (list(zip(each.sessions[::2], each.sessions[1::2], strict=True)) for each in (one, other))
    return any(a < d and c < b for a, b in mine for c, d in theirs)


def alikeness(one: Profile, other: Profile) -> float:
    """How alike two players' event types are in number, and their gaps in size: 1 is the same."""
    types = _cosine({s.type: s.count for s in one.types}, {s.type: s.count for s in other.types})
    return min(types, _cosine(dict(enumerate(one.grid)), dict(enumerate(other.grid))))


def _cosine(one: dict[int, int], other: dict[int, int]) -> float:
    product = sum(count * other.get(key, 0) for key, count in one.items())
    size = math.sqrt(sum(count * count for count in one.values()) * sum(count * count for count in other.values()))
    return product / size if size else 0.0
