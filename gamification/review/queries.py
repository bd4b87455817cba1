"""What can be asked about standings and cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from anticheat.models import StatisticalFinding
from anticheat.precision import Verdicts
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import NotFound, PlayerId
from gamification.kernel.storage import shares
from gamification.review.models import Case, Vote
from gamification.review.rules import State
from progress.models import Player
from progress.player_standing import PlayerStanding

# -- standings ---------------------------------------------------------------------------------------------------------


def standing(player_id: PlayerId) -> dict[str, Any]:
    """How a player stands, as keys and staff are told; whoever was never seen is clear."""
    player = Player.objects.filter(pk=player_id).first() or Player(player_id=player_id)
    return {
        "player_id": player_id,
        "standing": PlayerStanding.of(player.standing, player.banned).value,
        "expires_at": player.standing_ends_at and instant(player.standing_ends_at),
        "case": player.standing_case,
        "is_test": player.is_test,
    }


def due(now: datetime, limit: int) -> list[PlayerId]:
    """Whose standing has come to its end."""
    over = Player.objects.filter(standing_ends_at__lte=now).order_by("standing_ends_at")
    return list(over.values_list("player_id", flat=True)[:limit])


def is_over(player_id: PlayerId, now: datetime) -> bool:
    return Player.objects.filter(pk=player_id, standing_ends_at__lte=now).exists()


# -- cases -------------------------------------------------------------------------------------------------------------


def cases(**columns: Any) -> QuerySet[Case]:
    """Cases by columns (None: any), with their votes."""
    wanted = {name: value for name, value in columns.items() if value is not None}
    return Case.objects.filter(**wanted).prefetch_related("votes")


def case(case_id: int) -> Case:
    found = cases(pk=case_id).first()
    if found is None:
        raise NotFound("There is no such case.")
    return found


def open_case(player_id: PlayerId) -> int | None:
    """The case about a player that waits to be decided."""
    return Case.objects.filter(player_id=player_id, state=State.OPEN).values_list("pk", flat=True).first()


def to_withhold(limit: int) -> list[tuple[PlayerId, int]]:
    """Cases that wait for a day on which fewer players' rewards were withheld, in the order of the queue."""
    waiting = Case.objects.filter(state=State.OPEN, wants_withholding=True, withheld_at=None).order_by("-weight", "-id")
    return list(waiting.values_list("player_id", "pk")[:limit])


def shown(case: Case) -> dict[str, Any]:
    """A case as keys and staff see it in a list."""
    return {
        "id": case.pk,
        "player_id": case.player_id,
        "state": case.state,
        "reasons": [{name: reason[name] for name in REASON} for reason in case.reasons],
        "stake": case.stake,
        "weight": case.weight,
        "withheld": case.withheld_at is not None,
        "opened_at": instant(case.opened_at),
        "due_at": instant(case.due_at),
        "decided_at": case.decided_at and instant(case.decided_at),
        "standing": case.standing or None,
        "since": case.since and instant(case.since),
        "appeal": case.appeal or None,
        "appealed_at": case.appealed_at and instant(case.appealed_at),
        "votes": [_vote(vote) for vote in case.votes.all()],
    }


REASON = ("rule", "family", "value", "limit", "n", "from", "to", "day", "log10_tail", "action", "source")


def shown_whole(case: Case) -> dict[str, Any]:
    """The same with its evidence."""
    return {**shown(case), "evidence": case.evidence}


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "who": vote.who,
        "verdict": vote.verdict,
        "note": vote.note,
        "at": instant(vote.at),
        "standing": vote.standing or None,
        "since": vote.since and instant(vote.since),
    }


# -- what verdicts say of rules ----------------------------------------------------------------------------------------


def verdicts() -> Mapping[str, Verdicts]:
    """rule → what came of what it has found. A case counts for each rule among its reasons, SHADOW or not: it is judged
    by what the player did."""
    flagged: defaultdict[str, int] = defaultdict(int)
    of_rules = StatisticalFinding.objects.values_list("rule", "player_id").distinct()
    for share in shares.each(lambda: list(of_rules.all())):
        for rule, _ in share:
            flagged[rule] += 1
    decided: defaultdict[str, list[str]] = defaultdict(list)
    judged = Case.objects.exclude(state=State.OPEN).values_list("state", "reasons")
    for state, reasons in judged.iterator():
        for rule in {reason["rule"] for reason in reasons}:
            decided[rule].append(state)
    found_guilty = (State.CONFIRMED, State.APPEALED, State.UPHELD, State.OVERTURNED)
    return {
        rule: Verdicts(
            flagged[rule],
            len(decided[rule]),
            sum(state in found_guilty for state in decided[rule]),
            decided[rule].count(State.OVERTURNED),
        )
        for rule in sorted({*flagged, *decided})
    }
