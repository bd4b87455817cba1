"""What statistical rules speak of: a case, a rule, a verdict, and how improbable a verdict is for somebody honest.

The *tail* is the probability that an honest player comes as far as this, by a model that each rule names. Models are
chosen so that they err in the player's favour: a bound instead of the probability where there is one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from anticheat.cohorts import Cohort
from anticheat.profile import Due, Profile

SHADOW, FLAG, WITHHOLD = "SHADOW", "FLAG", "WITHHOLD"
"""What a statistical rule may do: show it to reviewers only, make a finding, withhold what the player earns."""
RHYTHM, ENDURANCE, VOLUME, IDENTITY = "rhythm", "endurance", "volume", "identity"
DAYS_LOOKED_AT, DAYS_FOUND = 7, 3
LOG10_TAIL = -9.0
"""One rule is enough to withhold where it found this much (one in a billion), on so many days of so many."""
LEAST_TAIL = -30.0
"""log10: a model says nothing of what is rarer than that."""
HOUR = 3_600_000


class Verdict(NamedTuple):
    """What a rule found beyond its limit. `since` and `until` are timestamps in milliseconds."""

    value: float
    limit: float
    n: int
    since: int
    until: int
    log10_tail: float
    evidence: dict[str, Any]
    about: int = 0
    """The event type that it is about; 0: all of them."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A completion as an own event tells it: `achievement:id`, the seconds that the player has played by then, and the
    least that its author allows."""

    content: str
    seconds: float
    min_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A player as a rule looks at them."""

    profile: Profile
    cohort: Cohort
    due: Due
    completion: Completion | None = None


@dataclass(frozen=True, slots=True)
class StatisticalRule:
    """A rule as it stands in the console."""

    name: str
    kind: str
    parameters: Mapping[str, float]
    action: str = SHADOW
    slot: int = 0
    """Its bit among those of the rules that have judged a player."""

    def __getitem__(self, parameter: str) -> float:
        return self.parameters[parameter]


@dataclass(frozen=True, slots=True)
class Sign:
    """One finding, of a rule that may withhold, as far as it is decided by."""

    rule: str
    family: str
    day: date
    log10_tail: float | None


def warrants_withholding(signs: Iterable[Sign], today: date) -> bool:
    """Whether these are enough to withhold a player's rewards before a person has looked: one rule that was as good as
    certain on 3 of the last 7 days, or two rules that see different things. A single day of a single rule never is.
    """
    days: defaultdict[str, set[date]] = defaultdict(set)
    families: set[str] = set()
    for sign in signs:
        if not 0 <= (today - sign.day).days < DAYS_LOOKED_AT:
            continue
        families.add(sign.family)
        if sign.log10_tail is not None and sign.log10_tail <= LOG10_TAIL:
            days[sign.rule].add(sign.day)
    return len(families) > 1 or any(len(found) >= DAYS_FOUND for found in days.values())


def binomial_tail(share: float, n: float, honest: float) -> float:
    """log10 of a bound (Chernoff's) on the probability of at least this share of n trials, each likely as `honest`."""
    if share <= honest or n <= 0:
        return 0.0
    if share >= 1:
        return max(LEAST_TAIL, n * math.log10(honest))
    bits = share * math.log(share / honest) + (1 - share) * math.log((1 - share) / (1 - honest))
    return max(LEAST_TAIL, -n * bits / math.log(10))


def normal_tail(z: float) -> float:
    """log10 of a bound on the probability that a normal quantity is at least z deviations above its mean."""
    return max(LEAST_TAIL, -z * z / 2 / math.log(10)) if z > 0 else 0.0


def poisson_tail(count: int, mean: float) -> float:
    """log10 of a bound (Chernoff's) on the probability of at least so many, where `mean` are expected."""
    if count <= mean:
        return 0.0
    return max(LEAST_TAIL, -(mean - count + count * math.log(count / mean)) / math.log(10))
