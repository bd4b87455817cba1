"""10,000 events of a real game's 49 players, against what plain Python counts (oracle.py)."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from rest_framework.test import APIClient

from achievements.models import Standing
from gamification import backfilling
from gamification.console import packs
from gamification.feed.models import Message
from gamification.kernel.access import SCOPES, create_key
from gamification.kernel.encoding import instant
from gamification.kernel.models import Event, OutboxFact
from progress import periods
from progress.models import Backfill
from rewards.models import Distribution, Transfer, Wallet
from tests.realgame import oracle

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
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "default_zone", ZONE)


@pytest.fixture
def client() -> APIClient:
    _, key = create_key("the real game", SCOPES)
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


def publish_pack() -> None:
    packs.load([PACK], who="test", now=timezone.now())


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


def assert_all_as_counted(client: APIClient, expected: dict[str, dict[str, oracle.Result]]) -> None:
    assert len(expected) == 49
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
        assert_paid(client, player, results)


def assert_paid(client: APIClient, player: str, results: dict[str, oracle.Result]) -> None:
    done = {name: int(result.completed_at is not None) for name, result in results.items()}
    days = len(results["day-shift"].completions)
    xp = 100 * (done["first-wave"] + done["ten-levels"] + 2 * done["every-level"] + done["far-along"])
    level = 3 if xp >= 900 else 2 if xp >= 300 else 1
    hertz = 10 * (done["first-wave"] + done["quick-study"] + done["x-1"] + days + (0, 0, 1, 3)[level])
    points = {"first-wave": 5, "ten-levels": 10, "every-level": 50, "graduate": 20, "x-1": 7}
    profile = client.get(f"/api/v1/players/{player}").json()
    assert profile["statistics"] == {
        "points": sum(worth * done[name] for name, worth in points.items()),
        "xp": xp,
        "level": level,
        "achievements_completed": sum(done.values()) + sum(len(results[name].completions) for name in REPEATING),
        "quests_completed": 0,
    }, player
    assert sum(Wallet.objects.filter(player_id=player).values_list("balance", flat=True)) == hertz, player


def everything() -> dict[str, Any]:
    tables = (Event, Standing, Distribution, Transfer, Wallet, Message, OutboxFact)
    return {table.__name__: sorted(map(str, table.objects.values_list())) for table in tables}


def test_some_players_complete_each_achievement_and_some_do_not(
    expected: dict[str, dict[str, oracle.Result]],
) -> None:
    for name in oracle.RULES:
        completed = sum(bool(of[name].completed_at or of[name].completions) for of in expected.values())
        assert 0 < completed < 49, name


def test_importing_gives_each_player_exactly_what_plain_python_counts(
    client: APIClient, expected: dict[str, dict[str, oracle.Result]]
) -> None:
    publish_pack()
    call_command("import_events", str(FILE))
    assert_all_as_counted(client, expected)


@pytest.mark.parametrize("size", [1000, 137])
def test_posting_in_batches_gives_each_player_exactly_what_plain_python_counts(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]], size: int
) -> None:
    publish_pack()
    assert post(client, events, size) == (10_000, 0)
    assert_all_as_counted(client, expected)


def test_posting_as_it_happened_in_small_batches_gives_exactly_the_same(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    publish_pack()
    as_it_happened = sorted(events, key=lambda event: (event["timestamp"], event["id"]))
    assert post(client, as_it_happened, 23) == (10_000, 0)
    assert_all_as_counted(client, expected)


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
    assert_all_as_counted(client, expected)


def test_publishing_after_the_events_gives_each_player_the_same_at_the_same_times(
    client: APIClient, events: list[oracle.Event], expected: dict[str, dict[str, oracle.Result]]
) -> None:
    post(client, events, 1000)
    publish_pack()
    while Backfill.objects.exclude(state__in=["DONE", "FAILED"]).exists():
        backfilling.run_pending(timezone.now())
    assert set(Backfill.objects.values_list("state", flat=True)) == {"DONE"}
    assert_all_as_counted(client, expected)
