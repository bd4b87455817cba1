"""10,000 events of a real game's 49 players, against what plain Python counts (oracle.py, quest_oracle.py)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from achievements.models import Standing
from gamification import backfilling, pipeline
from gamification.console import packs
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import instant
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event, OutboxFact
from gamification.kernel.web.access import SCOPES, create_key
from progress.models import Backfill
from quests.commands import ExpireRuns
from quests.models import Run
from rewards.models import Distribution, Transfer, Wallet
from tests.realgame import oracle, quest_oracle
from tests.support.content import live_in

FILE = settings.BASE_DIR.parent / "shared" / "data" / "wave-combinator.jsonl"
PACK = settings.BASE_DIR / "tests" / "realgame" / "pack.yaml"
ZONE = "America/Los_Angeles"
"""Where two of the players play past midnight: in UTC nobody's streak is longer than a day."""

pytestmark = [
    pytest.mark.skipif(not FILE.exists(), reason=f"the real game's events are not at {FILE}"),
    pytest.mark.django_db(transaction=True),
]

ONCE = [name for name, rule in oracle.RULES.items() if rule.repeat == "never"]
REPEATING = [name for name, rule in oracle.RULES.items() if rule.repeat != "never"]


@pytest.fixture(scope="module")
def events() -> list[oracle.Event]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


@pytest.fixture(scope="module")
def expected(events: list[oracle.Event]) -> dict[str, dict[str, oracle.Result]]:
    return oracle.counted(events, ZONE)


@pytest.fixture(autouse=True)
def zone(transactional_db: None) -> None:
    live_in(ZONE)


@pytest.fixture
def client() -> APIClient:
    _, key = create_key("the real game", SCOPES)
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def publish_pack() -> None:
    packs.load([PACK], actor=SYSTEM, now=timezone.now())


def post(client: APIClient, events: Sequence[oracle.Event], size: int) -> tuple[int, int]:
    """Post in batches; how many were accepted, and how many known already."""
    accepted = duplicates = 0
    for start in range(0, len(events), size):
        answer = client.post("/api/v1/events", {"events": events[start : start + size]}, format="json").json()
        assert answer["rejected"] == []
        accepted += answer["accepted"]
        duplicates += answer["duplicates"]
    return accepted, duplicates


def standings(client: APIClient, player: str) -> dict[str, dict[str, Any]]:
    page = client.get(f"/api/v1/players/{player}/achievements", {"page_size": 200}).json()
    return {row["achievement_id"]: row for row in page["results"]}


def times_completed(player: str, achievement: str) -> list[datetime]:
    rows = Standing.objects.filter(player_id=player, achievement_id=achievement, completed_at__isnull=False)
    return sorted(at for at in rows.values_list("completed_at", flat=True) if at is not None)


Quests = dict[str, dict[str, list[quest_oracle.Run]]]


def assert_quests_as_followed(client: APIClient, followed: Quests) -> None:
    for player, quests in followed.items():
        page = client.get(f"/api/v1/players/{player}/quests", {"page_size": 200}).json()
        shown = {row["quest_id"]: row for row in page["results"]}
        assert set(shown) == set(quests)
        for name, runs in quests.items():
            assert_runs(shown[name], runs, (player, name))


def assert_runs(shown: dict[str, Any], runs: list[quest_oracle.Run], which: tuple[str, str]) -> None:
    assert shown["run"] == len(runs), which
    closed = [(number, run) for number, run in enumerate(runs, start=1) if run.ended_at is not None]
    assert shown["history"] == [
        {
            "run": number,
            "status": run.status,
            "started_at": instant(run.started_at),
            "ended_at": shown_at(run.ended_at),
            "completed_at": shown_at(run.ended_at) if run.status == "COMPLETED" else None,
            "progress": pytest.approx(run.progress),
            "version": 1,
        }
        for number, run in closed
    ], which
    if not runs:
        assert (shown["status"], shown["started_at"], shown["progress"]) == ("NOT_STARTED", None, 0), which
        return
    newest = runs[-1]
    active = [step.rule for step in newest.steps if step.active]
    expected = {
        "status": newest.status,
        "current_step": min((rule.order for rule in active if not rule.optional), default=None),
        "active_steps": [rule.name for rule in active],
        "progress": pytest.approx(newest.progress),
        "step_progress": {step.rule.name: pytest.approx(step.progress) for step in newest.steps},
        "started_at": shown_at(newest.started_at),
        "deadline": shown_at(newest.deadline),
        "completed_at": shown_at(newest.ended_at) if newest.status == "COMPLETED" else None,
    }
    assert {key: shown[key] for key in expected} == expected, which


def shown_at(moment: datetime | None) -> str | None:
    return instant(moment) if moment is not None else None


def assert_all_as_counted(
    client: APIClient, expected: dict[str, dict[str, oracle.Result]], followed: Quests | None = None
) -> None:
    """`followed`: what became of the quests; None: nothing, they came after all was played."""
    assert len(expected) == 49
    if followed is not None:
        assert len(followed) == 49
        assert_quests_as_followed(client, followed)
    for player, results in expected.items():
        shown = standings(client, player)
        assert set(shown) == set(oracle.RULES)
        for name in ONCE:
            at = results[name].completed_at
            found = {key: shown[name][key] for key in ("is_completed", "completed_at", "metrics")}
            assert found == {
                "is_completed": at is not None,
                "completed_at": instant(at) if at else None,
                "metrics": results[name].metrics,
            }, (player, name)
        for name in REPEATING:
            assert shown[name]["completions"] == len(results[name].completions), (player, name)
            assert times_completed(player, name) == results[name].completions, (player, name)
        assert_paid(client, player, results, followed[player] if followed else {})


def assert_paid(
    client: APIClient, player: str, results: dict[str, oracle.Result], quests: dict[str, list[quest_oracle.Run]]
) -> None:
    runs = [(name, run) for name, runs in quests.items() for run in runs]
    completed = [name for name, run in runs if run.status == "COMPLETED"]
    steps = [step for _, run in runs for step in run.gave]
    done = {name: int(result.completed_at is not None) for name, result in results.items()}
    days = len(results["day-shift"].completions)
    xp = 100 * (done["first-wave"] + done["ten-levels"] + 2 * done["every-level"] + done["far-along"])
    xp += 100 * completed.count("apprenticeship")
    level = 3 if xp >= 900 else 2 if xp >= 300 else 1
    paid_by_quests = len([name for name in completed if name != "apprenticeship"])
    paid_by_quests += len([step for step in steps if step in ("two-levels", "fine-tune", "climb")])
    hertz = 10 * (paid_by_quests + done["first-wave"] + done["quick-study"] + done["x-1"] + days + (0, 0, 1, 3)[level])
    points = {"first-wave": 5, "ten-levels": 10, "every-level": 50, "graduate": 20, "x-1": 7}
    profile = client.get(f"/api/v1/players/{player}").json()
    assert profile["statistics"] == {
        "points": sum(worth * done[name] for name, worth in points.items()),
        "xp": xp,
        "level": level,
        "achievements_completed": sum(done.values()) + sum(len(results[name].completions) for name in REPEATING),
        "quests_completed": len(completed),
    }, player
    assert sum(Wallet.objects.filter(player_id=player).values_list("balance", flat=True)) == hertz, player


def in_order(events: Sequence[oracle.Event]) -> list[oracle.Event]:
    return sorted(events, key=lambda event: (event["timestamp"], event["id"]))


def followed(events: Sequence[oracle.Event], size: int) -> Quests:
    """What becomes of the quests when batches of that size are processed today: years after every deadline."""
    return quest_oracle.counted(quest_oracle.processed(events, size))


def everything() -> dict[str, Any]:
    tables = (Event, Standing, Run, Distribution, Transfer, Wallet, Message, OutboxFact)
    return {table.__name__: sorted(map(str, table.objects.values_list())) for table in tables}


def test_some_players_complete_each_achievement_and_some_do_not(
    expected: dict[str, dict[str, oracle.Result]],
) -> None:
    for name in oracle.RULES:
        completed = sum(bool(of[name].completed_at or of[name].completions) for of in expected.values())
        assert 0 < completed < 49, name


def test_the_quests_come_to_every_kind_of_end(events: list[oracle.Event]) -> None:
    played = quest_oracle.counted(quest_oracle.processed(in_order(events), 1, clock=at_once))
    ends = {name: Counter(run.status for of in played.values() for run in of[name]) for name in quest_oracle.QUESTS}
    assert ends == {
        "apprenticeship": {"COMPLETED": 15, "IN_PROGRESS": 34},
        "no-short-cuts": {"COMPLETED": 29, "FAILED": 41, "IN_PROGRESS": 28},
        "sprint": {"COMPLETED": 23, "EXPIRED": 67},
    }


def test_importing_gives_each_player_exactly_what_plain_python_counts(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    publish_pack()
    call_command("import_events", str(FILE))
    assert_all_as_counted(client, expected, followed(events, 1000))


@pytest.mark.parametrize("size", [1000, 137])
def test_posting_in_batches_gives_each_player_exactly_what_plain_python_counts(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]], size: int
) -> None:
    publish_pack()
    assert post(client, events, size) == (10_000, 0)
    assert_all_as_counted(client, expected, followed(events, size))


def test_posting_as_it_happened_in_small_batches_gives_exactly_the_same(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    publish_pack()
    as_it_happened = in_order(events)
    assert post(client, as_it_happened, 23) == (10_000, 0)
    assert_all_as_counted(client, expected, followed(as_it_happened, 23))


def test_what_arrives_late_counts_for_quests_only_where_it_belongs(
    client: APIClient, events: list[oracle.Event]
) -> None:
    publish_pack()
    pieces = [in_order(events)[start : start + 25] for start in range(0, len(events), 25)]
    arriving = [event for piece in random.Random(7).sample(pieces, len(pieces)) for event in piece]
    assert post(client, arriving, 500) == (10_000, 0)
    assert_quests_as_followed(client, followed(arriving, 500))


def test_sending_all_again_shuffled_and_in_other_batch_sizes_changes_nothing(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    publish_pack()
    post(client, events, 500)
    before = everything()
    shuffled = random.Random(20230201).sample(events, len(events))
    assert post(client, shuffled, 333) == (0, 10_000)
    call_command("import_events", str(FILE))
    assert everything() == before
    assert_all_as_counted(client, expected, followed(events, 500))


def test_publishing_after_the_events_gives_each_player_the_same_at_the_same_times(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    post(client, events, 1000)
    publish_pack()
    while Backfill.objects.exclude(state__in=["DONE", "FAILED"]).exists():
        backfilling.run_pending(timezone.now())
    assert set(Backfill.objects.values_list("state", flat=True)) == {"DONE"}
    assert_all_as_counted(client, expected)
    for player in expected:  # of the past nothing counts for a quest
        page = client.get(f"/api/v1/players/{player}/quests", {"page_size": 200}).json()
        assert {row["progress"] for row in page["results"]} == {0}


# -- with the clock of the time ----------------------------------------------------------------------------------------


def at_once(event: oracle.Event) -> datetime:
    moment: datetime = event["at"]
    return moment


def play(events: Sequence[oracle.Event], size: int) -> None:
    """Batches as they happened, each processed at the time of its last event."""
    for start in range(0, len(events), size):
        batch = [
            GameEvent(e["id"], e["player_id"], e["type"], e["data"], datetime.fromisoformat(e["timestamp"]))
            for e in events[start : start + size]
        ]
        pipeline.process(batch, now=batch[-1].timestamp)


@pytest.mark.parametrize(("size", "grace"), [(40, 0), (40, 20), (250, 0), (250, 3600)])
def test_what_is_played_against_the_clock_ends_as_plain_python_says(
    client: APIClient, events: list[oracle.Event], settings: Settings, size: int, grace: int
) -> None:
    settings.QUEST_LATE_GRACE = grace
    publish_pack()
    play(in_order(events), size)
    order = quest_oracle.processed(in_order(events), size, clock=at_once)
    assert_quests_as_followed(client, quest_oracle.counted(order, timedelta(seconds=grace)))


def test_event_by_event_too(client: APIClient, events: list[oracle.Event]) -> None:
    publish_pack()
    sizes = Counter(event["player_id"] for event in events)
    few = [event for event in in_order(events) if sizes[event["player_id"]] <= 60]
    play(few, 1)
    played = quest_oracle.counted(quest_oracle.processed(few, 1, clock=at_once))
    assert len(played) == 26
    assert_quests_as_followed(client, played)


def test_what_was_played_against_the_clock_is_over_for_good(client: APIClient, events: list[oracle.Event]) -> None:
    publish_pack()
    play(in_order(events), 250)
    expire = ExpireRuns(player_ids=sorted({event["player_id"] for event in events}))
    bus.handle(expire, actor=SYSTEM, now=timezone.now())
    before = everything()
    assert post(client, random.Random(1).sample(events, len(events)), 1000) == (0, 10_000)
    assert everything() == before
    played = quest_oracle.processed(in_order(events), 250, clock=at_once)
    assert_quests_as_followed(client, quest_oracle.counted(played))
