"""What a verdict takes of a player, and how all of it is given back when the verdict was wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from achievements.commands import RevokedOccurrence, reinstate_occurrence, revoke_occurrence
from achievements.standings import Standings
from gamification.kernel.core.messages import Json, PlayerId
from gamification.kernel.core.world import World
from rewards import withholding
from rewards.commands import found, revoke_all
from rewards.ledger import Ledger
from rewards.rules import Given, RewardType, Source, Status


@dataclass(slots=True)
class Taken:
    """What was revoked: distributions as they are now, and occurrences of achievements."""

    distributions: list[Given] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)
    achievements: list[RevokedOccurrence] = field(default_factory=list)

    def kept(self) -> dict[str, Json]:
        """As a case keeps it."""
        return {
            "distributions": [str(given.id) for given in self.distributions],
            "achievements": [each._asdict() for each in self.achievements],
        }

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Taken:
        return cls(
            ids=[UUID(id_) for id_ in kept.get("distributions", ())],
            achievements=[RevokedOccurrence(**each) for each in kept.get("achievements", ())],
        )

    def told(self, world: World) -> dict[str, Json]:
        """What people are told it comes to: `takes` from what the player has, `owes` what is spent by now."""
        takes, owes = Counter[str](), Counter[str]()
        rows = []
        for given in self.distributions:
            effect, undone = world[Ledger].effect(given), given.undone or {}
            taken, owed = undone.get("taken", 0), undone.get("owed", 0)
            rows.append(
                {
                    "id": str(given.id),
                    "reward_id": given.reward_id,
                    "type": given.kind.value,
                    "was": (Status.CLAIMED if given.claimed_at else Status.PENDING).value,
                    "withheld": given.withheld,
                    "taken": taken,
                    "owed": owed,
                }
            )
            for sums, amounts in ((takes, taken), (owes, owed)):
                sums.update(_named(given.kind, effect.currency, amounts))
        for each in self.achievements:
            takes["points"] += each.taken
            owes["points"] += each.owed
        return {
            "distributions": rows,
            "achievements": [
                {"id": each.achievement_id, "occurrence": each.occurrence, "points": each.taken + each.owed}
                for each in self.achievements
            ],
            "takes": {name: amount for name, amount in sorted(takes.items()) if amount},
            "owes": {name: amount for name, amount in sorted(owes.items()) if amount},
        }


def _named(kind: RewardType, currency: str, amounts: Any) -> dict[str, int]:
    if isinstance(amounts, dict):
        return {f"item:{item}": quantity for item, quantity in amounts.items()}
    return {currency or kind.value.lower(): amounts}


def take_back(world: World, player_id: PlayerId, *, since: datetime | None, reason: str) -> Taken:
    """Revoke what waits; with `since`, all that was earned from then on: achievements by the time they were completed,
    what was given by the time it was. What somebody gave by hand was not earned, and stays unless it waits.
    """
    taken = Taken()
    mine: dict[str, Any] = {"player_id": player_id}
    waiting = found(mine | {"status": Status.PENDING, "withheld": True})
    taken.distributions += revoke_all(world, [given.id for given in waiting], reason)
    if since is None:
        return taken
    earned = [
        (achievement_id, occurrence)
        for (achievement_id, occurrence), standing in world[Standings].of(player_id).items()
        if standing.is_earned and standing.completed_at is not None and standing.completed_at >= since
    ]
    for achievement_id, occurrence in sorted(earned):
        revoked, distributions = revoke_occurrence(world, player_id, achievement_id, occurrence, reason)
        taken.achievements.append(revoked)
        taken.distributions += distributions
    given_since = found(mine | {"status__in": [Status.PENDING, Status.CLAIMED], "created_at__gte": since})
    ids = [
        given.id for given in given_since if given.source != Source.GRANT and given.status_at(world.now) in _REVOCABLE
    ]
    taken.distributions += revoke_all(world, ids, reason)
    return taken


_REVOCABLE = (Status.PENDING, Status.CLAIMED)


def give_back(world: World, player_id: PlayerId, case: int, taken: Taken) -> list[UUID]:
    """Turn what was revoked back into what it was, each once: what was given back before is left alone."""
    for each in taken.achievements:
        reinstate_occurrence(world, player_id, each)
    return [given.id for given in withholding.reinstate(world, player_id, taken.ids, case)]
