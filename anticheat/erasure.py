"""Erasing a player while the profiler is at work: neither may leave behind what the other has just taken away.

Whoever erases has the player's lock, which the profiler never takes. So there is a lock between these two alone: the
profiler shares it from when it looks which of its players are still there until it has committed; whoever erases waits
for that. On SQLite one transaction writes at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import connection

from anticheat.models import PlayProfile, StatisticalFinding
from gamification.kernel.core.messages import PlayerId

_KEY = 0x616E7469_63686561
"""Any number that nobody else locks."""


def forget_player(player_id: PlayerId) -> None:
    """Delete what is kept of how an erased player played."""
    _lock("pg_advisory_xact_lock")
    for model in (PlayProfile, StatisticalFinding):
        model._default_manager.filter(player_id=player_id).delete()


def still_there(player_ids: Iterable[PlayerId]) -> set[PlayerId]:
    """Those who are not erased, and will not be before this transaction has ended."""
    _lock("pg_advisory_xact_lock_shared")
    players = apps.get_model("progress", "Player")._default_manager  # by name, as apps' tables are linked
    return set(players.filter(pk__in=list(player_ids)).values_list("pk", flat=True))


def _lock(how: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {how}(%s)", [_KEY])
