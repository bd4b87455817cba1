"""Weeks of the sample game: who comes, how often, and who stays away in the end.

Pure, as play.py is: the dice come in, evenings come out. The same dice give the same evenings with the same ids.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gamification.console.sample.play import Flatwalker
from gamification.kernel.core.encoding import instant

NEW_AT_ONCE = 0.35
"""The share of all players who are there on the first day; the others come later."""
WEEKEND = 1.4
"""How much more likely somebody plays on a Saturday or Sunday."""
EVENING = 19.5
"""The hour at which most begin."""
Event = dict[str, Any]


@dataclass
class Regular:
    """A player, and how fond they are of the game."""

    player_id: str
    walker: Flatwalker
    first_day: int
    fondness: float
    """The chance that they play on the day after their first."""
    patience: float
    """After so many days they play a third as often."""

    def chance(self, day: int, is_weekend: bool) -> float:
        age = day - self.first_day
        if age <= 0:
            return 1.0 if age == 0 else 0.0
        return min(0.95, self.fondness * math.exp(-age / self.patience) * (WEEKEND if is_weekend else 1.0))


def regulars(players: int, days: int, dice: random.Random) -> list[Regular]:
    names = [f"walker-{number:04}" for number in range(1, players + 1)]
    found = []
    for name in names:
        others = [other for other in dice.sample(names, min(12, players)) if other != name]
        first_day = 0 if dice.random() < NEW_AT_ONCE else dice.randrange(days)
        walker = Flatwalker(random.Random(dice.random()), others)  # noqa: S311 - a game
        found.append(Regular(name, walker, first_day, dice.betavariate(2, 2), dice.lognormvariate(2.3, 0.9)))
    return found


def evenings(players: int, days: int, now: datetime, dice: random.Random, name: str = "past") -> Iterator[list[Event]]:
    """Each player's evenings of the days before `now`, in the order in which they end. None ends after it.

    `name`: what the events' ids begin with.
    """
    begins = now - timedelta(days=days)
    everybody = regulars(players, days, dice)
    for day in range(days):
        midnight = begins + timedelta(days=day)
        is_weekend = midnight.weekday() >= 5
        played = []
        for regular in everybody:
            if dice.random() < regular.chance(day, is_weekend):
                at = midnight.replace(hour=0, minute=0) + timedelta(hours=min(23, max(0, dice.gauss(EVENING, 3))))
                played.append(_evening(regular, f"{name}-{day}", at, dice))
        for evening in sorted(played, key=lambda events: str(events[-1]["timestamp"])):
            if evening[-1]["timestamp"] <= instant(now):
                yield evening


def _evening(regular: Regular, name: str, at: datetime, dice: random.Random) -> list[Event]:
    events = []
    for number, (type_, data) in enumerate(regular.walker.session()):
        events.append(
            {
                "id": f"{name}-{number}",
                "player_id": regular.player_id,
                "type": type_,
                "data": data,
                "timestamp": instant(at),
            }
        )
        at += timedelta(seconds=round(dice.expovariate(1 / 40) + 2))
    return events
