"""What each hard rule says of an event: pure decisions over plain values.

Windows and cooldowns are judged by the timestamps of the events, not by when they arrived, over a *trail*: the events
of the player that the rule let pass. What was held is not on it, so the first `maximum` of a flood count and the rest
is held. A late event is judged among its contemporaries: it breaks the rule if, with it, *any* window around it is
over the maximum, or if it is too close to an event on either side.

A trail goes back two windows from its newest event, or from the clock where that is earlier (so an event from a clock
that is ahead makes nobody forget). An event from before that meets an empty trail and passes: CLOCK_SKEW is the rule
against events that come that late. A trail that has grown to 1,000 entries (many small amounts in one window, or a
rule that only flags) is thinned by adding each second entry to the one before it; an amount may then leave its window
too early, by the time between two neighbours of the trail at most.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from gamification.kernel.core import sums
from gamification.kernel.core.encoding import number
from gamification.kernel.core.messages import GameEvent

HOLD, FLAG = "HOLD", "FLAG"
"""What becomes of an event that breaks a rule: a person decides about it, or it counts and is noted."""

MAX_TRAIL = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Values = dict[str, Any]
"""What was found and what was allowed, for whoever decides about the event."""

Entry = tuple[int, float]
"""An instant in microseconds since 1970 and the amount at that instant."""


@dataclass(frozen=True, slots=True)
class HardRule:
    """A rule as its author wrote it: about the samples of `metric`, or about all events of `event_type`.

    An event's amount is the sum of its samples of the metric; for an event type it is 1.
    """

    name: str
    kind: str
    metric: str | None = None
    event_type: str = ""
    minimum: float | None = None
    maximum: float | None = None
    seconds: int | None = None
    action: str = HOLD

    @property
    def holds(self) -> bool:
        return self.action == HOLD

    @property
    def has_trail(self) -> bool:
        """Whether it remembers what came before."""
        return self.kind in KINDS and KINDS[self.kind].has_trail

    @property
    def span(self) -> int:
        """Window or cooldown in microseconds."""
        return (self.seconds or 0) * 1_000_000

    def amounts(self, event: GameEvent) -> list[float]:
        """What the event is worth to this rule; nothing where the rule is not about it."""
        if self.metric is None:
            return [1.0] if event.type == self.event_type else []
        return [sample.value for sample in event.samples if sample.metric == self.metric]


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def broken(rule: HardRule, event: GameEvent, trail: Trail | None, now: datetime) -> Values | None:
    """The values by which `event` breaks `rule`; None where it does not. A kind that is not known breaks nothing."""
    amounts, kind = rule.amounts(event), KINDS.get(rule.kind)
    if not amounts or kind is None:
        return None
    return kind.judge(rule, _Case(amounts, event.timestamp, trail or Trail(), now))


class Trail:
    """What a rule remembers of one player, oldest first."""

    __slots__ = ("changed", "entries")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = sorted((int(at), float(amount)) for at, amount in entries)
        self.changed = False

    def add(self, rule: HardRule, event: GameEvent, now: datetime) -> None:
        """Remember an event that passed, and forget what no event to come should be judged by."""
        amount = math.fsum(rule.amounts(event))
        if amount == 0 and rule.kind == "MAX_PER_WINDOW":
            return
        insort(self.entries, (microseconds(event.timestamp), amount))
        since = min(self.entries[-1][0], microseconds(now)) - 2 * rule.span
        del self.entries[: bisect_left(self.entries, (since,))]
        if len(self.entries) > MAX_TRAIL:
            self.entries = _thinned(self.entries)
        self.changed = True


def _thinned(entries: list[Entry]) -> list[Entry]:
    pairs = [(a[0], a[1] + b[1]) for a, b in zip(entries[::2], entries[1::2], strict=False)]
    return pairs if len(entries) % 2 == 0 else [*pairs, entries[-1]]


# -- the kinds of rules ------------------------------------------------------------------------------------------------


class _Case(NamedTuple):
    """One event as a rule looks at it."""

    amounts: list[float]
    timestamp: datetime
    trail: Trail
    now: datetime


def _out_of_range(rule: HardRule, case: _Case) -> Values | None:
    for value in case.amounts:
        if rule.minimum is not None and value < rule.minimum:
            return {"value": number(value), "minimum": number(rule.minimum)}
        if rule.maximum is not None and value > rule.maximum:
            return {"value": number(value), "maximum": number(rule.maximum)}
    return None


def _too_much(rule: HardRule, case: _Case) -> Values | None:
    amount = math.fsum(case.amounts)
    if rule.maximum is None or amount <= rule.maximum:
        return None
    return {"amount": number(amount), "maximum": number(rule.maximum)}


def _too_much_lately(rule: HardRule, case: _Case) -> Values | None:
    """Windows are `(end - seconds, end]`, as everywhere; those with the event in them end within one span after it."""
    amount, at = math.fsum(case.amounts), microseconds(case.timestamp)
    if rule.maximum is None or amount <= 0:
        return None
    entries = case.trail.entries
    low = bisect_right(entries, (at - rule.span, float("inf")))
    high = bisect_left(entries, (at + rule.span,))
    near = sorted([*entries[low:high], (at, amount)])
    most, start = amount, 0
    total, rest = 0.0, sums.load("")
    for end, (instant, worth) in enumerate(near):
        total, rest = sums.add(total, rest, worth)
        while near[start][0] <= instant - rule.span:
            total, rest = sums.add(total, rest, -near[start][1])
            start += 1
        if instant >= at and (end + 1 == len(near) or near[end + 1][0] != instant):
            most = max(most, total)
    if most <= rule.maximum:
        return None
    return {"amount": number(most), "maximum": number(rule.maximum), "seconds": rule.seconds}


def _too_soon(rule: HardRule, case: _Case) -> Values | None:
    entries, at = case.trail.entries, microseconds(case.timestamp)
    place = bisect_left(entries, (at,))
    gaps = [abs(at - instant) for instant, _ in entries[max(0, place - 1) : place + 1]]
    if not gaps or min(gaps) >= rule.span:
        return None
    return {"gap": number(min(gaps) / 1_000_000), "seconds": rule.seconds}


def _skewed(rule: HardRule, case: _Case) -> Values | None:
    skew = (case.timestamp - case.now).total_seconds()
    if rule.seconds is None or abs(skew) <= rule.seconds:
        return None
    return {"skew": number(round(skew, 6)), "seconds": rule.seconds}


@dataclass(frozen=True, slots=True)
class Kind:
    """All that there is to say of one kind of rule."""

    label: str
    judge: Callable[[HardRule, _Case], Values | None]
    needs: tuple[str, ...] = ()
    """What its author has to say, of `minimum`, `maximum` and `seconds`."""
    allows: tuple[str, ...] = ()
    """What its author may say besides."""
    is_about_values: bool = False
    """Whether only a metric's samples can break it: an event of some type has no value of its own."""
    has_trail: bool = False
    """Whether it remembers what came before."""

    @property
    def fields(self) -> tuple[str, ...]:
        return self.needs + self.allows


KINDS = {
    "VALUE_RANGE": Kind(
        "value below minimum or above maximum",
        _out_of_range,
        allows=("minimum", "maximum"),
        is_about_values=True,
    ),
    "MAX_PER_EVENT": Kind("one event is worth too much", _too_much, needs=("maximum",), is_about_values=True),
    "MAX_PER_WINDOW": Kind(
        "too many events (or too much) in a time window",
        _too_much_lately,
        needs=("maximum", "seconds"),
        has_trail=True,
    ),
    "COOLDOWN": Kind("too soon after the one before", _too_soon, needs=("seconds",), has_trail=True),
    "CLOCK_SKEW": Kind("timestamp too far from the clock", _skewed, needs=("seconds",)),
}
"""Every kind of rule there is; forms, checks, the database's choices and the judging go by this table."""
