"""Verdicts teach: how often what a rule found was a cheat, and what follows for a rule that is often wrong.

Whoever decides cases tells here, by `connect`, what became of each rule's findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.core.cache import cache

from anticheat.models import Rule
from anticheat.verdicts import FLAG, SHADOW, WITHHOLD
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.audit import change
from gamification.kernel.core.intervals import wilson
from gamification.kernel.core.messages import Command
from gamification.kernel.core.world import World

ENOUGH = 20
"""Reviewed findings from which on a rule is judged itself."""
LEAST = 0.9


class Verdicts(NamedTuple):
    """Players whom a rule found, of these who were reviewed, and how that ended."""

    flagged: int = 0
    reviewed: int = 0
    confirmed: int = 0
    overturned: int = 0

    @property
    def right(self) -> int:
        return self.confirmed - self.overturned

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(max(self.right, 0), self.reviewed)

    @property
    def is_often_wrong(self) -> bool:
        return self.reviewed >= ENOUGH and self.interval[0] < LEAST


def _none() -> Mapping[str, Verdicts]:
    return {}


_verdicts: Callable[[], Mapping[str, Verdicts]] = _none
_KEY = "anticheat.verdicts"


def connect(verdicts: Callable[[], Mapping[str, Verdicts]]) -> None:
    """Ask here what became of each rule's findings: the rule's name → verdicts."""
    global _verdicts
    _verdicts = verdicts


def count() -> Mapping[str, Verdicts]:
    """Count them, and remember them for the console: that reads every finding, so no page does it."""
    found = _verdicts()
    with suppress(Exception):  # a cache that is away costs the console's column
        cache.set(_KEY, {rule: tuple(verdicts) for rule, verdicts in found.items()}, timeout=None)
    return found


def by_rule() -> Mapping[str, Verdicts]:
    """As they were when they were counted last: the clock does so every hour."""
    try:
        kept = cache.get(_KEY) or {}
    except Exception:  # likewise
        kept = {}
    return {rule: Verdicts(*verdicts) for rule, verdicts in kept.items()}


@dataclass(frozen=True, kw_only=True)
class DemoteRule(Command):
    """Have a rule that is often wrong only show reviewers what it finds, until somebody trusts it again."""

    name: str
    verdicts: Verdicts

    def handle(self, world: World) -> None:
        rule = Rule.objects.select_for_update().get(name=self.name)
        if rule.action not in (FLAG, WITHHOLD):
            return
        before, after = {"action": rule.action}, {"action": SHADOW, "precision_from": self.verdicts.interval[0]}
        Rule.objects.filter(pk=rule.pk).update(action=SHADOW)
        world.changes.append(change("rule", rule.name, before, after))


def demote(now: datetime) -> None:
    """Put every rule into SHADOW again whose precision is below what it has to be, as far as that is certain."""
    found = count()
    for name in Rule.objects.filter(action__in=(FLAG, WITHHOLD)).order_by("name").values_list("name", flat=True):
        verdicts = found.get(name)
        if verdicts is not None and verdicts.is_often_wrong:
            bus.handle(DemoteRule(name=name, verdicts=verdicts), actor=SYSTEM, now=now)


def said(verdicts: Verdicts | None) -> str:
    """For people: "19 of 20 right, 76 to 99 %"."""
    if verdicts is None or not verdicts.reviewed:
        return "none reviewed"
    low, high = verdicts.interval
    often = ": too often wrong" if verdicts.is_often_wrong else ""
    return f"{max(verdicts.right, 0)} of {verdicts.reviewed} right, {low:.0%} to {high:.0%}{often}"
