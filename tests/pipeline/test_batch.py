"""What a batch does, told sentence by sentence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from achievements.models import Standing
from anticheat.models import Finding
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event, OutboxFact, RejectedEvent
from progress.models import Player, Tally
from rewards.commands import ClaimReward
from rewards.models import Distribution, Transfer, Wallet
from tests.support.content import NOON, achievement, event, level, metric, publish, requirement, reward
from tests.support.playing import completed, count, process

pytestmark = pytest.mark.django_db


# -- an event is itself once -------------------------------------------------------------------------------------------


def test_a_duplicate_in_the_same_batch_counts_once() -> None:
    publish(metric("kills"))
    outcome = process(event("a"), event("b"), event("a"))
    assert (outcome.accepted, outcome.duplicates, outcome.refused) == (2, 1, [])
    assert count() == 2


def test_a_duplicate_in_a_later_batch_counts_once_and_pays_once() -> None:
    publish(metric("kills"), reward("coin"), achievement("first", requirement("COUNT", "kills", 1), rewards=["coin"]))
    process(event("a"))
    outcome = process(event("a"), event("a"))
    assert (outcome.accepted, outcome.duplicates, outcome.facts) == (0, 2, [])
    assert count() == 1
    assert Wallet.objects.get().balance == 5
    assert Transfer.objects.count() == Distribution.objects.count() == 1
    assert Message.objects.count() == OutboxFact.objects.count() == 3


def test_two_players_may_use_the_same_id() -> None:
    publish(metric("kills"))
    assert process(event("a", "ann"), event("a", "bob")).accepted == 2
    assert (count(player="ann"), count(player="bob")) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [event("a", type_="door.opened", n=1), event("a", n=2), event("a", n="1"), event("a", n=True), event("a"),
     event("a", at=0.000001, n=1)],
)  # fmt: skip
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_an_id_used_again_for_something_else_is_refused_and_shown(other: GameEvent, in_one_batch: bool) -> None:
    publish(metric("kills"))
    if in_one_batch:
        outcome = process(event("a", n=1), other)
    else:
        process(event("a", n=1))
        outcome = process(other)
    assert outcome.accepted == int(in_one_batch)
    assert [(refused.id, code) for refused, code, _ in outcome.refused] == [("a", "id_reused")]
    assert count() == 1
    assert Event.objects.get().data == {"n": 1}
    assert RejectedEvent.objects.get().code == "id_reused"
    assert (Finding.objects.get().rule, Finding.objects.get().status) == ("id_reused", "FLAGGED")


def test_of_one_identity_twice_in_a_batch_the_first_to_arrive_is_the_one() -> None:
    publish(metric("kills"))
    process(event("a", at=60, n=1), event("a", at=0, n=2))
    assert Event.objects.get().data == {"n": 1}


def test_key_order_and_the_spelling_of_a_number_make_no_other_event() -> None:
    publish(metric("kills"))
    process(event("a", n=1, m={"x": 2.0, "y": [1]}))
    east = NOON.astimezone(datetime.fromisoformat("2026-01-01T00:00+09:00").tzinfo)
    outcome = process(GameEvent("a", "ann", "enemy.killed", {"m": {"y": [1.0], "x": 2}, "n": 1.0}, east))
    assert (outcome.duplicates, outcome.refused) == (1, [])


# -- what follows ------------------------------------------------------------------------------------------------------


def test_an_unlocking_is_told_counted_and_paid_all_once() -> None:
    publish(metric("kills"), reward("coin"), achievement("first", requirement("COUNT", "kills", 1), rewards=["coin"]))
    outcome = process(event("a"), event("b", at=1))
    player = Player.objects.get()
    assert (player.achievements_completed, player.points, player.last_seq) == (1, 10, 3)
    types = ["achievement.completed", "reward.granted", "reward.claimed"]
    assert [fact.type for fact in outcome.facts] == types
    assert list(OutboxFact.objects.order_by("id").values_list("type", flat=True)) == types
    assert [fact.id for fact in outcome.facts] == list(
        OutboxFact.objects.order_by("id").values_list("fact_id", flat=True)
    )
    told = Message.objects.order_by("seq")
    assert list(told.values_list("seq", "type")) == list(enumerate(types, start=1))
    assert told[0].data == {"id": "first", "title": "First", "points": 10, "rewards": ["coin"]}


def test_messages_are_numbered_for_each_player_without_gaps() -> None:
    publish(metric("kills"), achievement("again", requirement("COUNT", "kills", 1), repeat="ALWAYS"))
    for n in range(4):
        process(event(f"a{n}", "ann", at=n), event(f"b{n}", "bob", at=n), event(f"c{n}", "bob", at=n))
    seen = Message.objects.order_by("player_id", "seq").values_list("player_id", "seq")
    assert list(seen) == [*(("ann", n) for n in range(1, 5)), *(("bob", n) for n in range(1, 9))]


def test_a_manual_reward_waits_to_be_claimed_and_its_claiming_is_an_event_then() -> None:
    publish(
        metric("kills"), metric("paid", "reward.claimed", value_field="value"), reward("coin", claim="MANUAL"),
        achievement("first", requirement("COUNT", "kills", 1), rewards=["coin"]),
        achievement("paid", requirement("SUM", "paid", 5)),
    )  # fmt: skip
    process(event("a"))
    given = Distribution.objects.get()
    assert (given.status, Wallet.objects.count(), completed()) == ("PENDING", 0, [("first", "0", 0)])
    bus.handle(ClaimReward(player_id="ann", distribution_id=given.pk), actor=SYSTEM, now=NOON + timedelta(seconds=9))
    assert Wallet.objects.get().balance == 5
    assert completed() == [("first", "0", 0), ("paid", "0", 9)]


def test_experience_reaches_levels_and_each_pays_its_rewards_once() -> None:
    publish(
        metric("kills"), metric("levels", "level.reached", value_field="level"),
        reward("coin"), reward("xp", "XP", 150),
        level(1, 0, "coin"), level(2, 100, "coin"), level(3, 200, "coin", "xp"), level(4, 400, "coin"),
        achievement("again", requirement("COUNT", "kills", 1), repeat="ALWAYS", rewards=["xp"]),
        achievement("third", requirement("MAX", "levels", 3)),
    )  # fmt: skip
    process(event("a", at=0))
    player = Player.objects.get()
    assert (player.xp, player.level, player.levels_had) == (150, 2, "2")
    process(event("b", at=1))  # 300 reaches 3, whose own xp reaches 4
    player.refresh_from_db()
    assert (player.xp, player.level, player.levels_had) == (450, 4, "2-4")
    reached = Distribution.objects.filter(source="LEVEL").order_by("source_id", "line")
    assert list(reached.values_list("source_id", "reward_id")) == [
        ("2", "coin"), ("3", "coin"), ("3", "xp"), ("4", "coin"),
    ]  # fmt: skip
    assert Wallet.objects.get().balance == 15
    assert ("third", "0", 1) in completed()
    assert list(Message.objects.filter(type="level.reached").order_by("seq").values_list("data__level", flat=True)) == [
        2, 3, 4,
    ]  # fmt: skip


def test_a_batch_takes_effect_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(metric("kills"), reward("coin"), achievement("first", requirement("COUNT", "kills", 1), rewards=["coin"]))

    def fail(*_: Any) -> None:
        raise RuntimeError("the lights went out")

    with monkeypatch.context() as broken:
        broken.setattr("gamification.pipeline.outbox.put", fail)
        with pytest.raises(RuntimeError):
            process(event("a"))
    for table in (Event, Tally, Standing, Distribution, Wallet, Message, OutboxFact, Player):
        assert not table.objects.exists()
    assert process(event("a")).accepted == 1
    assert Wallet.objects.get().balance == 5
