"""Whatever designers write, games report and players wish, quests come to what a slow and obvious model says."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gamification import pipeline
from gamification.feed.models import Message
from gamification.kernel.content.publishing import Change, Unpublishable
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, GameEvent, Refused
from gamification.kernel.models import OutboxFact
from gamification.players.commands import ChangeProfile
from progress.models import Player
from quests import rules
from quests.commands import AbandonQuest, CompleteStep, MoveRuns, StartQuest
from quests.models import Quest, Run
from quests.tasks import expire_runs
from rewards.models import Distribution, Transfer, Wallet
from tests.support.any_quests import BEGINNING, QUESTS, REPEATS, quests
from tests.support.content import achievement, level, metric, pool, publish, quest, requirement, reward, step
from tests.support.invariants import all_rows
from tests.support.quest_model import Model
from tests.support.quest_runs import Sent
from tests.support.quest_views import as_shown, as_stated, bits, shown

pytestmark = pytest.mark.django_db

ZONES = {"ann": "UTC", "bob": "Europe/Berlin", "cid": "America/Los_Angeles"}
PLAYERS = sorted(ZONES)
LEVELS = {1: 0, 2: 100, 3: 150}
METRICS = [
    metric("hits", "hit", value_field="v", member_field="w"),
    metric("hard", "hit", value_field="v", conditions=[{"field": "v", "op": "gt", "value": 2}]),
    metric("runs", "run", member_field="w"),
    metric("finished", "quest.completed", member_field="id"),
    metric("unlocked", "achievement.completed", member_field="id"),
]
REWARDS = [reward("coin"), reward("chest", value=7, claim="MANUAL"), reward("wisdom", "XP", 60)]
ACHIEVEMENTS = [
    achievement("first", requirement("COUNT", "hits", 2), rewards=["coin"]),
    achievement("second", requirement("COUNT", "finished", 2), rewards=["wisdom"]),
    achievement("hero", {"type": "QUEST", "target": "q0"}, requirement("COUNT", "runs", 1)),
]


def is_published(change: Change, now: datetime) -> bool:
    """Whether it makes sense."""
    try:
        publish(change, now=now)
    except Unpublishable:
        return False
    return True


# -- what happens ------------------------------------------------------------------------------------------------------

PAST = st.sampled_from([0, 0, 0, 0, 1, 5, 59, 60, 61, 600, 3599, 3600, 3601, 86_400, 3 * 86_400, 40 * 86_400])
AHEAD = st.sampled_from([1, 60, 290])
LATER = st.sampled_from([1, 1, 30, 59, 60, 61, 600, 3600, 3601, 7200, 40_000, 86_400, 86_401, 7 * 86_400, 31 * 86_400])
CLOSE = st.sampled_from([timedelta(0), timedelta(0), timedelta(microseconds=1), timedelta(seconds=1)])
DATA = st.builds(
    lambda value, member: {"w": member} if value is None else {"v": value, "w": member},
    st.sampled_from([None, -2, 0, 1, 1, 2, 2, 3, 4]),
    st.sampled_from([None, "x", "y", "z", 1]),
)


class Life(RuleBasedStateMachine):
    """Players, designers and the clock do whatever they may, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = BEGINNING
        self.sent: list[tuple[str, Sent]] = []
        self.model: Model

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(data=st.data(), grace=st.sampled_from([0, 0, 600, 3600]))
    def begin(self, data: st.DataObject, grace: int) -> None:
        self.open(grace)
        for id_ in QUESTS:
            for _ in range(3):
                if self.publish(data.draw(quests(id_))):
                    break
        among = [id_ for id_ in QUESTS[2:] if self.model.current(id_)]
        is_pooled: bool = data.draw(st.booleans())
        if among and is_pooled:
            change = pool("of-the-day", *among, period=data.draw(st.sampled_from(["DAILY", "WEEKLY"])))
            publish(change, now=self.now)
            self.model.pools += definitions([change])

    def open(self, grace: int) -> None:
        """The game, with its first quest."""
        self.grace(grace)
        plain = quest("q0", step("a", requirement("COUNT", "hits", 1)), rewards=["coin"])
        levels = [level(number, xp) for number, xp in LEVELS.items()]
        publish(*METRICS, *REWARDS, *levels, plain, *ACHIEVEMENTS, now=self.now)
        self.model = Model(
            metrics=definitions(METRICS),
            achievements=definitions(ACHIEVEMENTS),
            rewards={each["id"]: each for each in definitions(REWARDS)},
            levels=LEVELS,
            grace=timedelta(seconds=grace),
            offered=offered,
            zones={player: ZoneInfo(zone) for player, zone in ZONES.items()},
        )
        self.model.publish("q0", plain.definition)
        for player, zone in ZONES.items():
            self.wish(ChangeProfile(player_id=player, changes={"timezone": zone}))

    def grace(self, seconds: int) -> None:
        raise NotImplementedError

    def publish(self, change: Change) -> bool:
        if not is_published(change, self.now):
            return False
        self.model.publish(change.id, change.definition)
        return True

    def wish(self, command: Command) -> tuple[Any, str | None]:
        """What a command answers, or the code it was refused with; refused, it must not have changed anything."""
        before = all_rows()
        try:
            return bus.handle(command, actor=SYSTEM, now=self.now), None
        except Refused as refused:
            assert all_rows() == before
            return None, refused.code

    def interesting(self, player: str) -> list[datetime]:
        """Instants at which something begins or ends for a player."""
        found = [self.now]
        for runs in self.model.players[player].runs.values():
            run = runs[-1]
            found += [run.started_at, *(active.at for active in run.reached.values())]
            found += [run.deadline] if run.deadline else []
        return sorted({at for at in found if at <= self.now + timedelta(minutes=5)})

    @rule(data=st.data(), size=st.sampled_from([1, 1, 2, 3, 6]))
    def send(self, data: st.DataObject, size: int) -> None:
        batch = []
        for _ in range(size):
            player = data.draw(st.sampled_from(PLAYERS))
            kind = data.draw(st.sampled_from(["past", "past", "past", "past", "ahead", "close", "close", "again"]))
            if kind == "again" and self.sent:
                batch.append(data.draw(st.sampled_from(self.sent)))
                continue
            if kind == "ahead":
                at = self.now + timedelta(seconds=data.draw(AHEAD))
            elif kind == "close":
                sign = data.draw(st.sampled_from([-1, 1]))
                at = data.draw(st.sampled_from(self.interesting(player))) + sign * data.draw(CLOSE)
            else:
                at = self.now - timedelta(seconds=data.draw(PAST))
            type_ = data.draw(st.sampled_from(["hit", "hit", "run", "rest"]))
            sent = (player, Sent(f"e{len(self.sent):03}", type_, data.draw(DATA), at))
            self.sent.append(sent)
            batch.append(sent)
        self.process(batch)

    def process(self, batch: list[tuple[str, Sent]]) -> None:
        pipeline.process([as_sent(player, sent) for player, sent in batch], now=self.now)
        self.model.process(batch, self.now)

    @rule(player=st.sampled_from(PLAYERS), id_=st.sampled_from([*QUESTS, "q9"]))
    def start(self, player: str, id_: str) -> None:
        said = self.wish(StartQuest(player_id=player, quest_id=id_))
        assert said == self.model.attempt(lambda: self.model.start(player, id_, self.now))

    @rule(player=st.sampled_from(PLAYERS))
    def start_all(self, player: str) -> None:
        for id_ in QUESTS:
            self.start(player, id_)

    @rule(player=st.sampled_from(PLAYERS), id_=st.sampled_from(QUESTS))
    def abandon(self, player: str, id_: str) -> None:
        said = self.wish(AbandonQuest(player_id=player, quest_id=id_))
        assert said == self.model.attempt(lambda: self.model.abandon(player, id_, self.now))

    @rule(data=st.data(), player=st.sampled_from(PLAYERS))
    def complete(self, data: st.DataObject, player: str) -> None:
        runs = [runs[-1] for runs in self.model.players[player].runs.values() if runs[-1].is_open]
        likely = [(run.quest["id"], step["id"]) for run in runs for step in run.active]
        others = [(id_, name) for id_ in QUESTS for name in "abcde"]
        id_, name = data.draw(st.sampled_from(likely * (len(others) // (len(likely) or 1)) + others))
        said = self.wish(CompleteStep(player_id=player, quest_id=id_, step_id=name))
        assert said == self.model.attempt(lambda: self.model.complete(player, id_, name, self.now))

    @rule(seconds=LATER)
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.deadlines())
    @rule(data=st.data())
    def wait_for_a_deadline(self, data: st.DataObject) -> None:
        ends = data.draw(st.sampled_from(self.deadlines()))
        self.now = max(self.now, ends + data.draw(st.sampled_from([-1, 0, 0, 1])) * data.draw(CLOSE))

    def deadlines(self) -> list[datetime]:
        """When open runs end, and when they can no longer be added to."""
        runs = [runs[-1] for player in self.model.players.values() for runs in player.runs.values() if runs[-1].is_open]
        ends = {end + grace for run in runs if (end := run.deadline) for grace in (timedelta(0), self.model.grace)}
        return sorted(end for end in ends if end - self.now < timedelta(days=40))

    @rule()
    def sweep(self) -> None:
        expected = self.model.overdue(self.now)
        assert expire_runs(self.now) == len(expected)
        self.model.expire(expected, self.now)

    @rule(data=st.data(), id_=st.sampled_from(QUESTS))
    def revise_and_move(self, data: st.DataObject, id_: str) -> None:
        self.revise(data, id_)
        self.move(id_, PLAYERS)

    @rule(data=st.data(), id_=st.sampled_from(QUESTS))
    def revise(self, data: st.DataObject, id_: str) -> None:
        before = self.model.last_definition(id_)
        if before is None:
            return
        how = data.draw(st.sampled_from(["again", "orders", "activity", "retire", "thresholds"]))
        change: Change
        if how == "again":
            repeats = ["NEVER", "DAILY", "WEEKLY", "MONTHLY"] if self.model.was_periodic(id_) else REPEATS
            change = data.draw(quests(id_, repeats))
        elif how == "orders":
            orders = data.draw(st.permutations([each["order"] for each in before["steps"]]))
            moved = [each | {"order": order} for each, order in zip(before["steps"], orders, strict=True)]
            change = Change("quest", id_, before | {"steps": moved})
        elif how == "thresholds":
            more = data.draw(st.sampled_from([-1, 1]))
            change = Change("quest", id_, before | {"steps": [_harder(each, more) for each in before["steps"]]})
        elif how == "activity":
            change = Change("quest", id_, before | {"is_active": not before["is_active"]})
        else:
            change = Change("quest", id_, None)
        self.publish(change)

    @rule(id_=st.sampled_from(QUESTS), players=st.lists(st.sampled_from(PLAYERS), min_size=1, unique=True).map(sorted))
    def move(self, id_: str, players: list[str]) -> None:
        said = self.wish(MoveRuns(quest_id=id_, player_ids=players))
        assert said == self.model.attempt(lambda: self.model.move(players, id_, self.now))

    # -- what must be so -----------------------------------------------------------------------------------------------

    @invariant()
    def runs_are_as_the_model_says(self) -> None:
        found = shown(PLAYERS, self.now)
        for id_, player in self.model.players.items():
            expected = {
                (quest_id, run.number): as_shown(self.model, id_, run, run is runs[-1])
                for quest_id, runs in player.runs.items()
                for run in runs
            }
            mine = {(quest_id, number): run for (owner, quest_id, number), run in found.items() if owner == id_}
            assert mine == expected

    @invariant()
    def players_are_as_the_model_says(self) -> None:
        serials = dict(Quest.objects.values_list("id", "serial"))
        rows = {row.player_id: row for row in Player.objects.all()}
        for id_, player in self.model.players.items():
            row = rows[id_]
            assert (row.quests_completed, row.xp) == (player.quests_completed, player.xp)
            runs = list(Run.objects.filter(player_id=id_).values_list("quest_id", "status"))
            assert bits(row.quests_begun) == {serials[quest_id] for quest_id, _ in runs}
            assert bits(row.quests_open) == {serials[q] for q, status in runs if status == "IN_PROGRESS"}
            assert bits(row.quests_done) == {serials[q] for q, status in runs if status == "COMPLETED"}

    @invariant()
    def each_reward_is_given_once(self) -> None:
        columns = ("source", "source_id", "occurrence", "line", "reward_id")
        for id_, player in self.model.players.items():
            given = list(Distribution.objects.filter(player_id=id_).values_list(*columns))
            assert sorted(given) == sorted(player.granted)
            gold = sum(5 for *_, reward_id in given if reward_id == "coin")
            assert sum(Wallet.objects.filter(player_id=id_).values_list("balance", flat=True)) == gold
            mine = Transfer.objects.filter(player_id=id_).values_list("debit_account", "credit_account", "amount")
            accounts: Counter[str] = Counter()
            for debit, credit, amount in mine:
                accounts[debit] -= amount
                accounts[credit] += amount
            assert sum(accounts.values()) == 0
            assert accounts[f"player:{id_}"] == gold

    @invariant()
    def all_is_told_in_order(self) -> None:
        """Of each quest: which of two quests is looked at first is left open."""
        facts = OutboxFact.objects.filter(type__startswith="quest.").exclude(player_id="").order_by("id")
        messages = Message.objects.filter(type__startswith="quest.").order_by("player_id", "seq")
        for id_, player in self.model.players.items():
            told = [(f.type, f.timestamp, f.data) for f in facts if f.player_id == id_]
            said = [(m.type, m.timestamp, m.data) for m in messages if m.player_id == id_]
            for quest_id in QUESTS:
                expected = [(t, at, as_stated(data)) for t, at, data in player.facts if data["id"] == quest_id]
                assert [(t, at, as_stated(data)) for t, at, data in told if data["id"] == quest_id] == expected
                expected = [each for each in expected if each[0] != "quest.abandoned"]
                assert [(t, at, as_stated(data)) for t, at, data in said if data["id"] == quest_id] == expected


def _harder(each: dict[str, Any], more: int) -> dict[str, Any]:
    asked = [r | {"threshold": r["threshold"] + more} if "threshold" in r else r for r in each["requirements"]]
    return each | {"requirements": asked}


def definitions(changes: list[Change]) -> list[dict[str, Any]]:
    return [change.definition or {} for change in changes]


def offered(found: Mapping[str, Any], player: str, opens: datetime) -> Collection[str]:
    """As the service draws it: `pick` of the pool's quests, the same whenever one asks."""
    drawn = rules.Pool(found["id"], tuple(found["quests"]), found["pick"], found["period"])
    quests = rules.offered(drawn, player, opens.astimezone(UTC))
    assert len(quests) == found["pick"]
    assert set(quests) <= set(found["quests"])
    return quests


def as_sent(player: str, sent: Sent) -> GameEvent:
    return GameEvent(sent.id, player, sent.type, dict(sent.data), sent.at)


EXAMPLES = int(os.environ.get("QUEST_EXAMPLES", "12"))
STEPS = int(os.environ.get("QUEST_STEPS", "25"))


@pytest.fixture
def lives(settings: Any) -> type[Life]:
    class Lives(Life):
        def grace(self, seconds: int) -> None:
            settings.QUEST_LATE_GRACE = seconds

    settings.RABBITMQ_URL = ""
    return Lives


@pytest.fixture
def life(lives: type[Life]) -> Iterator[Life]:
    life = lives()
    life.open(grace=0)
    yield life
    life.teardown()


def test_whatever_happens_quests_come_to_what_the_model_says(lives: type[Life]) -> None:
    thorough = hypothesis.settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(lives, settings=thorough)


def test_a_quest_whose_only_mandatory_step_is_skipped_is_whole_for_the_model_too(life: Life) -> None:
    aside = step("a", requirement("COUNT", "hits", 1), order=1, branch="left", is_optional=True)
    assert life.publish(quest("q1", aside, step("b", requirement("COUNT", "runs", 1), order=1, branch="right")))
    life.start("ann", "q1")
    life.process([("ann", Sent("e1", "hit", {"v": 1}, life.now))])
    [run] = life.model.players["ann"].runs["q1"]
    assert (run.status, run.skipped, life.model.progress.of_run(life.model.players["ann"], run)) == (
        "COMPLETED",
        {"b"},
        1,
    )
    life.runs_are_as_the_model_says()
    life.all_is_told_in_order()
