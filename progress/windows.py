"""The kept samples that sliding windows may need: one query, whatever the number of players and metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import connection

from gamification.kernel.core.encoding import instant
from gamification.kernel.storage import columns as col
from gamification.kernel.storage import sql
from progress.models import WindowSample
from progress.rules.windows import WindowEntry

Span = tuple[tuple[datetime, datetime], float]
"""The first and the last new sample's instant, and the longest window in seconds."""


def ask_windows(
    spans: Mapping[tuple[str, str], Span],
) -> Callable[[], dict[tuple[str, str], list[WindowEntry]]]:
    """(player, metric) → samples in (timestamp, id) order, of all windows that samples within the span may change."""
    if not spans:
        return dict
    bounds = [
        (player, metric, first - timedelta(seconds=longest), last + timedelta(seconds=longest))
        for (player, metric), ((first, last), longest) in spans.items()
    ]
    asked = _ask(bounds)

    def answer() -> dict[tuple[str, str], list[WindowEntry]]:
        found: dict[tuple[str, str], list[WindowEntry]] = {key: [] for key in spans}
        for player, metric, *sample in asked():
            found[player, metric].append(window_entry(*sample))
        for samples in found.values():
            samples.sort(key=lambda s: s[:2])
        return found

    return answer


def window_entry(at: datetime, event_id: str, value: float, member: str, arrival: int) -> WindowEntry:
    """A row of WindowSample as it is computed with."""
    return WindowEntry(at, event_id, value, member or None, arrival)


def _ask(bounds: list[tuple[str, str, datetime, datetime]]) -> sql.Asked:
    wanted = col.columns(WindowSample, ("player_id", "metric_id", *WindowEntry._fields))
    if connection.vendor == "postgresql":
        spans, parameters = col.unnest(col.columns(WindowSample, ("player_id", "metric_id", "at", "at")), bounds)
        statement = f"""
            SELECT v.c0, v.c1, s.at::text, s.event_id, s.value, s.member, s.arrival
            FROM {spans} CROSS JOIN LATERAL (
                SELECT * FROM progress_windowsample AS s
                WHERE s.player_id = v.c0 AND s.metric_id = v.c1 AND s.at > v.c2 AND s.at < v.c3
                OFFSET 0  -- by the index, span by span, whatever the planner thinks of the table
            ) AS s
            """  # noqa: S608 - made of columns' names
        return sql.ask(wanted, statement, parameters)
    stored = json.dumps([(p, m, _stored(low), _stored(high)) for p, m, low, high in bounds])
    statement = """
        SELECT s.player_id, s.metric_id, s.at, s.event_id, s.value, s.member, s.arrival
        FROM json_each(%s) AS b CROSS JOIN progress_windowsample s
          ON s.player_id = b.value ->> 0 AND s.metric_id = b.value ->> 1
         AND s.at > b.value ->> 2 AND s.at < b.value ->> 3
        """
    return sql.ask(wanted, statement, [stored])


def _stored(at: datetime) -> str:
    return instant(at).rstrip("Z").replace("T", " ")
