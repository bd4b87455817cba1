"""What was published late counts what players had already done."""

import pytest

from achievements.models import Achievement, Standing
from gamification import backfilling, pipeline
from gamification.feed.models import Message
from progress.backfill import schedule, schedule_preview
from progress.models import Backfill, Player, Tally
from rewards.models import Wallet
from tests.pipeline.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db


def publish_and_fill(*changes):
    publication = publish(*changes)
    schedule(publication.number, "DIGEST", NOON)
    backfilling.run_pending(NOON)
    return publication


def completions():
    rows = Standing.objects.filter(completed_at__isnull=False).order_by("completed_at", "achievement_id")
    found = rows.values_list("achievement_id", "player_id", "occurrence", "completed_at")
    return [(*row, int((at - NOON).total_seconds())) for *row, at in found if at]


def tallies(player):
    rows = Tally.objects.filter(player_id=player).exclude(metric_id="kills")
    return sorted(rows.values_list("metric_id", "scope", "count", "sum", "max", "min", "latest", "members"))


def test_a_new_achievement_counts_what_was_done_before_and_pays():
    publish(metric("kills"), reward("coin"))
    pipeline.process([event(f"e{i}", at=i) for i in range(12)], now=NOON)
    publish_and_fill(achievement("ten", requirement("COUNT", "kills", 10), rewards=["coin"]))
    assert completions() == [("ten", "ann", "0", 9)]
    assert Wallet.objects.get().balance == 5
    [message] = Message.objects.all()
    assert (message.type, message.data) == (
        "backfill.digest", {"achievements": ["ten"], "points": 10, "rewards": ["coin"]},
    )  # fmt: skip
    assert Player.objects.get().achievements_completed == 1


def test_a_second_run_changes_nothing():
    publish(metric("kills"), reward("coin"))
    pipeline.process([event(f"e{i}", at=i) for i in range(12)], now=NOON)
    publish_and_fill(achievement("ten", requirement("COUNT", "kills", 10), rewards=["coin"]))
    Player.objects.update(filled=0)
    backfilling.run_pending(NOON)
    assert completions() == [("ten", "ann", "0", 9)]
    assert Wallet.objects.get().balance == 5
    assert Tally.objects.get(scope="", metric_id="kills").count == 12


def test_a_new_metric_in_every_scope_is_counted_as_if_it_had_always_been_there():
    everything = [
        metric("hits", value_field="hp", member_field="weapon"),
        achievement("sum", requirement("SUM", "hits", 30)),
        achievement("weapons", requirement("DISTINCT", "hits", 3)),
        achievement("burst", requirement("COUNT", "hits", 3, timeframe={"duration": 2, "unit": "minutes"})),
        achievement("daily", requirement("COUNT", "hits", 4), repeat="DAILY"),
        achievement("always", requirement("COUNT", "hits", 5), repeat="ALWAYS"),
        achievement("after", prerequisites=["sum"]),
        achievement("low", requirement("LATEST", "hits", 3, "lte"), requirement("COUNT", "hits", 6)),
        metric("done", "achievement.completed"),
        achievement("three", requirement("COUNT", "done", 3)),
    ]

    def play(player):
        return [event(f"e{i:02}", player, at=i * 50, hp=i % 7, weapon=f"w{i % 4}") for i in range(14)]

    publish(metric("kills"))
    pipeline.process(play("ann"), now=NOON)
    publish_and_fill(*everything)
    pipeline.process(play("bob"), now=NOON)
    assert tallies("ann") == tallies("bob")
    assert [(c[0], *c[2:]) for c in completions() if c[1] == "ann"] == [
        (c[0], *c[2:]) for c in completions() if c[1] == "bob"
    ]
    assert {c[0] for c in completions()} == {"sum", "weapons", "burst", "daily", "always", "after", "low", "three"}


def test_until_a_player_is_filled_new_content_neither_counts_nor_completes():
    publish(metric("kills"))
    pipeline.process([event("e1")], now=NOON)
    publication = publish(achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"))
    pipeline.process([event("e2", at=1), event("e3", at=2)], now=NOON)
    assert completions() == []
    schedule(publication.number, "DIGEST", NOON)
    backfilling.run_pending(NOON)
    assert completions() == [("daily", "ann", "2026-11-20T00:00:00Z", 1)]


def test_enabling_an_achievement_unlocks_who_already_qualifies():
    publish(metric("kills"), achievement("two", requirement("COUNT", "kills", 2), is_enabled=False))
    pipeline.process([event("e1"), event("e2", at=5)], now=NOON)
    assert completions() == []
    publish_and_fill(achievement("two", requirement("COUNT", "kills", 2)))
    assert completions() == [("two", "ann", "0", 5)]


def test_who_completed_the_old_version_keeps_it_and_is_not_paid_again():
    publish(metric("kills"), reward("coin"), achievement("two", requirement("COUNT", "kills", 2), rewards=["coin"]))
    pipeline.process([event("e1"), event("e2", at=5), event("b1", "bob")], now=NOON)
    publish_and_fill(achievement("two", requirement("COUNT", "kills", 3), rewards=["coin"]))
    pipeline.process([event("e3", at=9), event("b2", "bob", at=9), event("b3", "bob", at=10)], now=NOON)
    assert completions() == [("two", "ann", "0", 5), ("two", "bob", "0", 10)]
    assert Wallet.objects.get(player_id="ann").balance == 5


def test_a_preview_counts_and_changes_nothing():
    publish(metric("kills"))
    pipeline.process([event("e1"), event("e2", at=1), event("b1", "bob")], now=NOON)
    definition = achievement("two", requirement("COUNT", "kills", 2)).definition
    assert definition is not None
    publish(achievement("other", requirement("COUNT", "kills", 9)))
    job = schedule_preview("achievement", definition, NOON)
    Achievement.objects.create(id="two", serial=77, title="two")
    backfilling.run_pending(NOON)
    job.refresh_from_db()
    assert (job.state, job.players_done, job.players_total, job.would_complete) == (Backfill.State.DONE, 2, 2, 1)
    assert completions() == []
