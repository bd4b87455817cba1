"""A player whom nobody could mistake is put into every state there is, and erased: nothing of them is left anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import transaction
from django.db.models import Model

from achievements.standings import Standings
from anticheat.models import Finding, PlayProfile, Rule, StatisticalFinding
from anticheat.screening import Screening, screen
from anticheat.streams import hash_of
from gamification import pipeline
from gamification.admitting import admit
from gamification.analytics import following
from gamification.committing import open_world
from gamification.console.player.notes import WriteNote
from gamification.kernel.core import bus
from gamification.kernel.core.actors import Actor
from gamification.kernel.core.messages import Command, GameEvent
from gamification.kernel.core.world import Part
from gamification.kernel.models import IdempotencyKey, RejectedEvent, UnsentFacts
from gamification.kernel.storage import claims
from gamification.players.erasing import ERASERS, ErasePlayer, tables
from gamification.review.models import Case
from gamification.webhooks.models import Delivery
from progress.models import Backfill, ErasedPlayer, LeftOut, Metric
from progress.players import Players
from progress.tallies import Tallies
from quests.advancing import expire
from quests.commands import AbandonQuest, StartQuest
from quests.models import Run
from quests.runs import QuestRuns
from rewards.ledger import Ledger
from rewards.models import Distribution, Transfer
from tests.support import dumping
from tests.support.callers import assert_problem, game_server, player
from tests.support.content import NOON, achievement, event, level, metric, publish, quest, requirement, reward, step

pytestmark = pytest.mark.django_db

CANARY = "canary-7f3a"
API = "/api/v1"
MINUTE = {"duration": 1, "unit": "minutes"}
LATER = NOON + timedelta(hours=2)
"""When the run with a time limit is overdue."""


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def content() -> None:
    hit = "hits"
    publish(
        metric(hit, value_field="hp", member_field="weapon"),
        metric("steps", "walked", reported_by="PLAYER"),
        reward("coin", value=9),
        reward("chest", claim="MANUAL"),
        reward("luck", "RANDOM", 0, table=[{"reward": "coin", "weight": 1}]),
        reward("hat", "ITEM", 0, items=[{"id": "hat", "type": "hat", "quantity": 2, "metadata": {}}]),
        reward("lesson", "XP", 60),
        reward("archer", "BADGE", 0),
        level(1, 0),
        level(2, 50, "coin"),
        achievement(
            "first", requirement("COUNT", hit, 1), rewards=["coin", "chest", "hat", "lesson", "archer", "luck"]
        ),
        achievement("second", requirement("COUNT", hit, 2), rewards=["coin"]),
        achievement("distinct", requirement("DISTINCT", hit, 9)),
        achievement("streak", requirement("STREAK", hit, 9)),
        achievement("burst", requirement("COUNT", hit, 9, timeframe=MINUTE)),
        achievement("latest", requirement("LATEST", hit, 0, "lte"), requirement("COUNT", hit, 8)),
        achievement("daily", requirement("COUNT", hit, 2), repeat="DAILY"),
        achievement("always", requirement("COUNT", hit, 2), repeat="ALWAYS", rewards=["coin", "chest", "hat"]),
        achievement("always-burst", requirement("COUNT", hit, 9, timeframe=MINUTE), repeat="ALWAYS"),
        achievement("walker", requirement("COUNT", "steps", 4)),
        achievement("x-7", requirement("COUNT", hit, 9), type="SECRET"),
        quest("timed", step("s", requirement("COUNT", hit, 99)), time_limit=3600),
        quest("open", step("s", requirement("LATEST", hit, 99), requirement("DISTINCT", hit, 9))),
        quest("sliding", step("s", requirement("COUNT", hit, 99, timeframe=MINUTE))),
        quest("given-up", step("s")),
        quest("done", step("s", requirement("COUNT", hit, 1), rewards=["coin"])),
    )
    Metric.objects.create(id=hit)
    Rule.objects.create(name="too-much", kind="VALUE_RANGE", metric_id=hit, maximum=100)
    Rule.objects.create(name="often", kind="MAX_PER_WINDOW", metric_id=hit, maximum=500, seconds=60, action="FLAG")
    Rule.objects.create(name="seen", kind="MAX_PER_WINDOW", metric_id=hit, maximum=1, seconds=60, action="FLAG")


def hits(who: str, *numbers: int, **data: Any) -> list[GameEvent]:
    said: dict[str, Any] = {"hp": 5, "weapon": f"{who}-bow", "note": f"{who} shoots"} | data
    return [event(f"{who}-{n}", who, at=n, **said) for n in numbers]


def wish(command: Command) -> Any:
    return bus.handle(command, actor=Actor.user("sue"), now=datetime.now(tz=NOON.tzinfo))


def play(who: str, server: Any) -> None:
    """Everything that can be kept of somebody."""
    profile = {
        "display_name": f"{who} the Great",
        "timezone": "Europe/Madrid",
        "attributes": {"device": f"{who}-phone"},
    }
    assert server.patch(f"{API}/players/{who}", profile, format="json").status_code == 200
    for id_ in ("timed", "open", "sliding", "given-up", "done"):
        wish(StartQuest(player_id=who, quest_id=id_))
    wish(AbandonQuest(player_id=who, quest_id="given-up"))
    pipeline.process(hits(who, 1, 2, 3), now=NOON + timedelta(seconds=5))
    pipeline.process(hits(who, 2, hp=6), now=NOON + timedelta(seconds=5))  # refused: its id is in use
    for number in (50, 51, 52):
        pipeline.process(hits(who, number, hp=1000), now=NOON + timedelta(minutes=2))  # held
    held = Finding.objects.filter(player_id=who, status="HELD").order_by("id")
    for finding, decision in zip(held, ("release", "dismiss"), strict=False):
        said = {"reason": f"{who} asked"}
        assert server.post(f"{API}/held/{finding.pk}/{decision}", said, format="json").status_code == 200

    key = iter(f"{who}-key-{n}" for n in range(99))

    def post(client: Any, path: str, body: Any, **headers: str) -> None:
        answer = client.post(f"{API}/{path}", body, format="json", headers={"Idempotency-Key": next(key), **headers})
        assert 200 <= answer.status_code < 300, answer.content

    post(server, f"players/{who}/wallet/gold/spend", {"amount": 20, "reason": f"a drink for {who}"})
    post(server, f"players/{who}/inventory/hat/consume", {"quantity": 1, "reason": f"{who} lost it"})
    post(server, "rewards/coin/distribute", {"player_id": who, "reason": f"{who} was nice"})
    post(server, "achievements/second/revoke", {"player_id": who, "reason": f"{who} cheated"})
    hat = Distribution.objects.get(player_id=who, reward_id="luck")
    post(server, f"distributions/{hat.pk}/revoke", {"reason": f"{who} cheated"})
    post(server, f"players/{who}/messages/read", {"up_to": 1})
    post(player(who), "achievements/walker/progress", {"metrics": {"steps": 1}})
    post(player(who), "achievements/first/claim", {})
    batch = [
        {
            "id": f"{each}-late",
            "player_id": each,
            "type": "enemy.killed",
            "data": {},
            "timestamp": "2026-11-20T12:00:00Z",
        }
        for each in (who, "zoe")
    ]
    post(server, "events", {"events": batch}, Prefer="wait")
    seen = {"player_id": who, "rule": "flew", "values": {"who": who}, "note": f"{who} flew"}
    post(server, "anticheat/findings", seen)
    case = Case.objects.get(player_id=who).pk
    post(
        server,
        f"cases/{case}/votes",
        {"verdict": "CONFIRMED", "note": f"{who} cheats", "since": "2026-11-20T12:00:00Z"},
    )
    post(player(who), f"players/me/cases/{case}/appeal", {"text": f"{who} did not"})
    assert server.patch(f"{API}/players/{who}", {"banned": True}, format="json").status_code == 200
    pipeline.process(hits(who, 70), now=NOON + timedelta(minutes=3))  # held: banned
    assert server.patch(f"{API}/players/{who}", {"banned": False}, format="json").status_code == 200
    PlayProfile.objects.create(player_id=who, state=b"", device=hash_of(f"{who}-phone"))
    StatisticalFinding.objects.create(
        player_id=who, rule="pace", day=NOON.date(), kind="PACE", family="rhythm", action="FLAG", source="profiler",
        evidence={"ids": [f"{who}-1"]}, found_at=NOON,
    )  # fmt: skip
    wish(WriteNote(player_id=who, text=f"{who} lost a phone"))
    named = {"of_all": {"sample": [who]}}
    Backfill.objects.create(preview={"kind": "achievement"}, state="RUNNING", cursor=who, found=named)
    UnsentFacts.objects.create(player_id=who, since=1)
    Delivery.objects.create(endpoint=1, player_id=who, fact_id=f"f-{who}", type="a.b", body=f"about {who}")
    LeftOut.objects.create(player_id=who, backfilled_to=0, reason=f"what {who} did", tried_at=NOON)


def test_nothing_is_left_of_an_erased_player_in_the_whole_database(clock: time_machine.Traveller) -> None:
    content()
    server = game_server()
    for who in (CANARY, "bob"):
        play(who, server)
    following.follow(LATER)
    columns = {(m._meta.db_table, f.column): f for m in apps.get_models() for f in m._meta.concrete_fields}
    stands = {columns[place] for place in dumping.where(CANARY)}
    assert {f for f in stands if f.attname not in personal(f.model)} == set()
    assert {f.model for f in stands} >= {*tables(), IdempotencyKey, Backfill}  # it stands wherever it could
    of_bob = sorted(dumping.where("bob"))
    rows_of_bob = {m: m._default_manager.filter(player_id="bob").count() for m in tables()}
    money = sorted(Transfer.objects.values_list("currency", "amount", "created_at"))
    ids = {str(pk) for pk in Transfer.objects.filter(player_id=CANARY).values_list("pk", flat=True)}
    ids |= {str(pk) for pk in Distribution.objects.filter(player_id=CANARY).values_list("pk", flat=True)}

    clock.move_to(LATER)
    assert Run.objects.get(player_id=CANARY, quest_id="timed").status == "IN_PROGRESS"
    assert server.delete(f"{API}/players/{CANARY}").status_code == 204

    assert dumping.where(CANARY, *ids, *(id_.replace("-", "") for id_ in ids)) == set()
    assert sorted(Transfer.objects.values_list("currency", "amount", "created_at")) == money
    assert Transfer.objects.filter(player_id__startswith="~").count() > 4
    assert sorted(dumping.where("bob")) == of_bob
    assert {m: m._default_manager.filter(player_id="bob").count() for m in tables()} == rows_of_bob
    assert Backfill.objects.filter(cursor="bob").count() == 2  # the preview that stood at the erased one stands before

    event_ = {"id": f"{CANARY}-99", "player_id": CANARY, "type": "enemy.killed", "data": {"a": CANARY}}
    server.post(f"{API}/events", event_ | {"timestamp": "2026-11-20T13:00:00Z"}, format="json")
    server.post(f"{API}/events", {"events": [event_]}, format="json", headers={"Idempotency-Key": "again"})
    assert RejectedEvent.objects.filter(code="player_erased").exists()
    assert dumping.where(CANARY) == set()


def personal(model: type[Model]) -> tuple[str, ...]:
    found: tuple[str, ...] = vars(model).get("personal", getattr(model, "personal", None))
    return found


OURS = {
    "kernel",
    "feed",
    "progress",
    "achievements",
    "quests",
    "rewards",
    "anticheat",
    "analytics",
    "console",
    "review",
    "webhooks",
}
NOT_OURS = {"admin", "auth", "contenttypes", "sessions", "otp_static", "otp_totp"}
"""Of those who work at the console."""


def test_every_model_says_what_it_keeps_of_players() -> None:
    labels = {model._meta.app_label for model in apps.get_models()}
    assert labels <= OURS | NOT_OURS
    stays = {ErasedPlayer}
    for model in apps.get_models():
        if model._meta.app_label in NOT_OURS:
            continue
        said = personal(model)
        assert said is not None, f"{model.__name__} does not say in `personal` which columns hold something of players"
        names = {field.attname for field in model._meta.concrete_fields}
        assert set(said) <= names, model
        assert set(getattr(model, "shown_to_player", ())) <= names, model
        assert ("player_id" in names) == ("player_id" in said), model
        assert not said or model in tables() or model in ERASERS or model in stays, f"who erases {model.__name__}?"


def test_a_request_that_was_under_way_leaves_nothing_of_who_was_erased_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content()
    server, claim = game_server(), claims.claim
    play(CANARY, server)

    def erase_after(*args: Any) -> IdempotencyKey:
        claimed = claim(*args)
        assert server.delete(f"{API}/players/{CANARY}").status_code == 204
        return claimed

    monkeypatch.setattr(claims, "claim", erase_after)
    said, key = {"amount": 1, "reason": f"ale for {CANARY}"}, {"Idempotency-Key": f"{CANARY}-ale"}
    answer = server.post(f"{API}/players/{CANARY}/wallet/gold/spend", said, format="json", headers=key)
    assert_problem(answer, 409, "player_erased")
    assert dumping.where(CANARY) == set()


# -- in the middle of a batch ------------------------------------------------------------------------------------------


def erase_in_the_middle_of_everything() -> set[tuple[str, str]]:
    """What is left of somebody for whom each part of the world has something to write, and who is erased before it is
    written."""
    server = game_server()
    play(CANARY, server)
    with transaction.atomic():
        world = open_world([CANARY], now=LATER)
        batch = [*hits(CANARY, 90, 91, 92, weapon=f"{CANARY}-axe"), *hits(CANARY, 93, hp=1000)]
        [admitted] = admit(world, [batch])
        pipeline.read(world, admitted)
        expire(world, world[Players].by_id)
        pipeline.play(world, screen(world, admitted))
        ErasePlayer(player_id=CANARY).handle(world)
        pipeline.write(world)
    return dumping.where(CANARY)


def test_a_player_is_erased_whatever_is_still_to_be_written() -> None:
    content()
    assert erase_in_the_middle_of_everything() == set()


@pytest.mark.parametrize("parts", [(Players, Tallies), (Screening,), (Standings,), (QuestRuns,), (Ledger,)])
def test_parts_that_do_not_forget_are_found_out(parts: tuple[type[Part], ...], monkeypatch: pytest.MonkeyPatch) -> None:
    content()
    for part in parts:
        monkeypatch.setattr(part, "forget", lambda self, player_id: None)
    assert erase_in_the_middle_of_everything() != set()
