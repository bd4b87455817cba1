"""Whatever happens, in whatever order, the figures are those of a slow and obvious computation over what is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from achievements.commands import RevokeAchievement
from achievements.models import Standing
from anticheat.commands import DismissEvent, ReleaseEvent
from anticheat.models import Finding, Rule
from gamification import pipeline
from gamification.analytics import following, keeping, moving, queries, rebuilding, recounting
from gamification.analytics.models import Activity, CountedRun, RollUp
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM, Actor
from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Command, GameEvent, Refused
from gamification.kernel.models import Event
from gamification.players.commands import ChangeProfile
from gamification.players.erasing import ErasePlayer
from gamification.review.models import Case
from gamification.review.rules import Verdict
from gamification.review.verdicts import AppealVerdict, CastVote
from progress.models import Metric, Player
from progress.player_standing import PlayerStanding
from quests.commands import AbandonQuest, StartQuest
from rewards.commands import ClaimReward, RevokeDistribution, Spend
from rewards.models import Distribution, Wallet
from tests.support import figures
from tests.support.content import NOON, achievement, metric, publish, quest, requirement, reward, step
from tests.support.reviewing import find, finding

pytestmark = pytest.mark.django_db(transaction=True)

PLAYERS = ("ann", "bob", "eve")
CONTENT = (
    metric("hits", "hit", value_field="v"),
    metric("runs", "run"),
    reward("coins", value=5),
    reward("chest", value=7, claim="MANUAL"),
    achievement("two", requirement("COUNT", "hits", 2), rewards=["coins", "chest"]),
    achievement("far", requirement("SUM", "hits", 20), rewards=["coins"]),
    achievement("again", requirement("COUNT", "runs", 2), repeat="ALWAYS", rewards=["coins"]),
    quest(
        "trail",
        step("one", requirement("COUNT", "hits", 1), rewards=["coins"]),
        step("two", requirement("COUNT", "runs", 2), order=2),
        rewards=["chest"],
        auto_start=True,
        repeat="ALWAYS",
    ),
    quest("errand", step("hit", requirement("COUNT", "hits", 3)), time_limit=86_400),
)


@dataclass
class Game:
    """Plays by what hypothesis draws."""

    clock: float = 0
    sent: list[GameEvent] = field(default_factory=list)

    def send(self, player: str, day: int, second: int, type_: str, value: Any, times: int) -> None:
        at = NOON + timedelta(days=day, seconds=second)
        batch = [
            GameEvent(f"e{len(self.sent)}-{n}", player, type_, {"v": value}, at + timedelta(seconds=700 * n))
            for n in range(times)
        ]
        self.sent += batch
        pipeline.process([*batch, *self.sent[:: max(1, len(self.sent) // 2)]], now=self.now())

    def reuse(self, number: int) -> None:
        if self.sent:
            old = self.sent[number % len(self.sent)]
            changed = GameEvent(old.id, old.player_id, old.type, {"v": "else"}, old.timestamp)
            pipeline.process([changed], now=self.now())

    def act(self, command: Command, by: Actor = SYSTEM) -> None:
        with suppress(Refused):
            bus.handle(command, actor=by, now=self.now())

    def now(self) -> Any:
        self.clock += 61
        return NOON + timedelta(days=100, seconds=self.clock)

    def revoke(self, number: int) -> None:
        done = Standing.objects.filter(completed_at__isnull=False).order_by("pk")
        if done:
            one = done[number % len(done)]
            self.act(RevokeAchievement(player_id=one.player_id, achievement_id=one.achievement_id, reason="r",
                                       occurrence=None if number % 2 else one.occurrence))  # fmt: skip

    def of_rewards(self, number: int) -> None:
        given_ = Distribution.objects.order_by("created_at", "pk")
        if given_:
            one = given_[number % len(given_)]
            if number % 3:
                self.act(ClaimReward(player_id=one.player_id, distribution_id=one.pk))
            else:
                self.act(RevokeDistribution(distribution_id=one.pk, reason="r"))

    def decide(self, number: int) -> None:
        held = Finding.objects.filter(status="HELD").order_by("pk").first()
        if held is not None:
            decision = ReleaseEvent if number % 3 else DismissEvent
            self.act(decision(finding_id=held.pk, reason="r"))

    def judge(self, player: str, number: int, steps: int) -> None:
        """Take a case about this player further: found and decided, appealed against, decided again."""
        for _ in range(steps):
            self.judge_once(player, number)

    def judge_once(self, player: str, number: int) -> None:
        case = Case.objects.filter(player_id=player, closed_at=None).first()
        if case is None:
            find(finding("PACE", player, action="FLAG", ago=number, now=self.now()))
            case = Case.objects.filter(player_id=player, closed_at=None).first()
        if case is None:  # the rule had found this on that day before
            return
        if case.state == "OPEN":
            standing = PlayerStanding.BANNED if number % 2 else PlayerStanding.UNRANKED
            since = NOON + timedelta(days=number % 4)
            wish: Command = CastVote(case_id=case.pk, verdict=Verdict.CONFIRMED, standing=standing, since=since)
            if number % 5 == 0:
                wish = CastVote(case_id=case.pk, verdict=Verdict.CLEARED)
            self.act(wish)
        elif case.state == "CONFIRMED":
            self.act(AppealVerdict(case_id=case.pk, player_id=player, text="it was me"))
        else:
            verdict = Verdict.OVERTURNED if number % 4 else Verdict.UPHELD
            self.act(CastVote(case_id=case.pk, verdict=verdict), by=Actor.user("mia"))

    def change(self, player: str, **changes: bool) -> None:
        self.act(ChangeProfile(player_id=player, changes=changes))

    def follow(self) -> None:
        following.follow(self.now())

    def move(self) -> None:
        following.move_players(self.now())


players = st.sampled_from(PLAYERS)
numbers = st.integers(0, 20)
Act = Callable[[Game], None]


def acts(days: int) -> st.SearchStrategy[Act]:
    send = st.builds(
        lambda *told: lambda game: game.send(*told),
        players, st.integers(0, days), st.sampled_from([0, 1, 900, 1799, 1801, 40_000]),
        st.sampled_from(["hit", "hit", "run", "rest"]), st.sampled_from([1, 2, 5, 5, None, 999]), st.integers(1, 4),
    )  # fmt: skip
    others = [
        st.builds(lambda n: lambda game: game.revoke(n), numbers),
        st.builds(lambda n: lambda game: game.of_rewards(n), numbers),
        st.builds(lambda n: lambda game: game.decide(n), numbers),
        st.builds(lambda n: lambda game: game.reuse(n), numbers),
        st.builds(lambda p, n, steps: lambda game: game.judge(p, n, steps), players, numbers, st.integers(1, 3)),
        st.builds(lambda p: lambda game: game.act(StartQuest(player_id=p, quest_id="errand")), players),
        st.builds(lambda p: lambda game: game.act(AbandonQuest(player_id=p, quest_id="trail")), players),
        st.builds(
            lambda p, n: lambda game: game.act(Spend(player_id=p, currency="gold", amount=n + 1, reason="r")),
            players, numbers,
        ),
        st.builds(lambda p, b: lambda game: game.change(p, banned=b), players, st.booleans()),
        st.builds(lambda p, b: lambda game: game.change(p, is_test=b), players, st.booleans()),
        st.builds(lambda p: lambda game: game.act(ErasePlayer(player_id=p)), players),
        st.just(Game.follow), st.just(Game.move),
    ]  # fmt: skip
    return st.one_of(send, send, send, send, send, *others)


def play(told: list[Act]) -> None:
    publish(*CONTENT, now=NOON - timedelta(days=1))
    Metric.objects.get_or_create(id="hits", name="hits", event_type="hit")
    Rule.objects.create(name="no-giants", kind="VALUE_RANGE", metric_id="hits", maximum=100)
    game = Game()
    for act in told:
        act(game)
    game.follow()
    game.move()
    game.follow()
    assert following.is_done()


def assert_the_same() -> None:
    grown = figures.grown()
    anew: dict[figures.Key, int] = {}
    for player in Player.objects.counts_publicly().values_list("pk", flat=True):
        found = recounting.recount([player])
        stored = keeping.load([player])[player]
        expected = found.players[player]
        expected.sessions_kept, expected.latest_sessions = stored.sessions_kept, expected.latest_sessions[-8:]
        assert stored == expected
        for key, amount in found.changes.items():
            anew[key] = anew.get(key, 0) + amount
    assert grown == {key: amount for key, amount in anew.items() if amount}
    slowly = {key: amount for key, amount in figures.obvious().items() if amount}
    assert {key: amount for key, amount in grown.items() if not key[3].startswith(("seconds ", "played "))} == slowly
    assert_durations()
    in_wallets = Wallet.objects.filter(player_id__in=Player.objects.counts_publicly().values("pk"), currency="gold")
    last = queries.economy("gold", queries.Span(NOON.date(), NOON.date() + timedelta(days=400)))[-1]
    assert last["balance"] == sum(in_wallets.values_list("balance", flat=True))
    assert not Activity.objects.filter(is_counted=True, pk__in=keeping.left_out().values("pk")).exists()


def assert_durations() -> None:
    """Each percentile is within 2 % of the exact one, and as many were measured."""
    last = NOON.date() + timedelta(days=350)
    exact = figures.durations()
    for kind, id_ in [(each.kind, each.id) for each in CONTENT if each.kind in ("achievement", "quest")]:
        totals = queries.content(kind, id_, queries.Span(NOON.date(), last), NOON + timedelta(days=400))[1]
        for column, measure in ((0, "seconds"), (1, "played")):
            values = sorted(row[column] for row in exact.get((kind, id_), ()))
            for share in (10, 50, 90):
                found = totals[measure][f"p{share}"]
                if not values:
                    assert found is None
                    continue
                nearest = values[max(0, -(-share * len(values) // 100) - 1)]
                assert abs(found - nearest) <= 0.0201 * nearest + 0.001, (kind, id_, measure, share, found, nearest)


def rebuilding_finds_nothing() -> bool:
    found = rebuilding.look(date(2000, 1, 1))
    return not found.wrong and not found.players


modest = settings(
    max_examples=40, deadline=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.mark.parametrize("days", [50, 300])
def test_the_figures_are_those_of_what_is_kept(days: int) -> None:
    @modest
    @given(st.lists(acts(days), min_size=3, max_size=30))
    def whatever_happens(told: list[Act]) -> None:
        with transaction.atomic():
            play(told)
            assert_the_same()
            assert rebuilding_finds_nothing()
            RollUp.objects.filter(measure="events").delete()
            RollUp.objects.filter(measure="completed").update(amount=7)
            Activity.objects.filter(is_counted=True).delete()
            CountedRun.objects.all().delete()
            rebuilding.rebuild(date(2000, 1, 1))
            assert_the_same()
            assert rebuilding_finds_nothing()
            transaction.set_rollback(True)

    whatever_happens()


def judging(number: int) -> Act:
    return lambda game: game.judge("ann", number, 1)


@pytest.mark.parametrize("is_followed_at_once", [True, False])
@pytest.mark.parametrize("page", [1, 5_000])
def test_what_a_wrong_verdict_took_is_in_the_figures_again(
    is_followed_at_once: bool, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken and given back twice, since each time it is another transfer."""
    monkeypatch.setattr(following, "PAGE", page)
    monkeypatch.setattr(following, "TIME_SLICE", 0.0)  # so that a turn ends in the middle of what a verdict stated

    def turn(*acts: Act) -> None:
        for act in acts:
            act(game)
            if is_followed_at_once:
                following.follow(game.now())
                assert rebuilding_finds_nothing()

    publish(*CONTENT, now=NOON - timedelta(days=1))
    game = Game()
    turn(lambda game: game.send("ann", 3, 0, "hit", 9, 4))
    before = Wallet.objects.get().balance
    for judge in (judging(1), judging(2)):
        turn(judge, judge)
        assert Wallet.objects.get().balance == 0
        turn(judge)
    while not following.is_done() or following._to_move():
        following.follow(game.now())
    assert rebuilding_finds_nothing()
    assert_the_same()
    money = queries.economy("gold", queries.Span(NOON.date(), NOON.date() + timedelta(days=200)))
    assert money[-1]["balance"] == before == Wallet.objects.get().balance
    assert sum(row["in"].get("CASE", 0) for row in money) == 2 * before
    assert sum(row["out"].get("REVOKE", 0) for row in money) == 2 * before


def test_a_first_completion_whose_event_is_deleted_stays_when_a_later_one_is_revoked() -> None:
    publish(*CONTENT, now=NOON - timedelta(days=1))
    game = Game()
    for day in (3, 10):
        game.send("ann", day, 0, "run", None, 2)
    following.follow(game.now())
    first = keeping.load(["ann"])["ann"].completed["achievement again"]
    assert first == (NOON + timedelta(days=3)).date().toordinal()
    Event.objects.filter(timestamp__lt=NOON + timedelta(days=5)).delete()
    later = Standing.objects.filter(achievement_id="again", completed_at__isnull=False).latest("completed_at")
    game.act(RevokeAchievement(player_id="ann", achievement_id="again", reason="r", occurrence=later.occurrence))
    following.follow(game.now())
    assert keeping.load(["ann"])["ann"].completed["achievement again"] == first


def test_a_fact_whose_id_says_nothing_is_no_reason_to_look_for_ever() -> None:
    data = {"id": str(uuid4()), "currency": "gold", "claimed_at": "2026-01-01T00:00:00Z"}
    assert len(moving.moves([moving.FactRow(1, "ann", "other", FactType.REWARD_REVOKED, data, NOON)])) == 1
