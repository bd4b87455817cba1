"""The sample game: all of it can be published, and all of it can be played."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from achievements.models import Standing
from gamification import pipeline
from gamification.console import packs
from gamification.console.sample import CONTENT
from gamification.console.sample.play import BELLS, FINDS, FOES, GREAT_ONES, LETTERS, REGIONS, TRACKS, Flatwalker
from gamification.kernel import bus, publishing
from gamification.kernel.content import UpdateContent
from gamification.kernel.messages import GameEvent
from gamification.kernel.models import ApiKey, Version
from progress.models import Backfill, Player
from rewards.models import Distribution

Content = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def content() -> Content:
    whole: Content = {}
    for file in CONTENT:
        for kind, items in yaml.safe_load(file.read_text()).items():
            whole.setdefault(kind, []).extend(items)
    return whole


def load() -> None:
    packs.load(CONTENT, who="test", now=timezone.now())


# -- what is promised of it --------------------------------------------------------------------------------------------


def test_it_has_as_much_as_it_promises(content: Content) -> None:
    assert len(content["metrics"]) >= 20
    assert len(content["rewards"]) >= 15
    assert len(content["achievements"]) >= 40
    assert [level["level"] for level in content["levels"]] == list(range(1, 21))
    assert {currency["on_revoke"] for currency in content["currencies"]} == {"DEBT", "CLAMP", "REFUSE"}


def test_it_has_every_type_of_everything(content: Content) -> None:
    achievements = content["achievements"]
    types = {"MILESTONE", "COLLECTION", "PROGRESSION", "DISCOVERY", "SKILL", "SOCIAL", "CHALLENGE", "SECRET"}
    assert {each["type"] for each in achievements} == types
    assert {each["type"] for each in content["rewards"]} == {
        *("POINTS", "XP", "CURRENCY", "ITEM", "BADGE", "TITLE", "RANDOM")
    }
    assert {each.get("repeat") for each in achievements} == {None, "DAILY", "WEEKLY", "MONTHLY", "ALWAYS"}
    aggregates = {requirement["type"] for each in achievements for requirement in each["requirements"]}
    assert aggregates == {"COUNT", "SUM", "MAX", "MIN", "LATEST", "DISTINCT", "STREAK", "ACHIEVEMENT"}


def test_secrets_have_ids_that_give_nothing_away(content: Content) -> None:
    secrets = [each["id"] for each in content["achievements"] if each["type"] == "SECRET"]
    assert secrets == [f"secret-{number:02}" for number in range(1, len(secrets) + 1)]
    assert len(secrets) >= 4


def test_every_metric_and_every_reward_is_of_use(content: Content) -> None:
    requirements = [requirement for each in content["achievements"] for requirement in each["requirements"]]
    assert {each["id"] for each in content["metrics"]} == {each["metric"] for each in requirements if "metric" in each}
    given = {reward for kind in ("achievements", "levels") for each in content[kind] for reward in each["rewards"]}
    drawn = {row["reward"] for each in content["rewards"] for row in each.get("table", [])}
    assert {each["id"] for each in content["rewards"]} == given | drawn


@pytest.mark.django_db
def test_it_loads_whole() -> None:
    load()
    published = publishing.current().published
    assert {kind: len(items) for kind, items in published.items()} == {
        "metric": 37,
        "reward": 26,
        "achievement": 59,
        "level": 20,
        "currency": 3,
    }


@pytest.mark.django_db
def test_setting_up_shows_secrets_once_and_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup_sample")
    first = capsys.readouterr().out
    password, key = re.findall(r"(?m)^  (?:Admin +admin /|Key) +(\S+)$", first)
    assert get_user_model().objects.get(username="admin").check_password(password)
    assert f'"Authorization: Api-Key {key}"' in first
    before = [list(table.objects.values_list()) for table in (Version, ApiKey, Backfill, get_user_model())]
    call_command("setup_sample")
    again = capsys.readouterr().out
    assert password not in again
    assert key not in again
    assert "changepassword admin" in again
    assert "create_api_key" in again
    assert [list(table.objects.values_list()) for table in (Version, ApiKey, Backfill, get_user_model())] == before


@pytest.mark.django_db
def test_setting_up_leaves_what_designers_did_alone() -> None:
    call_command("setup_sample")
    bus.handle(
        UpdateContent(kind="achievement", id="kettle", changes={"title": "Tea"}, who="a designer"),
        now=timezone.now(),
    )
    call_command("setup_sample")
    assert publishing.current().published["achievement"]["kettle"].definition["title"] == "Tea"


# -- playing it --------------------------------------------------------------------------------------------------------

SOLSTICE = datetime(2026, 12, 22, 9, tzinfo=UTC)


def a_life() -> Iterator[tuple[timedelta, str, dict[str, Any]]]:
    """Everything there is to do down there, in one busy week."""
    for day in range(7):
        yield timedelta(days=day), "session.started", {}
        yield timedelta(days=day, hours=10), "session.ended", {"minutes": 100}
    families = list(FOES)
    weapons = ("boathook", "kettle", "harpoon")
    for n in range(1_000):
        blow = {"weapon": weapons[n % 3], "damage": 260, "hits_taken": 1, "boss": False}
        family = families[n % len(families)]
        yield timedelta(seconds=15 * n), "foe.beaten", {"foe": family, "family": family} | blow
    for n, great in enumerate(GREAT_ONES):
        blow = {"weapon": "boathook", "damage": 90, "hits_taken": n, "boss": True}
        yield timedelta(hours=5, minutes=n), "foe.beaten", {"foe": great, "family": "great-one"} | blow
    for n, (region, depth) in enumerate([*REGIONS.items()] * 3):
        walk = {"region": region, "depth": depth, "paces": 2_000, "by": "foot"}
        yield timedelta(hours=6, minutes=5 * n), "region.entered", walk
    for bell in BELLS.values():
        yield timedelta(days=1), "bell.rung", {"bell": bell}
    for letter in LETTERS.values():
        yield timedelta(days=1), "letter.read", {"letter": letter}
    for rarity, items in FINDS.items():
        for item in items:
            yield timedelta(days=1, hours=1), "salvage.found", {"item": item, "rarity": rarity}
    for n in range(25):
        kind = "lantern" if n < 20 else "tool"
        made = {"item": kind if n < 20 else f"tool-{n}", "kind": kind, "quality": 60 + 2 * n, "quantity": 1}
        yield timedelta(days=1, hours=2), "item.crafted", made
    for n in range(60):
        trade = {"with": f"trader-{n % 9}", "side": ("sold", "bought")[n % 2], "salt": 100}
        yield timedelta(days=2, minutes=n), "trade.completed", trade
    for n in range(10):
        yield timedelta(days=3, minutes=n), "emote.used", {"emote": "wave", "to": f"walker-{n}"}
        yield timedelta(days=3, minutes=n), "gift.given", {"to": f"walker-{n}", "item": "cork"}
        won = {"opponent": f"walker-{n}", "result": "won", "rating": 1_310 + 10 * n}
        yield timedelta(days=4, minutes=n), "duel.finished", won
        yield timedelta(days=5, minutes=n), "sketch.drawn", {}
    for track in TRACKS:
        yield timedelta(days=5, hours=1), "race.finished", {"track": track, "milliseconds": 74_000, "place": 1}
    yield timedelta(days=6), "party.joined", {"leader": "walker-1", "size": 6}
    yield timedelta(days=6), "player.fell", {"height": 41.5}
    yield timedelta(days=6), "tide.survived", {"minutes": 60, "depth": 118}


@pytest.mark.django_db
def test_every_achievement_can_be_completed(content: Content) -> None:
    load()
    life = sorted(enumerate(a_life()), key=lambda numbered: (numbered[1][0], numbered[0]))
    events = [
        GameEvent(f"e-{number:05}", "someone", type_, data, SOLSTICE + after) for number, (after, type_, data) in life
    ]
    for start in range(0, len(events), 500):
        pipeline.process(events[start : start + 500], now=SOLSTICE + timedelta(days=8))
    completed = set(
        Standing.objects.filter(player_id="someone", completed_at__isnull=False).values_list(
            "achievement_id", flat=True
        )
    )
    assert {each["id"] for each in content["achievements"]} - completed == set()
    assert Player.objects.get(player_id="someone").level >= 12


@pytest.mark.django_db
def test_a_first_evening_unlocks_something_at_once_and_several_things_in_the_end() -> None:
    load()
    names = [f"walker-{n}" for n in range(20)]
    now = datetime(2026, 6, 1, 20, tzinfo=UTC)
    evenings = {name: list(Flatwalker(random.Random(name), names).session()) for name in names}
    outcome = pipeline.process(
        [
            GameEvent(f"{name}-{n}", name, type_, data, now + timedelta(seconds=10 * n))
            for name, moves in evenings.items()
            for n, (type_, data) in enumerate(moves)
        ],
        now=now + timedelta(hours=1),
    )
    unlocked = Counter(fact.player_id for fact in outcome.facts if fact.type == "achievement.completed")
    assert set(unlocked) == set(names)
    assert min(unlocked.values()) >= 3
    first = [fact for fact in outcome.facts if fact.type == "achievement.completed" and fact.timestamp == now]
    assert len(first) == len(names)
    assert Distribution.objects.filter(status="CLAIMED").exists()
    assert Distribution.objects.filter(status="PENDING").exists()
