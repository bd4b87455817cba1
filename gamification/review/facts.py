"""What reviewing may state. The player is told of a case and what became of it; of how they stand, nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact, PlayerId, own_id
from gamification.review import rules
from gamification.review.models import Case
from gamification.review.rules import State
from progress.player_standing import PlayerStanding


def standing_changed(
    player_id: PlayerId,
    before: PlayerStanding,
    after: PlayerStanding,
    *,
    ends_at: datetime | None,
    case: int | None,
    reason: str,
    at: datetime,
) -> Fact:
    """StandingChanged. A player may come to the same standing any number of times: each is a fact of its own."""
    data: dict[str, Any] = {
        "before": before.value,
        "standing": after.value,
        "expires_at": ends_at and instant(ends_at),
        "case": case,
        "reason": reason,
    }
    id_ = own_id(FactType.STANDING_CHANGED, player_id, after, uuid4().hex)
    return Fact(id_, player_id, FactType.STANDING_CHANGED, data, at)


def case_opened(case: Case) -> Fact:
    """CaseOpened: somebody should look at how a player plays."""
    data: dict[str, Any] = {
        "case": case.pk,
        "rules": sorted({reason["rule"] for reason in case.reasons}),
        "families": rules.families(case.reasons),
        "due_at": instant(case.due_at),
    }
    return _of(case, FactType.CASE_OPENED, "", data, case.opened_at)


def case_decided(case: Case, at: datetime) -> Fact:
    """CaseDecided: a verdict, or what became of the appeal against it."""
    data: dict[str, Any] = {"case": case.pk, "state": case.state, "standing": case.standing or None}
    return _of(case, FactType.CASE_DECIDED, case.state, data, at)


def told_to_player(case: Case) -> dict[str, Any]:
    """A case as its player may know it: that there is one, its dates, and which side of their play was looked at.
    Neither rules nor limits, and nothing of how they stand."""
    return {
        "id": case.pk,
        "state": case.state,
        "families": rules.families(case.reasons),
        "opened_at": instant(case.opened_at),
        "due_at": instant(case.due_at),
        "decided_at": case.decided_at and instant(case.decided_at),
        "appealed_at": case.appealed_at and instant(case.appealed_at),
        "closed_at": case.closed_at and instant(case.closed_at),
        "may_appeal": case.state == State.CONFIRMED,
    }


def _of(case: Case, type_: FactType, occurrence: str, data: dict[str, Any], at: datetime) -> Fact:
    """Each is true of a case once."""
    id_ = own_id(type_, case.player_id, str(case.pk), occurrence)
    return Fact(id_, case.player_id, type_, data, at, message=told_to_player(case))
