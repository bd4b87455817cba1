"""The kept samples that sliding windows may need: one query, whatever the number of players and metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from gamification.kernel.core.encoding import instant
from gamification.kernel.storage import columns as col
from progress.models import WindowSample
from progress.rules.windows import WindowEntry

Span = tuple[tuple[datetime, datetime], float]
"""The first and the last new sample's instant, and the longest window in seconds."""


def load_windows(
    spans: Mapping[tuple[str, str], Span],
) -> dict[tuple[str, str], list[WindowEntry]]:
    """(player, metric) → samples in (timestamp, id) order, of all windows that samples within the span may change."""
    if not spans:
        return {}
    found: dict[tuple[str, str], list[WindowEntry]] = {key: [] for key in spans}
    bounds = [
        (player, metric, first - timedelta(seconds=longest), last + timedelta(seconds=longest))
        for (player, metric), ((first, last), longest) in spans.items()
    ]
    for player, metric, *sample in _select(bounds):
        found[player, metric].append(window_entry(*sample))
    for samples in found.values():
        samples.sort(key=lambda s: s[:2])
    return found


def window_entry(at: datetime, event_id: str, value: float, member: str, arrival: int) -> WindowEntry:
    """A row of WindowSample as it is computed with."""
    return WindowEntry(at, event_id, value, member or None, arrival)


def _select(bounds: list[tuple[str, str, datetime, datetime]]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            spans, parameters = col.unnest(col.columns(WindowSample, ("player_id", "metric_id", "at", "at")), bounds)
            cursor.execute(
                f"""
                SELECT v.c0, v.c1, s.at::text, s.event_id, s.value, s.member, s.arrival
                FROM {spans} CROSS JOIN LATERAL (
                    SELECT * FROM progress_windowsample AS s
                    WHERE s.player_id = v.c0 AND s.metric_id = v.c1 AND s.at > v.c2 AND s.at < v.c3
                    OFFSET 0  -- by the index, span by span, whatever the planner thinks of the table
                ) AS s
                """,  # noqa: S608 - made of columns' names
                parameters,
            )
            # Instants as text: Python parses them ten times faster than the driver.
            return [(p, m, datetime.fromisoformat(at), *rest) for p, m, at, *rest in cursor.fetchall()]
        stored = json.dumps([(p, m, _stored(low), _stored(high)) for p, m, low, high in bounds])
        cursor.execute(
            """
            SELECT s.player_id, s.metric_id, s.at, s.event_id, s.value, s.member, s.arrival
            FROM json_each(%s) AS b CROSS JOIN progress_windowsample s
              ON s.player_id = b.value ->> 0 AND s.metric_id = b.value ->> 1
             AND s.at > b.value ->> 2 AND s.at < b.value ->> 3
            """,
            [stored],
        )
        return [(p, m, _aware(at), *rest) for p, m, at, *rest in cursor.fetchall()]


def _stored(at: datetime) -> str:
    return instant(at).rstrip("Z").replace("T", " ")


def _aware(at: datetime | str) -> datetime:
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).replace(tzinfo=UTC)
