"""What a preview finds about its players: sums that it adds to as it goes, and what is said of them.

They are kept in a row of JSON that does not grow with the number of players.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gamification.kernel.core.intervals import wilson

NAMED = 10
"""How many players are named."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Gain:
    """A player who would complete it: after how many seconds from their first event, and what that would pay."""

    player_id: str
    seconds: float
    pays: Mapping[str, int]


class Figures:
    """`{players, gains, keeps, days: {days: players}, pays: {currency: amount}, sample: [player]}`."""

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        self.players: int = kept.get("players", 0)
        self.gains: int = kept.get("gains", 0)
        self.keeps: int = kept.get("keeps", 0)
        self.days: dict[str, int] = dict(kept.get("days", {}))
        self.pays: dict[str, int] = dict(kept.get("pays", {}))
        self.sample: list[str] = list(kept.get("sample", ()))

    def dump(self) -> dict[str, Any]:
        return {
            "players": self.players,
            "gains": self.gains,
            "keeps": self.keeps,
            "days": self.days,
            "pays": self.pays,
            "sample": self.sample,
        }

    def add(self, gain: Gain | None, *, keeps: bool) -> None:
        """Take in one player; `keeps`: they have it already."""
        self.players += 1
        self.keeps += keeps
        if gain is None:
            return
        self.gains += 1
        days = f"{_rounded(gain.seconds / DAY):g}"
        self.days[days] = self.days.get(days, 0) + 1
        for currency, amount in gain.pays.items():
            self.pays[currency] = self.pays.get(currency, 0) + amount
        if len(self.sample) < NAMED:
            self.sample.append(gain.player_id)

    def shown(self) -> dict[str, Any]:
        return {
            "share": share(self.gains, self.players) if self.players else None,
            "days": {"p50": self._percentile(0.5), "p90": self._percentile(0.9)},
            "pays": dict(sorted(self.pays.items())),
            "sample": self.sample,
            "gains": self.gains,
            "keeps": self.keeps,
        }

    def _percentile(self, part: float) -> float | None:
        """The least number of days within which that part of them completes it."""
        left = math.ceil(self.gains * part)
        for days in sorted(self.days, key=float):
            left -= self.days[days]
            if left <= 0:
                return float(days)
        return None


def _rounded(days: float) -> float:
    """To a tenth below ten days, to whole days above: there are few different ones then."""
    return round(days, 1 if days < 10 else 0)


def share(some: int, of: int) -> dict[str, float]:
    """The share with its 95 % interval."""
    low, high = wilson(some, of)
    return {"value": some / of, "low": low, "high": high}


class Found:
    """What is kept of a preview: of a sample of its players, which is looked at first, and of all."""

    def __init__(self, kept: Mapping[str, Any] | None) -> None:
        kept = kept or {}
        self.of_sample, self.of_all = Figures(kept.get("of_sample")), Figures(kept.get("of_all"))

    def dump(self) -> dict[str, Any]:
        return {"of_sample": self.of_sample.dump(), "of_all": self.of_all.dump()}

    def shown(self, *, is_done: bool) -> dict[str, Any]:
        """Of all once they were looked at; until then of the sample: the first of all by their ids are none."""
        return (self.of_all if is_done or not self.of_sample.players else self.of_sample).shown()

    def forget(self, player_id: str) -> bool:
        """Name this player no more; says whether they were."""
        were_named = False
        for figures in (self.of_sample, self.of_all):
            if player_id in figures.sample:
                figures.sample.remove(player_id)
                were_named = True
        return were_named
