"""Granting, claiming, expiring: every way a distribution goes, and the ways it does not."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import NotFound
from gamification.kernel.models import Event, OutboxFact
from rewards import queries, tasks
from rewards.commands import ClaimAll, ClaimReward, ExpireRewards, GrantReward, RewardExpired, RewardRevoked
from rewards.commands import RevokeDistribution as Revoke
from rewards.models import Distribution, Transfer
from rewards.rules import Given
from tests.support.content import achievement, event, level, metric, publish, requirement, reward
from tests.support.rewarding import (
    NOON,
    assert_the_books_balance,
    facts,
    give,
    inventory,
    items,
    later,
    manual,
    movements,
    statistics,
    statuses,
    wallets,
)

pytestmark = pytest.mark.django_db


def claim(given: Given, player_id: str = "ann", seconds: float = 1) -> Given:
    found: Given = bus.handle(
        ClaimReward(player_id=player_id, distribution_id=given.id), actor=SYSTEM, now=later(seconds)
    )
    return found


# -- what claiming does ------------------------------------------------------------------------------------------------


def test_a_granted_reward_waits_to_be_claimed() -> None:
    publish(manual("coins"))
    given = give("coins")
    assert (given.status, given.source, given.occurrence, given.line) == ("PENDING", "GRANT", "0", 0)
    assert statuses() == ["PENDING"]
    assert facts() == ["reward.granted"]
    assert wallets() == {}
    assert Transfer.objects.count() == 0


def test_an_auto_reward_is_claimed_at_once() -> None:
    publish(reward("coins"))
    given = give("coins")
    assert (given.status, given.claimed_at) == ("CLAIMED", NOON)
    assert facts() == ["reward.granted", "reward.claimed"]
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert movements() == [("issuance", "player:ann", 5)]


@pytest.mark.parametrize(("type_", "expected"), [("POINTS", (7, 0, 0, 0)), ("XP", (0, 7, 0, 0))])
def test_points_and_experience_go_to_the_statistics(type_: str, expected: tuple[int, int, int, int]) -> None:
    publish(manual("some", type_, 7))
    given = give("some")
    assert statistics() == (0, 0, 0, 0)
    claim(given)
    assert statistics() == expected
    assert Transfer.objects.count() == 0


def test_items_go_to_the_inventory_and_add_up() -> None:
    publish(reward("kit", "ITEM", 0, items=items(("axe", 1), ("rope", 3), ("rope", 2))))
    give("kit")
    give("kit")
    assert inventory() == {"axe": (2, 0), "rope": (10, 0)}


@pytest.mark.parametrize("type_", ["BADGE", "TITLE"])
def test_a_badge_or_a_title_is_its_distribution(type_: str) -> None:
    publish(reward("star", type_, 0))
    given = give("star")
    assert (given.kind, given.status) == (type_, "CLAIMED")
    assert statistics() == (0, 0, 0, 0)
    assert wallets() == {}


def test_a_reward_of_nothing_moves_no_money() -> None:
    publish(reward("none", value=0))
    assert give("none").status == "CLAIMED"
    assert Transfer.objects.count() == 0
    assert wallets() == {}


def test_a_random_reward_shows_what_it_drew_and_gives_that_when_claimed() -> None:
    table = [{"reward": "never", "weight": 0}, {"reward": "xp", "weight": 1}]
    publish(manual("box", "RANDOM", 0, table=table), reward("never"), reward("xp", "XP", 9))
    given = give("box")
    assert (given.reward_id, given.drawn, given.kind, given.status) == ("box", "xp", "XP", "PENDING")
    assert statistics() == (0, 0, 0, 0)
    claim(given)
    assert statistics() == (0, 9, 0, 0)
    assert wallets() == {}


def test_a_distribution_keeps_the_reward_as_it_was_when_granted() -> None:
    table = [{"reward": "coins", "weight": 1}]
    publish(manual("coins"), manual("box", "RANDOM", 0, table=table))
    plain, box = give("coins"), give("box")
    publish(manual("coins", value=1000), manual("xp", "XP", 50))
    publish(manual("box", "RANDOM", 0, table=[{"reward": "xp", "weight": 1}]))
    claim(plain)
    claim(box)
    assert wallets() == {("ann", "gold"): (10, 0)}
    assert statistics() == (0, 0, 0, 0)


def test_experience_raises_the_level_and_its_rewards_come_once() -> None:
    publish(reward("xp", "XP", 60), reward("coins"), level(1, 0), level(2, 100, "coins", "coins"), level(3, 1000))
    for _ in range(4):
        give("xp")
    levels = Distribution.objects.filter(source="LEVEL").order_by("line")
    assert list(levels.values_list("source_id", "occurrence", "line", "status")) == [
        ("2", "0", 0, "CLAIMED"),
        ("2", "0", 1, "CLAIMED"),
    ]
    assert wallets() == {("ann", "gold"): (10, 0)}
    assert statistics() == (0, 240, 0, 0)


# -- facts -------------------------------------------------------------------------------------------------------------


def test_a_fact_tells_the_distribution_and_what_it_comes_to() -> None:
    table = [{"reward": "kit", "weight": 1}]
    kit = items(("axe", 1))
    publish(manual("box", "RANDOM", 0, table=table, claim_within=60), reward("kit", "ITEM", 0, items=kit))
    given = give("box")
    fact = OutboxFact.objects.get()
    assert (fact.type, fact.player_id, fact.timestamp) == ("reward.granted", "ann", NOON)
    assert fact.data == {
        "id": str(given.id),
        "player_id": "ann",
        "reward_id": "box",
        "source": "GRANT",
        "source_id": given.source_id,
        "occurrence": "0",
        "line": 0,
        "status": "PENDING",
        "created_at": "2026-11-20T12:00:00Z",
        "claimed_at": None,
        "expires_at": "2026-11-20T12:01:00Z",
        "revoked_at": None,
        "drawn": "kit",
        "withheld": False,
        "type": "ITEM",
        "value": 0,
        "currency": None,
        "items": kit,
    }


def test_claiming_is_an_event_that_metrics_may_count() -> None:
    publish(
        manual("coins", value=40),
        metric("earned", "reward.claimed", value_field="value"),
        achievement("rich", requirement("SUM", "earned", 40), rewards=["coins"]),
    )
    given = give("coins")
    assert statuses() == ["PENDING"]
    claim(given)
    own = Event.objects.get(type="reward.claimed")
    assert own.data == {"id": "coins", "type": "CURRENCY", "value": 40, "currency": "gold"}
    assert own.timestamp == later(1)
    assert own.event_id.startswith("~")
    assert list(Distribution.objects.order_by("source").values_list("source", "source_id", "status")) == [
        ("ACHIEVEMENT", "rich", "PENDING"),
        ("GRANT", given.source_id, "CLAIMED"),
    ]


def test_an_achievements_rewards_bear_its_events_time_and_are_made_now() -> None:
    publish(metric("kills"), reward("coins"), achievement("first", requirement("COUNT", "kills", 1), rewards=["coins"]))
    pipeline.process([event("e1", at=-3600)], now=NOON)
    assert {f.timestamp for f in OutboxFact.objects.filter(type__startswith="reward.")} == {later(-3600)}
    assert Event.objects.get(type="reward.claimed").timestamp == later(-3600)
    made = Distribution.objects.get()
    assert (made.source, made.source_id, made.occurrence) == ("ACHIEVEMENT", "first", "0")
    assert (made.created_at, made.claimed_at) == (NOON, NOON)


# -- claiming more than once, or what is not there ---------------------------------------------------------------------


def test_claiming_again_answers_the_same_and_pays_nothing() -> None:
    publish(manual("coins"))
    given = give("coins")
    first = claim(given, seconds=1)
    again = claim(given, seconds=500)
    assert first == again
    assert (again.status, again.claimed_at) == ("CLAIMED", later(1))
    assert wallets() == {("ann", "gold"): (5, 0)}
    assert facts() == ["reward.granted", "reward.claimed"]
    assert Event.objects.filter(type="reward.claimed").count() == 1


def test_another_players_distribution_is_unknown() -> None:
    publish(manual("coins"))
    given = give("coins")
    with pytest.raises(NotFound):
        claim(given, "bob")
    assert statuses() == ["PENDING"]
    assert wallets() == {}


def test_an_unknown_distribution_is_unknown() -> None:
    with pytest.raises(NotFound):
        bus.handle(ClaimReward(player_id="ann", distribution_id=uuid4()), actor=SYSTEM, now=NOON)


def test_a_revoked_one_cannot_be_claimed() -> None:
    publish(manual("coins"))
    given = give("coins")
    bus.handle(Revoke(distribution_id=given.id, reason=""), actor=SYSTEM, now=later(1))
    with pytest.raises(RewardRevoked):
        claim(given, seconds=2)
    assert statuses() == ["REVOKED"]
    assert wallets() == {}


def test_all_of_a_cause_are_claimed_together_and_answered_the_same_again() -> None:
    publish(
        metric("kills"),
        manual("coins"),
        manual("brief", claim_within=1),
        achievement("first", requirement("COUNT", "kills", 1), rewards=["coins", "brief", "coins"]),
    )
    pipeline.process([event("e1"), event("e1", "bob")], now=NOON)
    wish = ClaimAll(player_id="ann", source="ACHIEVEMENT", source_id="first")
    claimed = bus.handle(wish, actor=SYSTEM, now=later(2))
    assert [(given.reward_id, given.line, given.status) for given in claimed] == [
        ("coins", 0, "CLAIMED"),
        ("coins", 2, "CLAIMED"),
    ]
    assert bus.handle(wish, actor=SYSTEM, now=later(3)) == claimed
    assert wallets() == {("ann", "gold"): (10, 0)}
    assert Distribution.objects.filter(player_id="bob", status="PENDING").count() == 3


# -- grants by hand ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reward_id", ["nothing", "old"])
def test_only_what_is_in_play_is_given_by_hand(reward_id: str) -> None:
    publish(reward("old"))
    publish(Change("reward", "old", None))
    with pytest.raises(NotFound):
        give(reward_id)
    assert Distribution.objects.count() == 0


def test_one_grant_twice_gives_once() -> None:
    publish(reward("coins"))
    wish = GrantReward(player_id="ann", reward_id="coins", reason="", grant_id="g1")
    first = bus.handle(wish, actor=SYSTEM, now=NOON)
    assert bus.handle(wish, actor=SYSTEM, now=later(1)) == first
    assert wallets() == {("ann", "gold"): (5, 0)}


# -- expiry ------------------------------------------------------------------------------------------------------------


def test_what_is_over_is_refused_before_it_is_swept() -> None:
    publish(manual("brief", claim_within=60))
    given = give("brief")
    with pytest.raises(RewardExpired):
        claim(given, seconds=60)
    assert statuses() == ["PENDING"]
    assert wallets() == {}
    row = Distribution.objects.get()
    assert queries.shown(row, later(59.999999))["status"] == "PENDING"
    assert queries.shown(row, later(60))["status"] == "EXPIRED"
    assert claim(given, seconds=59.999999).status == "CLAIMED"


def test_the_sweep_expires_what_is_due_and_nothing_else() -> None:
    publish(manual("brief", claim_within=60), manual("coins"), reward("auto", claim_within=60))
    for reward_id in ("brief", "coins", "auto"):
        give(reward_id)
    assert tasks.expire_rewards(later(59)) == 0
    assert tasks.expire_rewards(later(60)) == 1
    assert dict(Distribution.objects.values_list("reward_id", "status")) == {
        "brief": "EXPIRED",
        "coins": "PENDING",
        "auto": "CLAIMED",
    }
    assert facts("reward.expired") == ["reward.expired"]
    assert tasks.expire_rewards(later(61)) == 0
    assert facts("reward.expired") == ["reward.expired"]
    with pytest.raises(RewardExpired):
        claim(Given(*Distribution.objects.filter(reward_id="brief").values_list(*Given.__slots__)[0]), seconds=61)


def test_the_same_sweep_sent_twice_states_each_once() -> None:
    publish(manual("brief", claim_within=60))
    due = [(give("brief").id, "ann")]
    assert bus.handle(ExpireRewards(due=due), actor=SYSTEM, now=later(60)) == 1
    assert bus.handle(ExpireRewards(due=due), actor=SYSTEM, now=later(60)) == 0
    assert facts() == ["reward.granted", "reward.expired"]


def test_a_sweep_goes_on_until_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 2)
    publish(manual("brief", claim_within=60))
    for n in range(5):
        give("brief", f"p{n}")
    assert tasks.expire_rewards(later(60)) == 5
    assert statuses() == ["EXPIRED"] * 5


def test_states_are_found_as_the_clock_has_them() -> None:
    publish(manual("brief", claim_within=60), manual("coins"))
    give("brief")
    give("coins")

    def found(status: str, seconds: float) -> list[str]:
        rows = queries.distributions(later(seconds), state=status, player_id="ann")
        return sorted(rows.values_list("reward_id", flat=True))

    assert found("PENDING", 59) == ["brief", "coins"]
    assert found("EXPIRED", 59) == []
    assert found("PENDING", 60) == ["coins"]
    assert found("EXPIRED", 60) == ["brief"]
    tasks.expire_rewards(later(60))
    assert found("EXPIRED", 60) == ["brief"]


def test_an_auto_reward_whose_time_had_passed_at_its_cause_is_not_paid() -> None:
    publish(reward("late", expires_at="2026-11-20T12:00:00Z"))
    assert give("late", now=NOON).status == "PENDING"
    assert wallets() == {}
    assert tasks.expire_rewards(NOON) == 1
    assert statuses() == ["EXPIRED"]


# -- how much it asks --------------------------------------------------------------------------------------------------


def test_many_grants_ask_no_more_than_one() -> None:
    kinds = ["coins", "xp", "points", "kit", "badge", "box"]
    publish(
        metric("kills"),
        reward("coins"),
        reward("xp", "XP", 1),
        reward("points", "POINTS", 1),
        reward("kit", "ITEM", 0, items=items(("axe", 1), ("rope", 2))),
        reward("badge", "BADGE", 0),
        reward("box", "RANDOM", 0, table=[{"reward": "coins", "weight": 1}, {"reward": "kit", "weight": 1}]),
        achievement("first", requirement("COUNT", "kills", 1), rewards=kinds),
    )

    def asked(tag: str, players: int) -> int:
        batch = [event("e", f"{tag}{n}") for n in range(players)]
        with CaptureQueriesContext(connection) as captured:
            pipeline.process(batch, now=NOON)
        return sum("rewards_" in query["sql"] for query in captured)

    asked("warm", 1)
    assert asked("one", 1) == asked("many", 200)
    assert Distribution.objects.count() == 6 * 202
    assert_the_books_balance()
