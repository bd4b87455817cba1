"""The sample game: all of it can be published, and all of it can be played."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone

from achievements.models import Standing
from gamification import pipeline
from gamification.console import pack_files, packs
from gamification.console.sample import CONTENT
from gamification.console.sample.play import BELLS, FINDS, FOES, GREAT_ONES, LETTERS, REGIONS, TRACKS, Flatwalker
from gamification.kernel.content import publishing
from gamification.kernel.content.editing import UpdateContent
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import ApiKey, Version
from progress.models import Backfill, Player
from progress.rules.vocabulary import WITH_A_METRIC, WITH_A_TARGET
from quests import reading
from quests.commands import CompleteStep, StartQuest
from quests.models import Run
from rewards.models import Distribution
from rewards.rules import RewardType

Content = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def content() -> Content:
    whole: Content = {}
    for file in CONTENT:
        for kind, items in yaml.safe_load(file.read_text()).items():
            whole.setdefault(kind, []).extend(items)
    return whole


def load() -> None:
    packs.load(CONTENT, actor=SYSTEM, now=timezone.now())


# -- what is promised of it --------------------------------------------------------------------------------------------


def test_the_sample_game_has_as_much_as_it_promises(content: Content) -> None:
    assert len(content["metrics"]) >= 20
    assert len(content["rewards"]) >= 15
    assert len(content["achievements"]) >= 40
    assert len(content["quests"]) >= 12
    assert [level["level"] for level in content["levels"]] == list(range(1, 21))
    assert {currency["on_revoke"] for currency in content["currencies"]} == {"DEBT", "CLAMP", "REFUSE"}


def test_the_sample_game_has_every_type_of_everything(content: Content) -> None:
    achievements = content["achievements"]
    types = {"MILESTONE", "COLLECTION", "PROGRESSION", "DISCOVERY", "SKILL", "SOCIAL", "CHALLENGE", "SECRET"}
    assert {each["type"] for each in achievements} == types
    assert {each["type"] for each in content["rewards"]} == set(RewardType)
    assert {each.get("repeat") for each in achievements} == {None, "DAILY", "WEEKLY", "MONTHLY", "ALWAYS"}
    aggregates = {requirement["type"] for each in achievements for requirement in each["requirements"]}
    assert aggregates == {*WITH_A_METRIC, *WITH_A_TARGET}
    quests = content["quests"]
    assert {each["type"] for each in quests} == {"MAIN", "SIDE", "DAILY", "WEEKLY", "EVENT", "TUTORIAL"}
    difficulties = {each.get("difficulty", "NORMAL") for each in quests}
    assert difficulties == {"EASY", "NORMAL", "HARD", "EXPERT", "LEGENDARY"}
    asked = {requirement["type"] for each in quests for requirement in each.get("requirements", [])}
    assert asked == {"QUEST", "LEVEL", "ACHIEVEMENT", "COUNT"}


def test_the_sample_games_quests_show_all_that_quests_can_do(content: Content) -> None:
    quests, steps = content["quests"], [step for each in content["quests"] for step in each["steps"]]
    by_hand = [step for step in steps if not step.get("requirements")]
    assert {step.get("completed_by", "SERVER") for step in by_hand} == {"SERVER", "PLAYER"}
    assert {step.get("branch") for step in steps} == {None, "sea", "town"}
    assert any(step.get("is_optional") for step in steps)
    assert any(step.get("rewards") for step in steps)
    assert {str(step.get("match")) for step in steps} == {"None", "ANY", "{'at_least': 2}"}
    for field in ("auto_start", "fail_conditions", "time_limit", "cooldown", "start_date"):
        assert any(each.get(field) for each in quests), field
    pools = {pool["period"]: (len(pool["quests"]), pool["pick"]) for pool in content["pools"]}
    assert pools == {"DAILY": (5, 2), "WEEKLY": (3, 1)}
    pooled = {quest for pool in content["pools"] for quest in pool["quests"]}
    assert pooled == {each["id"] for each in quests if each["type"] in ("DAILY", "WEEKLY")}


def test_secrets_have_ids_that_give_nothing_away(content: Content) -> None:
    secrets = [each["id"] for each in content["achievements"] if each["type"] == "SECRET"]
    assert secrets == [f"secret-{number:02}" for number in range(1, len(secrets) + 1)]
    assert len(secrets) >= 4


def test_every_metric_and_every_reward_is_of_use(content: Content) -> None:
    steps = [step for each in content["quests"] for step in each["steps"]]
    asking = [*content["achievements"], *content["quests"], *steps]
    requirements = [requirement for each in asking for requirement in each.get("requirements", [])]
    requirements += [condition for each in content["quests"] for condition in each.get("fail_conditions", [])]
    assert {each["id"] for each in content["metrics"]} == {each["metric"] for each in requirements if "metric" in each}
    given = {reward for each in [*asking, *content["levels"]] for reward in each.get("rewards", [])}
    drawn = {row["reward"] for each in content["rewards"] for row in each.get("table", [])}
    assert {each["id"] for each in content["rewards"]} == given | drawn


@pytest.mark.django_db
def test_the_sample_game_loads_whole() -> None:
    load()
    published = publishing.current().published
    assert {kind: len(items) for kind, items in published.items()} == {
        "metric": 38,
        "reward": 27,
        "achievement": 61,
        "level": 20,
        "currency": 3,
        "quest": 20,
        "pool": 2,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_what_is_dumped_of_it_loads_as_the_same(tmp_path: Path, form: str) -> None:
    load()
    file = tmp_path / f"dumped.{form}"
    file.write_text(pack_files.write(packs.dump(), form))
    loaded = packs.load([file], actor=SYSTEM, now=timezone.now())
    assert (loaded.created, loaded.updated) == ([], [])
    assert len(loaded.unchanged) == 171


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
        UpdateContent(kind="achievement", id="kettle", changes={"title": "Tea"}),
        actor=SYSTEM,
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


def a_day() -> Iterator[tuple[str, dict[str, Any]]]:
    """A little of everything, and nobody falls."""
    yield "session.started", {}
    for item in ("cork", "oarlock", "pulley", "tin-cup"):
        yield "salvage.found", {"item": item, "rarity": "common"}
    for region, depth in [*REGIONS.items()][-4:]:
        yield "region.entered", {"region": region, "depth": depth, "paces": 2_000, "by": "foot"}
    for _ in range(8):
        blow = {"weapon": "kettle", "damage": 30, "hits_taken": 1, "boss": False}
        yield "foe.beaten", {"foe": "bailiff", "family": "bailiff"} | blow
    for great in GREAT_ONES[:2]:
        blow = {"weapon": "boathook", "damage": 90, "hits_taken": 0, "boss": True}
        yield "foe.beaten", {"foe": great, "family": "great-one"} | blow
    for bell in BELLS.values():
        yield "bell.rung", {"bell": bell}
    yield "item.crafted", {"item": "tin-lantern", "kind": "lantern", "quality": 70, "quantity": 3}
    for n in range(3):
        yield "trade.completed", {"with": f"trader-{n}", "side": "sold", "salt": 120}
        yield "emote.used", {"emote": "wave", "to": f"walker-{n}"}
        yield "gift.given", {"to": f"walker-{n}", "item": "cork"}
    yield "party.joined", {"leader": "walker-1", "size": 6}
    yield "tide.survived", {"minutes": 45, "depth": 118}


def live_a_day(name: str, morning: datetime) -> None:
    """Look at the board, do a little of everything, and look again, twice over."""
    for hours in (0, 6):
        begins = morning + timedelta(hours=hours)
        look_at_the_board(name, begins)
        moves = [
            GameEvent(f"{begins:%j-%H}-{n:02}", name, type_, data, begins + timedelta(seconds=1 + 3 * n))
            for n, (type_, data) in enumerate(a_day())
        ]
        for start in range(0, len(moves), 6):
            pipeline.process(moves[start : start + 6], now=moves[start : start + 6][-1].timestamp)
        look_at_the_board(name, moves[-1].timestamp + timedelta(minutes=5))


def look_at_the_board(name: str, now: datetime) -> None:
    """Start what can be started, and complete by hand what is completed so."""
    for quest in sorted(reading.startable(name, now)):
        bus.handle(StartQuest(player_id=name, quest_id=quest), actor=SYSTEM, now=now)
    for row in reading.rows(name, now, state="IN_PROGRESS", for_player=False):
        for step in row["steps"]:
            if step["id"] in row["active_steps"] and not step["requirements"]:
                bus.handle(CompleteStep(player_id=name, quest_id=row["id"], step_id=step["id"]), actor=SYSTEM, now=now)


@pytest.mark.django_db
def test_every_quest_can_be_completed(content: Content) -> None:
    load()
    names = ["someone", "mara", "dab"]  # of whom each is offered another weekly quest
    for number in range(4):
        for name in names:
            live_a_day(name, SOLSTICE + timedelta(days=number))
    completed = set(Run.objects.filter(status="COMPLETED").values_list("player_id", "quest_id"))
    assert {each["id"] for each in content["quests"]} - {quest for _, quest in completed} == set()
    alone = {each["id"] for each in content["quests"] if each["type"] not in ("DAILY", "WEEKLY")}
    assert {(name, quest) for name in names for quest in alone} - completed == set()
    story = {row["id"]: row for row in reading.rows("someone", SOLSTICE, state="COMPLETED", for_player=False)}
    assert story["two-receipts"]["step_progress"] == {
        "hear-the-clerk": 1,
        "for-the-sea": 0,
        "sign-below": 0,  # bailiffs come first in a day: the town was spoken for
        "for-the-town": 1,
        "pay-the-difference": 1,
        "take-the-copy": 1,
    }


@pytest.mark.django_db
def test_each_day_the_board_offers_two_dailies_and_each_week_one_weekly() -> None:
    load()
    pipeline.process([GameEvent("e-1", "someone", "session.started", {}, SOLSTICE)], now=SOLSTICE)
    offered = [
        {each for each in reading.startable("someone", SOLSTICE + timedelta(days=day)) if each.startswith(kind)}
        for kind in ("daily-", "weekly-")
        for day in range(28)
    ]
    assert [len(each) for each in offered] == [2] * 28 + [1] * 28
    assert len(set.union(*offered[:28])) == 5
    assert len({frozenset(each) for each in offered[28:]}) > 1


@pytest.mark.django_db
def test_every_achievement_can_be_completed(content: Content) -> None:
    load()
    life = sorted(enumerate(a_life()), key=lambda numbered: (numbered[1][0], numbered[0]))
    events = [
        GameEvent(f"e-{number:05}", "someone", type_, data, SOLSTICE + after) for number, (after, type_, data) in life
    ]
    for start in range(0, len(events), 500):
        pipeline.process(events[start : start + 500], now=SOLSTICE + timedelta(days=8))
    for number in range(8, 10):  # two quiet days after it, with a quest or two
        live_a_day("someone", SOLSTICE + timedelta(days=number))
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
