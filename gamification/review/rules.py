"""Which case comes first, and what votes come to. Pure decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from gamification.kernel.core.vocabulary import Vocabulary

UNKNOWN_TAIL = -3.0
"""What is taken for the tail of a finding that names none, as a game server's: one in a thousand."""
STRONGEST_TAIL = -300.0
"""Beyond it a double is 0, and tells nothing more."""
FLAGS_ONLY_BELOW = {"REUSE": 3.0}
"""Kind → the value from which on a finding opens a case; below it is a flag."""


class State(Vocabulary):
    """What has become of a case."""

    OPEN = "OPEN"
    CLEARED = "CLEARED"
    CONFIRMED = "CONFIRMED"
    APPEALED = "APPEALED"
    UPHELD = "UPHELD"
    OVERTURNED = "OVERTURNED"

    @property
    def awaits(self) -> tuple[Verdict, ...]:
        """What may be said of a case in this state."""
        match self:
            case State.OPEN:
                return (Verdict.CONFIRMED, Verdict.CLEARED)
            case State.APPEALED:
                return (Verdict.UPHELD, Verdict.OVERTURNED)
            case _:
                return ()


class Verdict(Vocabulary):
    """What a reviewer says; it is also what the case then is."""

    CONFIRMED = "CONFIRMED"
    CLEARED = "CLEARED"
    UPHELD = "UPHELD"
    OVERTURNED = "OVERTURNED"


def opens_a_case(kind: str, value: float | None, is_shadow: bool) -> bool:
    """Whether a finding is for a person to decide. One of a SHADOW rule is only shown."""
    least = FLAGS_ONLY_BELOW.get(kind)
    return not is_shadow and (least is None or (value or 0) >= least)


def strongest(tails: Iterable[float | None]) -> float:
    """The logarithm of the smallest tail of several findings."""
    known = [UNKNOWN_TAIL if tail is None or not isfinite(tail) else tail for tail in tails]
    return max(min(known, default=UNKNOWN_TAIL), STRONGEST_TAIL)


def stake(waiting: Iterable[int], shares: Iterable[float]) -> float:
    """What is at stake: the amounts that wait, and how rare what was completed lately is. At least 1, so that a case
    without any still has its place."""
    return 1.0 + float(sum(waiting)) + sum(1.0 - share for share in shares)


def weight(log10_tail: float, stake: float) -> float:
    return -log10_tail * stake


@dataclass(frozen=True, slots=True)
class Said:
    """One reviewer's vote, as far as it is decided by."""

    verdict: Verdict
    is_ban: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    is_ban: bool
    since: datetime | None


def decided(votes: Iterable[Said], quorum: int) -> Decision | None:
    """What these votes come to; None: too few agree. Of what they would have done, it is what all of them would."""
    by_verdict: defaultdict[Verdict, list[Said]] = defaultdict(list)
    for vote in votes:
        by_verdict[vote.verdict].append(vote)
    for verdict, agreeing in by_verdict.items():
        if len(agreeing) >= quorum:
            instants = [vote.since for vote in agreeing if vote.since is not None]
            since = max(instants) if len(instants) == len(agreeing) else None
            return Decision(verdict, all(vote.is_ban for vote in agreeing), since)
    return None


def families(reasons: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the player may be told of the reasons: which side of their play was odd, and no rule's name or limit."""
    return sorted({str(reason["family"]) for reason in reasons if reason["action"] != "SHADOW"})
