"""What is kept of how a player played when a case is opened, so that it can be judged when the events are gone.

It is frozen: what a reviewer decides by is what was there. It is bounded, and small enough to be read with the case.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from anticheat.models import StatisticalFinding
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.fact_types import OWN_TYPES
from gamification.kernel.core.messages import Json, PlayerId
from gamification.kernel.models import Event

MAX_BYTES = 64 * 1024
EVENTS = 2_000
"""So many of the newest events are looked at."""
GAPS = 400
"""So many gaps are kept, the newest."""
SESSIONS = 8
SESSION_GAP = 30 * 60
"""Seconds without an event that end a session."""
FINDINGS = 40


def collect(player_id: PlayerId, findings: Sequence[StatisticalFinding]) -> dict[str, Json]:
    """`{gaps: [[instant, seconds]], hours: [24 counts], types: {type: count}, sessions: [{from, to, events, types}],
    findings: [{rule, day, action, …what its rule kept}]}`, gaps and sessions oldest first."""
    theirs = Event.objects.filter(player_id=player_id).exclude(type__in=OWN_TYPES)
    rows = theirs.order_by("-timestamp", "-pk").values_list("timestamp", "type")[:EVENTS]
    events = sorted(rows)
    hours, types = [0] * 24, Counter[str]()
    gaps: list[list[Json]] = []
    sessions: list[dict[str, Any]] = []
    before: datetime | None = None
    for at, type_ in events:
        hours[at.hour] += 1
        types[type_] += 1
        gap = (at - before).total_seconds() if before is not None else None
        if gap is None or gap > SESSION_GAP:
            sessions.append({"from": instant(at), "events": 0, "types": Counter[str](), "gaps": []})
        else:
            gaps.append([instant(at), round(gap, 3)])
            sessions[-1]["gaps"].append(round(gap, 3))
        sessions[-1]["to"] = instant(at)
        sessions[-1]["events"] += 1
        sessions[-1]["types"][type_] += 1
        before = at
    return fitting(
        {
            "gaps": gaps[-GAPS:],
            "hours": hours,
            "types": dict(types.most_common(20)),
            "sessions": [_of_session(each) for each in sessions[-SESSIONS:]],
            "findings": [_of_finding(each) for each in findings[-FINDINGS:]],
        }
    )


def _of_session(session: dict[str, Any]) -> dict[str, Json]:
    gaps = sorted(session["gaps"])
    return {
        "from": session["from"],
        "to": session["to"],
        "events": session["events"],
        "types": dict(session["types"].most_common(6)),
        "gap": gaps[len(gaps) // 2] if gaps else None,
        "gaps": session["gaps"][-120:],
    }


def _of_finding(finding: StatisticalFinding) -> dict[str, Json]:
    """With its value and limit, so that a picture of the cohort can show where the player stands in it."""
    beside = {"day": finding.day.isoformat(), "action": finding.action, "value": finding.value, "limit": finding.limit}
    return {"rule": finding.rule, **beside, **finding.evidence}


def fitting(evidence: dict[str, Any]) -> dict[str, Any]:
    """The same within the bound: first what findings brought goes, the oldest first, then the oldest gaps."""
    while len(json.dumps(evidence, separators=(",", ":")).encode()) > MAX_BYTES:
        if evidence["findings"]:
            evidence["findings"] = evidence["findings"][1:]
        elif evidence["gaps"]:
            evidence["gaps"] = evidence["gaps"][len(evidence["gaps"]) // 2 + 1 :]
        else:
            evidence["sessions"] = evidence["sessions"][1:]
    return evidence
