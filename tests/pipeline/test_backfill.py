"""What was published late counts what players had already done."""

from datetime import timedelta

import pytest
from django.test import Client

from achievements.models import Achievement, Standing
from gamification import backfilling, pipeline
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.models import Event
from gamification.players.commands import ChangeProfile
from progress.backfill import schedule, schedule_preview
from progress.models import Backfill, LeftOut, Player, Tally
from progress.rules.vocabulary import WITH_A_METRIC
from rewards.models import Distribution, Wallet
from rewards.rules import distribution_id
from tests.support.callers import game_server
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward

pytestmark = pytest.mark.django_db


def publish_and_fill(*changes):
    publication = publish(*changes)
    schedule(publication.number, BackfillMode.DIGEST, NOON)
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
    Player.objects.update(backfilled_to=0)
    assert backfilling.run_pending(NOON) == 1
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


@pytest.mark.parametrize("type_", WITH_A_METRIC)
def test_a_new_requirement_on_an_old_metric_is_counted_as_if_it_had_always_been_there(type_):
    def play(player):
        days = [event(f"e{i}", player, at=i * 86400, hp=i % 3, weapon=f"w{i % 4}") for i in range(-9, -3)]
        pipeline.process(days, now=NOON)

    publish(metric("hits", value_field="hp", member_field="weapon"))
    play("ann")
    publish_and_fill(achievement("far", requirement(type_, "hits", 99)))
    play("bob")
    columns = [name for name in Tally.shown_to_player if name != "player_id"]
    ann, bob = (list(Tally.objects.filter(player_id=player).values(*columns)) for player in ("ann", "bob"))
    assert ann == bob != []


def test_until_a_player_is_backfilled_new_content_neither_counts_nor_completes():
    publish(metric("kills"))
    pipeline.process([event("e1")], now=NOON)
    publication = publish(achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"))
    pipeline.process([event("e2", at=1), event("e3", at=2)], now=NOON)
    assert completions() == []
    schedule(publication.number, BackfillMode.DIGEST, NOON)
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
    job = schedule_preview("achievement", definition, SYSTEM, NOON)
    Achievement.objects.create(id="two", serial=77, title="two")
    backfilling.run_pending(NOON)
    job.refresh_from_db()
    assert (job.state, job.players_done, job.players_total, job.would_complete) == (Backfill.State.DONE, 2, 2, 1)
    assert completions() == []


# -- a past that cannot be replayed ------------------------------------------------------------------------------------


def spoil(player):
    """A kept event that no release of the service can read."""
    Event.objects.create(
        player_id=player,
        event_id="spoilt",
        type="quest.completed",
        data={},
        timestamp=NOON,
        received_at=NOON,
    )


def play_of_45():
    publish(metric("kills"), reward("coin"))
    pipeline.process([event("e", f"p{n:02}") for n in range(45)], now=NOON)
    return achievement("one", requirement("COUNT", "kills", 1), rewards=["coin"])


def shown(job):
    return game_server().get(f"/api/v1/backfills/{job.pk}").json()


def test_whose_past_cannot_be_replayed_is_left_out_by_name_and_the_others_are_backfilled():
    one = play_of_45()
    spoil("p00")
    spoil("p17")
    publish_and_fill(one)
    assert {c[1] for c in completions()} == {f"p{n:02}" for n in range(45)} - {"p00", "p17"}
    assert Wallet.objects.count() == 43
    said = shown(Backfill.objects.get())
    assert (said["state"], said["players_done"], said["players_total"]) == ("DONE", 43, 45)
    assert said["left_out"] == [{"player_id": id_, "reason": "KeyError: 'id'"} for id_ in ("p00", "p17")]
    assert backfilling.run_pending(NOON) == 0  # and does not keep the clock busy


def test_who_was_left_out_is_tried_again_by_the_next_backfill_and_by_the_clock():
    one = play_of_45()
    spoil("p00")
    publish_and_fill(one)
    publish_and_fill(achievement("two", requirement("COUNT", "kills", 2)))
    assert LeftOut.objects.get().backfill == Backfill.objects.latest("id").pk
    Event.objects.filter(event_id="spoilt").delete()
    assert backfilling.run_pending(NOON + timedelta(minutes=59)) == 0
    assert backfilling.run_pending(NOON + timedelta(minutes=61)) == 1
    assert ("one", "p00", "0", 0) in completions()
    assert [shown(job)["left_out"] for job in Backfill.objects.all()] == [[], []]


def test_somebody_has_a_backfill_run_again_for_whom_it_left_out(admin_client: Client):
    one = play_of_45()
    spoil("p00")
    publish_and_fill(one)
    page = admin_client.get(f"/admin/progress/backfill/{Backfill.objects.get().pk}/change/")
    assert b"KeyError" in page.content
    Event.objects.filter(event_id="spoilt").delete()
    sent = {"_selected_action": Backfill.objects.get().pk, "action": "run_again"}
    admin_client.post(page.context["list_address"], sent)
    assert backfilling.run_pending(NOON) == 1
    said = shown(Backfill.objects.get())
    assert (said["players_done"], said["players_total"], said["would_complete"], said["left_out"]) == (1, 1, 45, [])


def test_erasing_forgets_that_somebody_was_left_out():
    one = play_of_45()
    spoil("p00")
    publish_and_fill(one)
    assert game_server().delete("/api/v1/players/p00").status_code == 204
    assert not LeftOut.objects.exists()


def test_a_preview_leaves_out_a_past_that_cannot_be_replayed():
    one = play_of_45()
    spoil("p00")
    job = schedule_preview("achievement", one.definition, SYSTEM, NOON)
    Achievement.objects.create(id="one", serial=77, title="one")
    backfilling.run_pending(NOON)
    job.refresh_from_db()
    assert (job.state, job.would_complete) == (Backfill.State.DONE, 44)
    assert job.detail.startswith("The pasts of 1 players")


def test_a_preview_that_failed_counts_when_it_is_run_again(admin_client: Client):
    one = play_of_45()
    job = schedule_preview("achievement", one.definition, SYSTEM, NOON)
    Backfill.objects.update(state=Backfill.State.FAILED, cursor=backfilling.END, players_done=20, would_complete=20)
    Achievement.objects.create(id="one", serial=77, title="one")
    admin_client.post("/admin/progress/backfill/", {"_selected_action": job.pk, "action": "run_again"})
    backfilling.run_pending(NOON)
    job.refresh_from_db()
    assert (job.state, job.players_done, job.would_complete) == (Backfill.State.DONE, 45, 45)


# -- who is backfilled later -------------------------------------------------------------------------------------------


def test_who_was_first_seen_while_it_was_published_is_backfilled_by_the_clock():
    publish(metric("kills"))
    publish_and_fill(achievement("one", requirement("COUNT", "kills", 1)))
    pipeline.process([event("e1")], now=NOON)
    Player.objects.update(backfilled_to=1)  # as a batch left it that began before the publication
    publish_and_fill(achievement("two", requirement("COUNT", "kills", 1)))
    Player.objects.update(backfilled_to=1)
    assert backfilling.run_pending(NOON) == 1
    assert {c[0] for c in completions()} == {"one", "two"}


def test_who_is_banned_is_backfilled_when_they_are_not_any_more(django_capture_on_commit_callbacks):
    publish(metric("kills"), reward("coin"))
    pipeline.process([event("e", player) for player in ("ann", "bob")], now=NOON)
    bus.handle(ChangeProfile(player_id="ann", changes={"banned": True}), actor=SYSTEM, now=NOON)
    publish_and_fill(achievement("one", requirement("COUNT", "kills", 1), rewards=["coin"]))
    assert [c[1] for c in completions()] == ["bob"]
    said = shown(Backfill.objects.get())
    assert (said["state"], said["players_done"], said["players_total"], said["left_out"]) == ("DONE", 1, 1, [])
    with django_capture_on_commit_callbacks(execute=True):
        bus.handle(ChangeProfile(player_id="ann", changes={"banned": False}), actor=SYSTEM, now=NOON)
    assert {c[1] for c in completions()} == {"ann", "bob"}
    assert Wallet.objects.get(player_id="ann").balance == 5


# -- what is there already ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [[], [Distribution, Standing]])
def test_what_was_given_already_sinks_no_batch_and_is_not_paid_again(caplog, lost):
    publish(metric("kills"), reward("coin"), achievement("one", requirement("COUNT", "kills", 1), rewards=["coin"]))
    pipeline.process([event("e", "ann")], now=NOON)
    given = distribution_id("ann", "ACHIEVEMENT", "one", "0", 0)
    Player.objects.update(earned=b"")  # as after half a restore
    for table in (Tally, *lost):
        table.objects.all().delete()
    outcome = pipeline.process([event("e2", "ann"), event("e2", "bob")], now=NOON)
    assert outcome.accepted == 2
    assert {w.player_id: w.balance for w in Wallet.objects.all()} == {"ann": 5, "bob": 5}
    assert str(given) in caplog.text
