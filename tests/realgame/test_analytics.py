"""The figures of a real game's 10,000 events: days and retention as its file has them, the rest as its tables do."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from gamification import pipeline
from gamification.analytics import following, queries
from gamification.console import packs
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from quests.models import Run
from tests.support import figures
from tests.support.content import live_in

FILE = settings.BASE_DIR.parent / "shared" / "data" / "wave-combinator.jsonl"
PACK = settings.BASE_DIR / "tests" / "realgame" / "pack.yaml"
ZONE = "America/Los_Angeles"

pytestmark = [
    pytest.mark.skipif(not FILE.exists(), reason=f"the real game's events are not at {FILE}"),
    pytest.mark.django_db,
]


def test_the_figures_of_a_real_game_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffled, and each tenth event twice."""
    live_in(ZONE)
    monkeypatch.setattr(settings, "PLAYER_TIME_ZONE", ZONE)
    now = timezone.now()
    packs.load([PACK], actor=SYSTEM, now=now)
    lines = [json.loads(line) for line in FILE.read_text().splitlines()]
    events = [
        GameEvent(each["id"], each["player_id"], each["type"], each["data"], datetime.fromisoformat(each["timestamp"]))
        for each in lines
    ]
    sent = [*events, *events[::10]]
    random.Random(5).shuffle(sent)
    for begins in range(0, len(sent), 1_000):
        pipeline.process(sent[begins : begins + 1_000], now=now)
    while not following.is_done():
        following.follow(now)

    days: dict[str, set[date]] = {}
    for event in events:
        days.setdefault(event.player_id, set()).add(event.timestamp.astimezone(ZoneInfo(ZONE)).date())
    active = Counter(day for played in days.values() for day in played)
    span = queries.Span(min(active), max(active))
    assert {row["day"]: row["active"] for row in queries.summary(span) if row["active"]} == active
    assert sum(row["events"] for row in queries.summary(span)) == len(events)
    for row in queries.retention(span, now):
        cohort = [played for played in days.values() if min(played) == row["first_day"]]
        after = [row["first_day"] + timedelta(days=n) for n in range(64)]
        assert row["returned"] == [sum(day in played for played in cohort) for day in after]
    assert sum(row["players"] for row in queries.retention(span, now)) == len(days)

    runs = list(Run.objects.filter(player_id__in=days))
    assert runs
    for quest in {run.quest_id for run in runs}:
        for row in queries.funnel(quest, span):
            mine = [run.state["steps"] for run in runs if (run.quest_id, run.version) == (quest, row["version"])]
            reached = [steps[row["step"]] for steps in mine if row["step"] in steps]
            assert (row["reached"], row["completed"]) == (len(reached), sum("done" in state for state in reached))

    grown = {key: n for key, n in figures.grown().items() if not key[3].startswith(("seconds ", "played "))}
    assert grown == {key: n for key, n in figures.obvious().items() if n}
