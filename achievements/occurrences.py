"""Which of several times an achievement is completed: the occurrences that samples and completions belong to."""

from __future__ import annotations

from datetime import datetime

from achievements.rules import Achievement
from progress.players import PlayerState
from progress.rules.scopes import ALWAYS, opening

OPEN_RUN = "*"
"""The occurrence under which the unfinished run of an ALWAYS achievement is kept."""


def opens_at(achievement: Achievement, player: PlayerState, at: datetime) -> datetime | None:
    """When the player's period that holds `at` opened; None where the achievement has no periods."""
    kind = achievement.goal.scope.period_kind
    return player.period(kind, at).opens if kind is not None else None


def open_occurrence(achievement: Achievement, opens: datetime | None) -> str:
    """The occurrence that samples count for: the open run, the period, or the only one there is."""
    return OPEN_RUN if achievement.repeat == ALWAYS else opening(opens) if opens else "0"


def occurrence_at(achievement: Achievement, player: PlayerState, at: datetime) -> str:
    return open_occurrence(achievement, opens_at(achievement, player, at))


def run_number(occurrence: str) -> int:
    """Which completion of an ALWAYS achievement an occurrence is; 0 for the open run."""
    return int(occurrence) if occurrence.isdecimal() else 0
