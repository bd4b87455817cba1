"""What a game server has seen by its own means is a finding like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from anticheat import findings
from anticheat.findings import Found
from anticheat.models import StatisticalFinding
from gamification.kernel.core.audit import change
from gamification.kernel.core.messages import Command, Json, PlayerId
from gamification.kernel.core.world import World
from gamification.review.opening import NoteFindings

REPORTED = "REPORTED"
FAMILY = "reported"
"""A family of its own, so that it never withholds anything beside one other rule: a person looks first."""
NAMED = ("value", "limit", "n")


@dataclass(frozen=True, kw_only=True)
class ReportFinding(Command):
    """Say that something is odd about how a player plays. It opens a case, or joins the one that is open. Answers
    whether it is new: a rule finds something of a player once a day."""

    player_id: PlayerId
    rule: str
    values: Mapping[str, Json]
    note: str = ""

    @property
    def reason(self) -> str:
        return self.note

    def handle(self, world: World) -> bool:
        known = {name: _number(self.values.get(name)) for name in NAMED}
        found = Found(
            player_id=self.player_id,
            rule=self.rule,
            day=world.now.date(),
            kind=REPORTED,
            family=FAMILY,
            action=findings.FLAG,
            value=known["value"],
            limit=known["limit"],
            n=int(known["n"]) if known["n"] is not None and known["n"] >= 0 else None,
            since=None,
            until=None,
            log10_tail=None,
            source=str(world.actor)[:64],
            evidence={"values": dict(self.values), "note": self.note},
            found_at=world.now,
        )
        is_new = bool(findings.record([found], react=lambda new: self._note(world, new)))
        if is_new:
            noted: dict[str, Any] = {"rule": self.rule, "values": dict(self.values)}
            world.changes.append(change("player", self.player_id, None, noted, player_id=self.player_id))
        return is_new

    def _note(self, world: World, new: Sequence[StatisticalFinding]) -> None:
        """Open a case, or have it join one, in this very world: a second one would not see what this one decides."""
        NoteFindings(player_id=self.player_id, finding_ids=[each.pk for each in new]).handle(world)


def _number(value: Json) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isfinite(value) and abs(value) < 2**53 else None
