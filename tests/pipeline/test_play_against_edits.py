"""Any play against any edits, in any order, keeps what was promised."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from achievements.commands import RevokeAchievement
from achievements.explaining import explain
from achievements.occurrences import opens_at
from achievements.reading import ShownAchievements
from achievements.rules import AchievementRules
from gamification import backfilling, pipeline
from gamification.kernel.content import publishing
from gamification.kernel.content.editing import CreateContent, PreviewContent, UpdateContent
from gamification.kernel.content.publishing import Change
from gamification.kernel.content.retiring import RestoreContent, RetireContent
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, GameEvent, Refused
from gamification.kernel.models import AuditEntry, Event
from gamification.players.commands import ChangeProfile
from gamification.players.erasing import ErasePlayer, tables
from progress import zones
from progress.models import Backfill, Player
from progress.rules.scopes import Repeat
from progress.rules.vocabulary import WITH_A_METRIC, WITH_A_TIMEFRAME
from rewards.commands import ClaimReward, RevokeDistribution, Spend
from rewards.models import Distribution
from tests.support import invariants as holding
from tests.support.content import achievement, level, metric, quest, requirement, reward, step
from tests.support.invariants import Key

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 16, 10, tzinfo=UTC)
ZONES = ["UTC", "Pacific/Auckland", "America/Los_Angeles", "Europe/Berlin"]
FRAMES = [{"duration": 90, "unit": "minutes"}, {"duration": 2, "unit": "days"}]
REWARDS = [
    reward("coin"), reward("chest", value=7, claim="MANUAL"), reward("lesson", "XP", 60), reward("fame", "POINTS", 3),
]  # fmt: skip
GAME: list[Change] = [
    metric("hits", "hit", value_field="v", member_field="w"),
    metric("runs", "run", value_field="v", member_field="w"),
    metric("done", "achievement.completed"),
    *REWARDS,
    level(1, 0),
    level(2, 100, "coin"),
    level(3, 250, "chest"),
    quest(
        "trail",
        step("first", requirement("COUNT", "hits", 2), rewards=["coin"]),
        auto_start=True,
        repeat="DAILY",
        rewards=["lesson"],
    ),
]

players = st.sampled_from(["ann", "ann", "bob", "cid"])
ids = st.sampled_from(["a", "b", "c"])
repeats = st.sampled_from([*Repeat, "NEVER", "DAILY", "ALWAYS"])
waits = st.sampled_from([0, 0, 1, 8, 24, 24, 72, 240]).map(lambda hours: timedelta(hours=hours, seconds=1))
ago = st.sampled_from([0, 0, 0, 1, 1, 30, 3600, 20 * 3600, 86400, 2 * 86400, 8 * 86400])
anyone = st.integers(0, 99)


@st.composite
def requirements(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(["COUNT", "COUNT", *WITH_A_METRIC]))
    threshold = draw(st.sampled_from([1, 2] if type_ in ("STREAK", "DISTINCT") else [1, 1, 1, 2, 2, 3, 4]))
    asked = requirement(type_, draw(st.sampled_from(["hits", "hits", "hits", "runs", "runs", "done"])), threshold)
    if type_ in WITH_A_TIMEFRAME and not draw(st.integers(0, 4)):
        asked["timeframe"] = draw(st.sampled_from(FRAMES))
    return asked


targets = st.sampled_from(
    [*[{"type": "ACHIEVEMENT", "target": id_} for id_ in "abc"], {"type": "QUEST", "target": "trail"}]
)
rewards = st.lists(st.sampled_from([change.id for change in REWARDS]), max_size=3)
fields: dict[str, st.SearchStrategy[Any]] = {
    "rewards": rewards,
    "match": st.sampled_from(["ALL", "ANY"]),
    "is_enabled": st.sampled_from([True, True, True, True, False]),
    "prerequisites": st.sampled_from([[], [], [], ["a"], ["b"]]),
    "points": st.sampled_from([0, 10]),
    "starts_at": st.sampled_from([None, None, "2026-11-17T00:00:00Z"]),
}
asked = st.builds(
    lambda some, other: some + other,
    st.lists(requirements(), min_size=1, max_size=2),
    st.just([]) | st.just([]) | targets.map(lambda target: [target]),
)
designs = st.fixed_dictionaries({"requirements": asked, "repeat": repeats}, optional=fields)
edits = st.fixed_dictionaries({}, optional={"requirements": asked, "repeat": repeats, **fields})
said = st.fixed_dictionaries({"v": st.integers(1, 3), "w": st.sampled_from(["x", "y"])})
types = st.sampled_from(["hit", "hit", "run"])
played = st.tuples(players, types, said, ago)


class PlayAgainstEdits(RuleBasedStateMachine):
    """What is asked of the service, by its commands, on its database; and what must hold after each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.now = MONDAY
        self.sent: list[GameEvent] = []
        self.seen: dict[Key, datetime | None] = {}
        """When each completion was, that was ever seen."""
        self.revoked_whole: dict[tuple[str, str], set[Key]] = {}
        """(player, achievement) that was revoked whole → all there was of it."""
        self.revoked: set[Key] = set()
        self.changed: dict[str, tuple[dict[str, set[Key]], datetime]] = {}
        """achievement → what each player had of it when `repeat` changed last, and when that was."""
        self.erased: list[str] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    def handle(self, command: Command) -> bool:
        """Whether it was granted."""
        self.now += timedelta(seconds=1)
        try:
            bus.handle(command, actor=SYSTEM, now=self.now)
        except Refused:
            return False
        return True

    def had(self, id_: str) -> dict[str, set[Key]]:
        found: dict[str, set[Key]] = {}
        for key in holding.completions():
            if key[1] == id_:
                found.setdefault(key[0], set()).add(key)
        return found

    # -- designers -----------------------------------------------------------------------------------------------------

    @initialize(designs=st.tuples(designs, designs))
    def a_game(self, designs: tuple[dict[str, Any], dict[str, Any]]) -> None:
        zones.record("UTC", self.now)
        for each in GAME:
            assert self.handle(CreateContent(kind=each.kind, definition=dict(each.definition or {})))
        for id_, design in zip(("a", "b"), designs, strict=True):
            self.design(id_, design)

    @rule(id_=ids, design=designs)
    def design(self, id_: str, design: dict[str, Any]) -> None:
        self.handle(
            CreateContent(
                kind="achievement", definition=achievement(id_, *design.pop("requirements"), **design).definition
            )
        )

    @rule(id_=ids, changes=edits, fills=st.booleans())
    def edit(self, id_: str, changes: dict[str, Any], fills: bool) -> None:
        before, had = publishing.current()[AchievementRules].by_id.get(id_), self.had(id_)
        is_edited = self.handle(UpdateContent(kind="achievement", id=id_, changes=changes))
        if is_edited and before and before.repeat != changes.get("repeat", before.repeat):
            self.changed[id_] = had, self.now
        if fills:
            self.fill()

    @rule(id_=ids, repeat=repeats)
    def repeat_in_another_way(self, id_: str, repeat: str) -> None:
        self.edit(id_, {"repeat": repeat}, fills=True)

    @rule(id_=ids, changes=edits)
    def preview(self, id_: str, changes: dict[str, Any]) -> None:
        """It changes nothing, and does not fail: that is seen when everybody is backfilled."""
        self.handle(PreviewContent(kind="achievement", id=id_, changes=changes))

    @rule(id_=ids, is_back=st.booleans())
    def retire_or_restore(self, id_: str, is_back: bool) -> None:
        self.handle((RestoreContent if is_back else RetireContent)(kind="achievement", id=id_))

    @rule(xp=st.sampled_from([80, 120, 180, 240]), zone=st.sampled_from([None, *ZONES]))
    def move_a_level_or_the_deployment(self, xp: int, zone: str | None) -> None:
        self.now += timedelta(seconds=1)
        if zone:
            zones.record(zone, self.now)
        else:
            assert self.handle(UpdateContent(kind="level", id="2", changes={"xp": xp}))

    # -- the game ------------------------------------------------------------------------------------------------------

    def happen(self, batch: list[tuple[str, str, dict[str, Any], float]], again: Sequence[int] = ()) -> None:
        fresh = [
            GameEvent(f"e{len(self.sent) + n:03}", player, type_, data, self.now - timedelta(seconds=since))
            for n, (player, type_, data, since) in enumerate(batch)
        ]
        self.sent += fresh
        twice = [replace(self.sent[n % len(self.sent)]) for n in again]
        pipeline.process([*fresh, *twice], now=self.now)

    @rule(batch=st.lists(played, min_size=1, max_size=8), again=st.lists(anyone, max_size=2), passed=waits)
    def play(self, batch: list[tuple[str, str, dict[str, Any], float]], again: list[int], passed: timedelta) -> None:
        self.now += passed
        self.happen(batch, again)

    @rule(player=players, type_=types, times=st.integers(1, 5), passed=waits, fills=st.booleans())
    def play_for_a_while(self, player: str, type_: str, times: int, passed: timedelta, fills: bool) -> None:
        self.now += passed
        if fills:
            self.fill()
        self.happen([(player, type_, {"v": 1 + n % 3, "w": "xy"[n % 2]}, n) for n in range(times)])

    @rule(player=players, type_=types, days=st.integers(1, 4), times=st.integers(1, 2))
    def play_for_days(self, player: str, type_: str, days: int, times: int) -> None:
        self.fill()
        for _ in range(days):
            self.now += timedelta(days=1)
            self.happen([(player, type_, {"v": 1, "w": "x"}, n) for n in range(times)])

    @rule(player=players, name=st.sampled_from([None, *ZONES]), amount=st.integers(1, 12), n=anyone)
    def move_or_spend_and_claim(self, player: str, name: str | None, amount: int, n: int) -> None:
        if name:
            self.handle(ChangeProfile(player_id=player, changes={"timezone": name}))
            return
        self.handle(Spend(player_id=player, currency="gold", amount=amount, reason="a hat"))
        if waiting := list(Distribution.objects.filter(status="PENDING").order_by("id")):
            given = waiting[n % len(waiting)]
            assert self.handle(ClaimReward(player_id=given.player_id, distribution_id=given.id))

    # -- support -------------------------------------------------------------------------------------------------------

    @rule(n=anyone, is_whole=st.booleans())
    def revoke(self, n: int, is_whole: bool) -> None:
        if not (found := sorted(holding.completions())):
            return
        player, id_, occurrence = found[n % len(found)]
        named = None if is_whole else occurrence
        wish = RevokeAchievement(player_id=player, achievement_id=id_, reason="cheated", occurrence=named)
        assert self.handle(wish)
        mine = {key for key in found if key[:2] == (player, id_)}
        self.revoked |= mine if is_whole else {(player, id_, occurrence)}
        if is_whole:
            self.revoked_whole[player, id_] = mine

    @rule(n=anyone)
    def revoke_a_reward(self, n: int) -> None:
        if found := list(Distribution.objects.exclude(status__in=holding.GONE).order_by("id")):
            assert self.handle(RevokeDistribution(distribution_id=found[n % len(found)].id, reason="cheated"))

    @rule(player=players, banned=st.sampled_from([True, False, False]))
    def ban(self, player: str, banned: bool) -> None:
        self.handle(ChangeProfile(player_id=player, changes={"banned": banned}))

    @precondition(lambda self: not self.erased and len(self.sent) > 10)
    @rule(player=players)
    def erase(self, player: str) -> None:
        if self.handle(ErasePlayer(player_id=player)):
            self.erased.append(player)
            self.seen = {key: at for key, at in self.seen.items() if key[0] != player}
            self.revoked_whole = {key: had for key, had in self.revoked_whole.items() if key[0] != player}
            self.revoked = {key for key in self.revoked if key[0] != player}
            for had, _ in self.changed.values():
                had.pop(player, None)

    @rule()
    def fill(self) -> None:
        """Nobody who is not banned is behind then, and nobody who qualifies waits."""
        backfilling.run_pending(self.now)
        ended = Backfill.objects.order_by("publication")
        stopped = ended.exclude(state=Backfill.State.DONE)  # a preview may name what was retired meanwhile
        assert all(job.preview and "unknown" in job.detail for job in stopped), list(stopped.values_list("detail"))
        newest = ended.last()
        holding.assert_everybody_is_backfilled(newest.publication if newest else 0)
        for player in Player.objects.filter(banned=False).values_list("player_id", flat=True):
            mine = ShownAchievements(player, self.now)
            for one in mine.rules.by_id.values():
                read = mine.of(one)
                assert "pending" not in read
                opens = opens_at(
                    one, mine.player, self.now
                )  # what needs no sample is complete at any event of a period
                is_idle = opens and not Event.objects.filter(player_id=player, timestamp__gte=opens).exists()
                if read["progress"] == 1 and not read["is_completed"] and not is_idle:
                    assert explain(mine, one)["blocked_by"], (player, one.id, read)

    @rule()
    def count_everybody_anew(self) -> None:
        """As if every unit were new to everybody."""
        Player.objects.update(backfilled_to=0)
        self.fill()

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def money_and_counts_are_those_of_what_was_earned(self) -> None:
        holding.assert_money_is_what_was_claimed()
        holding.assert_counts_are_those_of_the_standings()
        holding.assert_each_completion_was_paid_once()

    @invariant()
    def nothing_revoked_is_earned_again_and_nothing_else_is_lost(self) -> None:
        found = holding.completions()
        assert {key: standing.completed_at for key, standing in found.items() if key in self.seen} == self.seen
        assert {key for key, standing in found.items() if standing.revoked_at} == self.revoked
        for of_one, had in self.revoked_whole.items():
            assert {key for key in found if key[:2] == of_one} == had
        for had_then, since in self.changed.values():
            holding.assert_only_later_ones_count(had_then, since)
        self.seen = {key: standing.completed_at for key, standing in found.items()}

    @invariant()
    def nothing_is_left_of_the_erased(self) -> None:
        for player in self.erased:
            holding.assert_nothing_is_left_of(player, tables())


def test_any_play_against_any_edits_keeps_what_was_promised() -> None:
    """PLAY_EXAMPLES: how many games; PLAY_STEPS: how long each may be."""
    run_state_machine_as_test(
        PlayAgainstEdits,
        settings=settings(
            max_examples=int(os.environ.get("PLAY_EXAMPLES", "8")),
            stateful_step_count=int(os.environ.get("PLAY_STEPS", "40")),
            suppress_health_check=list(HealthCheck),
        ),
    )


Batch = list[tuple[str, str, dict[str, Any], float]]
plays = st.lists(st.tuples(st.lists(played, min_size=1, max_size=8), waits), max_size=6)


@settings(max_examples=10)
@given(st.tuples(designs, designs), plays)
def test_the_kept_events_played_into_an_empty_database_come_to_the_same(
    drawn: tuple[dict[str, Any], dict[str, Any]], play: list[tuple[Batch, timedelta]]
) -> None:
    game = PlayAgainstEdits()
    try:
        game.a_game(drawn)
        for batch, passed in play:
            game.now += passed
            game.happen(batch)
        before = holding.snapshot()
        kept = list(Event.objects.exclude(event_id__startswith="~").order_by("id"))
        for table in set(tables()) - {AuditEntry}:
            table._default_manager.all().delete()
        for arrived, found in groupby(kept, key=attrgetter("received_at")):
            again = [GameEvent(e.event_id, e.player_id, e.type, e.data, e.timestamp) for e in found]
            pipeline.process(again, now=arrived)
        assert holding.snapshot() == before
    finally:
        game.teardown()
