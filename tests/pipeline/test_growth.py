"""Ten times the events are no larger rows, and no more of those that are not themselves what a player did or has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.apps import apps
from django.conf import LazySettings

from achievements.checks import REPEATABLE
from anticheat import rules as hard_rules
from anticheat.models import Rule
from gamification import clock, pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from progress.models import Player
from progress.rules import tallies
from progress.rules.scopes import ALWAYS, NEVER, Repeat
from progress.rules.vocabulary import WITH_A_METRIC, WITH_A_TIMEFRAME, RequirementType
from quests import sliding
from quests.commands import StartQuest
from quests.models import Run
from tests.support.content import Definition, achievement, level, metric, publish, quest, requirement, reward, step

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
N = 150
NEVER_MET = 1e9
HOUR, MONTH = {"duration": 1, "unit": "hours"}, {"duration": 30, "unit": "days"}

FACTS = {
    "kernel_outboxfact": "each a fact; they go by an age of their own",
    "feed_message": "each told the player something; the newest 1,000 stay",
    "rewards_distribution": "each a reward the player was given",
    "rewards_transfer": "the ledger",
    "achievements_standing": "each a completion",
    "progress_memberseen": "each something new that the player has seen",
    "achievements_progressmark": "history: three an occurrence at most",
    "progress_metricday": "a metric's health: one a day, whoever plays",
    "analytics_hour": "one an hour of play, whatever happens in it",
    "analytics_activeday": "one a day",
    "analytics_rollup": "figures: by the day and the subject, whoever plays",
}
"""Tables that may grow, and why."""


def unreachable(threshold: float) -> list[Definition]:
    """A requirement of each type, and of each that takes a time frame with a short and a long one."""
    rising = [type_ for type_ in WITH_A_METRIC if type_ != RequirementType.MIN]
    return [
        *(requirement(type_, "hits", threshold) for type_ in rising),
        requirement(RequirementType.MIN, "hits", -threshold, "lte"),
        *(
            requirement(type_, "hits", threshold, timeframe=frame)
            for type_ in WITH_A_TIMEFRAME
            for frame in (HOUR, MONTH)
        ),
    ]


def everything() -> Iterator[Change]:
    """Content of every kind, most of which is never complete."""
    yield metric("hits", "hit", value_field="hp", member_field="target")
    yield from (reward("xp", "XP", 1), reward("coin"))
    yield from (level(n, 10 * n) for n in range(1, 9))
    yield achievement("each", requirement("COUNT", "hits", 50), repeat="ALWAYS", rewards=["xp", "coin"])
    yield quest("again", step("one", requirement("COUNT", "hits", 1)), repeat="ALWAYS", auto_start=True)
    steps = [step(f"s{n}", asked) for n, asked in enumerate(unreachable(NEVER_MET))]
    yield quest("long", *steps, fail_conditions=unreachable(2 * NEVER_MET))
    for repeat in Repeat:
        asked = [one for one in unreachable(NEVER_MET) if repeat == NEVER or one["type"] != RequirementType.STREAK]
        yield achievement(f"{repeat.lower()}-all", *asked, repeat=repeat)
        for n, one in enumerate(asked):
            if repeat != ALWAYS or one["type"] in REPEATABLE:
                yield achievement(f"{repeat.lower()}-{n}", one, repeat=repeat)


def events(since: int, until: int) -> Iterator[list[GameEvent]]:
    """Three days of four events each, four without, and so on, in batches; some come late, each has its own target."""
    luck = Random(since)
    for first in range(since, until, 20):
        batch = []
        for n in range(first, first + 20):
            at = START + timedelta(days=4 * (n // 12), hours=6 * n - luck.choice([0, 0, 0, 0, 30]))
            data = {"hp": luck.random() * 100, "target": f"t{n:06}"}
            batch.append(GameEvent(f"e{n:06}", "ann", "hit", data, at))
        yield batch


def play(since: int, until: int) -> None:
    for batch in events(since, until):
        now = max(event.timestamp for event in batch)
        pipeline.process(batch, now=now)
        for chore in clock.CHORES:
            chore.due = None
        clock.tick(now)


def cells() -> dict[tuple[str, str], int]:
    """(table, column) → the size of its largest cell."""
    found: dict[tuple[str, str], int] = {}
    for model in apps.get_models():
        for row in model._default_manager.values():
            for column, value in row.items():
                size = (
                    len(value) if isinstance(value, str | bytes | memoryview) else len(json.dumps(value, default=str))
                )
                key = (model._meta.db_table, column)
                found[key] = max(found.get(key, 0), size)
    return found


def rows() -> dict[str, int]:
    return {model._meta.db_table: model._default_manager.count() for model in apps.get_models()}


@pytest.mark.django_db
def test_ten_times_the_events_are_no_larger_cells_and_no_more_rows_but_facts(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_RETENTION_DAYS = 20
    for module, name, bound in (
        (sliding, "EXACT", 40), (sliding, "MAX_ENTRIES", 80), (tallies, "MAX_RUNS", 5), (hard_rules, "MAX_TRAIL", 40),
    ):  # fmt: skip  # smaller, so that so few events come up to them
        monkeypatch.setattr(module, name, bound)
    publish(*everything(), now=START)
    Rule.objects.create(name="flood", kind="MAX_PER_WINDOW", event_type="hit", maximum=1e6, seconds=10**7)
    Rule.objects.create(name="pause", kind="COOLDOWN", event_type="hit", seconds=10**7, action="FLAG")
    bus.handle(StartQuest(player_id="ann", quest_id="long"), actor=SYSTEM, now=START)
    play(0, N)
    cells_before, rows_before = cells(), rows()
    play(N, 10 * N)
    assert Player.objects.get().quests_completed > 9 * N / 2
    assert Run.objects.get(quest_id="long").status == "IN_PROGRESS"
    first = {key: cells_before.get(key, size) for key, size in cells().items()}  # a follower may have begun only since
    grown = {key: (first[key], size) for key, size in cells().items() if size > 1.3 * first[key] + 20}
    assert grown == {}
    more = {table: (rows_before[table], n) for table, n in rows().items() if n > 1.3 * rows_before[table] + 5}
    assert more.keys() <= FACTS.keys(), more
