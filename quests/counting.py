"""How far the requirements of a quest's run have come: counted sample by sample, from the moment the counting began.

The counts of a run live in its row, not in the players' tallies: each run counts for itself, on its own version, and is
gone with it. What it holds stays small, however many events there are: a number, a few runs of days, for a time frame
the samples that a late one may still share a window with (quests.sliding). Only which members DISTINCT has seen are
rows of their own, as many as its threshold asks for, until it is reached or the run ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard, assert_never

from gamification.kernel.core.encoding import instant, number, parse_instant
from gamification.kernel.core.messages import Json, Sample
from progress.periods import Period
from progress.rules.requirements import MOMENTARY, WINDOW, Requirement
from progress.rules.tallies import Tally
from progress.rules.vocabulary import ZERO_OVER_NOTHING, RequirementType
from quests import sliding
from quests.sliding import Sliding

MAX, DISTINCT, STREAK = RequirementType.MAX, RequirementType.DISTINCT, RequirementType.STREAK
"""Words that are compared with for each sample: a name of the module is found faster than an enum's."""

Day = Callable[[datetime], Period]
"""The player's daily period that holds an instant."""


@dataclass(slots=True, eq=False)
class Count:
    requirement: Requirement
    tally: Tally = field(default_factory=Tally)
    members: set[str] = field(default_factory=set)
    """DISTINCT: those seen so far, which are rows of their own; whoever reads the run puts them here."""
    new_members: list[str] = field(default_factory=list)
    """Those of them that are still to be written."""
    window: Sliding = field(default_factory=Sliding)
    kept: Json = None
    """The value it had when it was reached."""
    reached: bool = False

    @property
    def value(self) -> float | None:
        if self.kept is not None:
            return float(self.kept)
        if self.requirement.nature == WINDOW:
            best = self.window.best
            return 0 if best is None and self.requirement.type != MAX else best
        return self.tally.value(self.requirement.type)

    @property
    def is_met(self) -> bool:
        return self.reached or (self.requirement.nature == MOMENTARY and self.requirement.compare(self.value))

    @property
    def fraction(self) -> float:
        return self.requirement.fraction(self.value, self.is_met)

    def fold(self, sample: Sample, at: datetime, event_id: str, day: Day) -> bool:
        """Count one sample of its metric; says whether anything changed."""
        if self.reached:
            return False
        if self.requirement.nature == WINDOW:
            if self.window.slide(self.requirement, sample, at):
                self._reach()
            return True
        self.tally.fold(sample.value, at, event_id)
        if self.requirement.type == DISTINCT and self._is_new(sample.member):
            self.members.add(sample.member)
            self.new_members.append(sample.member)
            self.tally.members += 1
        if self.requirement.type == STREAK:
            self.tally.add_day(day(at))
        if self.requirement.nature != MOMENTARY and self.requirement.compare(self.value):
            self._reach()
        return True

    def _is_new(self, member: str | None) -> TypeGuard[str]:
        """Whether it was not seen before. Once there are more than the threshold asks for, nobody needs to know."""
        return member is not None and member not in self.members and self.tally.members <= self.requirement.threshold

    def _reach(self) -> None:
        self.kept, self.reached = number(self.value), True
        self.tally, self.members, self.new_members, self.window = Tally(), set(), [], Sliding()

    def dump(self) -> dict[str, Json]:
        if self.reached:
            return {"met": True, "value": self.kept}
        if self.requirement.nature == WINDOW:
            return self.window.dump()
        tally = self.tally
        type_ = self.requirement.type
        match type_:
            case RequirementType.COUNT | RequirementType.MAX | RequirementType.MIN:
                return {"value": number(tally.value(type_))}
            case RequirementType.SUM:
                rest = {"rest": list(tally.rest)} if tally.rest else {}
                return {"value": number(tally.sum), **rest}
            case RequirementType.LATEST:
                latest = {"at": instant(tally.latest_at), "id": tally.latest_id} if tally.latest_at else {}
                return {"value": number(tally.latest), **latest}
            case RequirementType.DISTINCT:
                return {"distinct": tally.members}
            case RequirementType.STREAK:
                return {"days": [[instant(opens), instant(closes), days] for opens, closes, days in tally.runs]}
            case RequirementType.ACHIEVEMENT | RequirementType.QUEST | RequirementType.LEVEL:
                raise ValueError("only what has a metric is counted")
        assert_never(type_)


def begin(requirement: Requirement) -> Count:
    """A count over nothing; what 0 meets is reached before the first sample."""
    count = Count(requirement)
    over_nothing = requirement.type in ZERO_OVER_NOTHING and requirement.nature not in (MOMENTARY, WINDOW)
    if over_nothing and requirement.compare(0):
        count._reach()
    return count


def load(requirement: Requirement, kept: dict[str, Any] | None) -> Count:
    """The inverse of `dump`; a count over nothing, where nothing was kept."""
    if not kept:
        return begin(requirement)
    count = Count(requirement)
    if kept.get("met"):
        count.reached, count.kept = True, kept["value"]
        return count
    if requirement.nature == WINDOW:
        count.window = sliding.load(kept)
        return count
    tally = count.tally
    value: Any = kept.get("value")
    type_ = requirement.type
    match type_:
        case RequirementType.COUNT:
            tally.count = value
        case RequirementType.SUM:
            tally.sum, tally.rest = value, tuple(kept.get("rest", ()))
        case RequirementType.MAX:
            tally.max = value
        case RequirementType.MIN:
            tally.min = value
        case RequirementType.LATEST:
            if value is not None:
                tally.latest, tally.latest_at, tally.latest_id = value, parse_instant(kept["at"]), kept["id"]
        case RequirementType.DISTINCT:
            tally.members = kept["distinct"]
        case RequirementType.STREAK:
            tally.runs = [(parse_instant(opens), parse_instant(closes), days) for opens, closes, days in kept["days"]]
        case RequirementType.ACHIEVEMENT | RequirementType.QUEST | RequirementType.LEVEL:
            raise ValueError("only what has a metric is counted")
        case _:
            assert_never(type_)
    return count
