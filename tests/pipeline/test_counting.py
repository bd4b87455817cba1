"""What counts where, and when something is complete, told sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from achievements.models import ProgressMark, Standing
from achievements.rules import AchievementRules
from gamification import backfilling
from gamification.kernel.content import publishing
from gamification.kernel.core.vocabulary import BackfillMode
from gamification.kernel.models import Event
from progress.backfill import schedule
from progress.models import MemberSeen, Player, WindowSample
from rewards.models import Distribution, Wallet
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward
from tests.support.playing import DAY, MINUTE, completed, kills, process

pytestmark = pytest.mark.django_db


# -- order -------------------------------------------------------------------------------------------------------------


def test_a_batch_counts_by_timestamp_and_id_however_it_is_written() -> None:
    publish(metric("hp", value_field="hp"), achievement("low", requirement("LATEST", "hp", 1, "lte")))
    process(event("c", at=3, hp=9), event("b", at=2, hp=1), event("a", at=2, hp=5))
    assert completed() == [("low", "0", 2)]
    assert Standing.objects.get().event_id == "b"


def test_latest_is_the_greatest_timestamp_and_id_not_the_last_to_arrive() -> None:
    publish(metric("hp", value_field="hp"))
    process(event("b", at=5, hp=1))
    assert process(event("a", at=5, hp=2)).metrics["ann"]["hp"]["latest"] == 1
    assert process(event("z", at=4, hp=3)).metrics["ann"]["hp"]["latest"] == 1
    assert process(event("c", at=5, hp=4)).metrics["ann"]["hp"]["latest"] == 4


def test_a_requirement_that_was_reached_between_two_events_of_a_batch_stays_met() -> None:
    publish(
        metric("gold", value_field="n"),
        metric("kills", "other"),
        achievement("exact", requirement("SUM", "gold", 10, "eq"), requirement("COUNT", "kills", 1)),
    )
    process(event("a", at=1, n=10), event("b", at=2, n=5), event("c", type_="other", at=3))
    assert completed() == [("exact", "0", 3)]


def test_a_hold_is_read_at_the_moment_of_completion() -> None:
    publish(
        metric("kills"),
        metric("deaths", "died"),
        achievement("flawless", requirement("COUNT", "kills", 3), requirement("COUNT", "deaths", 0, "lte")),
        achievement("careful", requirement("COUNT", "kills", 3), requirement("COUNT", "deaths", 1, "lte")),
    )
    process(event("a"), event("b", at=1), event("x", type_="died", at=2), event("c", at=3))
    assert completed() == [("careful", "0", 3)]


def test_completed_at_is_the_events_time_not_the_clocks() -> None:
    publish(metric("kills"), achievement("first", requirement("COUNT", "kills", 1)))
    outcome = process(event("a", at=-5 * DAY), now=NOON)
    assert completed() == [("first", "0", -5 * DAY)]
    assert outcome.facts[0].timestamp == NOON - timedelta(days=5)


# -- periods and runs --------------------------------------------------------------------------------------------------


def test_a_late_event_of_a_passed_period_counts_there() -> None:
    publish(metric("kills"), achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"))
    process(event("a"), event("b", at=DAY))
    process(event("late", at=1), now=NOON + timedelta(days=1))
    assert completed() == [("daily", "2026-11-20T00:00:00Z", 1)]


def test_each_period_completes_once() -> None:
    publish(metric("kills"), achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"))
    process(*kills(5), *kills(3, since=DAY, name="f"))
    process(*kills(5, since=100, name="g"))
    assert completed() == [("daily", "2026-11-20T00:00:00Z", 1), ("daily", "2026-11-21T00:00:00Z", DAY + 1)]
    assert Player.objects.get().points == 20


def test_an_overshoot_is_not_carried_over_into_the_next_run() -> None:
    publish(metric("gold", value_field="n"), achievement("again", requirement("SUM", "gold", 10), repeat="ALWAYS"))
    process(event("a", at=1, n=25), event("b", at=2, n=9))
    assert completed() == [("again", "1", 1)]
    process(event("c", at=3, n=1))
    assert completed() == [("again", "1", 1), ("again", "2", 3)]


@pytest.mark.parametrize("size", [1, 2, 9])
def test_a_run_counts_its_own_members_only(size: int) -> None:
    publish(
        metric("kinds", member_field="kind"), achievement("each", requirement("DISTINCT", "kinds", 3), repeat="ALWAYS")
    )
    batch = [event(f"e{i}", at=i, kind="xyz"[i % 3]) for i in range(9)]
    for i in range(0, 9, size):
        process(*batch[i : i + size])
    assert completed() == [("each", "1", 2), ("each", "2", 5), ("each", "3", 8)]
    assert MemberSeen.objects.count() == 0


def test_a_window_counts_the_samples_of_its_run_only() -> None:
    burst = requirement("COUNT", "kills", 3, timeframe=MINUTE)
    publish(metric("kills"), achievement("burst", burst, repeat="ALWAYS"))
    for one in kills(7, step=10):
        process(one)
    assert completed() == [("burst", "1", 20), ("burst", "2", 50)]


def test_a_window_of_a_new_run_holds_what_arrived_since_whenever_it_happened() -> None:
    burst = requirement("COUNT", "kills", 3, timeframe=MINUTE)
    publish(metric("kills"), achievement("burst", burst, repeat="ALWAYS"))
    for second in (40, 0, 20):  # complete at 40, by the one that came last
        process(event(f"e{second}", at=second))
    assert completed() == [("burst", "1", 20)]
    for second in (30, 10):  # between them, but the three of the first run are spent
        process(event(f"late{second}", at=second))
    assert completed() == [("burst", "1", 20)]
    process(event("more", at=45))
    assert completed() == [("burst", "1", 20), ("burst", "2", 45)]


def test_each_window_of_a_run_begins_anew_whichever_sample_completed_it() -> None:
    publish(
        metric("kills"),
        metric("jumps", "jumped"),
        achievement(
            "both",
            requirement("COUNT", "jumps", 1),
            requirement("COUNT", "kills", 2, timeframe=MINUTE),
            requirement("COUNT", "jumps", 2, timeframe=MINUTE),
            repeat="ALWAYS",
        ),
    )
    jumps = [event(f"j{n}", type_="jumped", at=2 + n) for n in range(4)]
    for one in (*kills(2), *jumps[:2]):
        process(one)
    assert completed() == [("both", "1", 3)]
    for one in jumps[2:]:  # the kills of the first run are no part of the second
        process(one)
    process(event("k3", at=6))
    assert completed() == [("both", "1", 3)]
    process(event("k4", at=7))
    assert completed() == [("both", "1", 3), ("both", "2", 7)]


def test_a_run_that_a_backfill_left_open_goes_on_with_what_it_had() -> None:
    burst = requirement("COUNT", "kills", 3, timeframe=MINUTE)
    publish(metric("kills"), achievement("other", requirement("COUNT", "kills", 50, timeframe=MINUTE)))
    for one in kills(5):
        process(one)
    publication = publish(achievement("burst", burst, repeat="ALWAYS"))
    schedule(publication.number, BackfillMode.DIGEST, NOON)
    backfilling.run_pending(NOON)
    assert completed() == [("burst", "1", 2)]
    process(event("f", at=5))
    assert completed() == [("burst", "1", 2), ("burst", "2", 5)]
    for one in kills(2, since=6, name="g"):
        process(one)
    assert completed() == [("burst", "1", 2), ("burst", "2", 5)]


def test_a_run_of_before_that_listed_its_samples_goes_on_with_them() -> None:
    publish(metric("kills"), achievement("burst", requirement("COUNT", "kills", 3, timeframe=MINUTE), repeat="ALWAYS"))
    for one in kills(3):
        process(one)
    WindowSample.objects.update(arrival=0)
    standing = Standing.objects.get(occurrence="*")
    [digest] = {r.digest for r in publishing.current()[AchievementRules].by_id["burst"].goal.requirements}
    standing.memory = {"runs": 1, digest: False, f"{digest}:best": 1, f"samples:{digest}": ["e02"]}
    standing.save()
    process(event("f1", at=4))
    assert completed() == [("burst", "1", 2)]
    process(event("f2", at=5))
    assert completed() == [("burst", "1", 2), ("burst", "2", 5)]


def test_two_occurrences_pay_twice_each_under_its_name() -> None:
    publish(
        metric("kills"),
        reward("coin"),
        achievement("again", requirement("COUNT", "kills", 2), repeat="ALWAYS", rewards=["coin", "coin"]),
        achievement("daily", requirement("COUNT", "kills", 4), repeat="DAILY", rewards=["coin"]),
    )
    process(*kills(4))
    granted = Distribution.objects.order_by("source_id", "occurrence", "line")
    assert list(granted.values_list("source_id", "occurrence", "line", "status")) == [
        ("again", "1", 0, "CLAIMED"),
        ("again", "1", 1, "CLAIMED"),
        ("again", "2", 0, "CLAIMED"),
        ("again", "2", 1, "CLAIMED"),
        ("daily", "2026-11-20T00:00:00Z", 0, "CLAIMED"),
    ]
    assert Wallet.objects.get().balance == 25


def test_a_streak_is_of_the_players_own_days() -> None:
    publish(metric("kills"), achievement("regular", requirement("STREAK", "kills", 3)))
    Player.objects.create(player_id="ann", zones=[["", "Pacific/Auckland"]], backfilled_to=99)
    # At noon UTC a new day is an hour old there (it is summer): three of theirs within two of UTC's.
    process(event("a", at=-7200), event("b", at=0), event("c", at=DAY))
    assert completed() == [("regular", "0", DAY)]


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_late_event_may_complete_a_window_that_ends_after_it_at_the_late_events_time() -> None:
    publish(metric("kills"), achievement("burst", requirement("COUNT", "kills", 3, timeframe=MINUTE)))
    process(event("a", at=0), event("b", at=50))
    process(event("late", at=20))
    assert completed() == [("burst", "0", 20)]


def test_a_window_is_open_at_its_beginning() -> None:
    publish(metric("kills"), achievement("burst", requirement("COUNT", "kills", 2, timeframe=MINUTE)))
    process(event("a", at=0), event("b", at=60))
    assert completed() == []
    process(event("c", at=119.999999))
    assert completed() == [("burst", "0", 120)]


def test_samples_more_than_35_days_late_count_in_all_but_windows() -> None:
    publish(
        metric("kills"),
        achievement("burst", requirement("COUNT", "kills", 2, timeframe=MINUTE)),
        achievement("three", requirement("COUNT", "kills", 3)),
    )
    process(event("new", at=0))
    process(event("old1", at=-35 * DAY - 1), event("old2", at=-35 * DAY - 2))
    assert completed() == [("three", "0", -35 * DAY - 1)]
    process(event("edge1", at=-35 * DAY), event("edge2", at=-35 * DAY + 1))
    assert completed() == [("three", "0", -35 * DAY - 1), ("burst", "0", -35 * DAY + 1)]


def test_the_newest_sample_is_remembered_from_batch_to_batch_even_where_it_was_in_no_window() -> None:
    publish(
        metric("kills"),
        achievement("burst", requirement("COUNT", "kills", 2, timeframe=MINUTE), starts_at="2026-01-01T00:00:00Z"),
    )
    process(event("new", at=0))
    for n, at in enumerate((-40 * DAY, -40 * DAY + 1)):
        process(event(f"old{n}", at=at))
    assert completed() == []


def test_windows_hold_only_samples_within_the_dates() -> None:
    opens = NOON + timedelta(seconds=30)
    burst = requirement("COUNT", "kills", 2, timeframe=MINUTE)
    publish(metric("kills"), achievement("burst", burst, starts_at=opens.isoformat()))
    process(event("a", at=29), event("b", at=30))
    assert completed() == []
    process(event("c", at=31))
    assert completed() == [("burst", "0", 31)]


# -- what stands in the way --------------------------------------------------------------------------------------------


def test_a_disabled_achievement_counts_on_but_does_not_complete() -> None:
    asleep = achievement("asleep", requirement("SUM", "kills", 2), is_enabled=False)
    publish(metric("kills"), asleep)
    process(*kills(5))
    assert completed() == []
    assert Player.objects.get().achievements_completed == 0
    assert Standing.objects.get().memory == {next(iter(Standing.objects.get().memory)): True}
    assert Event.objects.filter(type="achievement.completed").count() == 0


def test_what_only_waited_completes_at_that_very_event_without_a_round() -> None:
    publish(
        metric("kills"),
        *(achievement(f"a{n}", prerequisites=[f"a{n + 1}"]) for n in range(20)),
        achievement("a20", requirement("COUNT", "kills", 2)),
        achievement("both", {"type": "ACHIEVEMENT", "target": "a0"}, requirement("COUNT", "kills", 1)),
    )
    outcome = process(*kills(2))
    assert {(id_, at) for id_, _, at in completed()} == {("both", 1), *((f"a{n}", 1) for n in range(21))}
    assert outcome.held == {}


def test_within_its_dates_any_event_may_complete_what_waited_for_another() -> None:
    publish(
        metric("kills"),
        achievement("first", requirement("COUNT", "kills", 1)),
        achievement("later", prerequisites=["first"], starts_at=(NOON + timedelta(hours=1)).isoformat()),
        achievement("never", prerequisites=["first"], ends_at=NOON.isoformat()),
    )
    process(event("a"))
    assert completed() == [("first", "0", 0)]
    process(event("b", type_="door.opened", at=3600))
    assert completed() == [("first", "0", 0), ("later", "0", 3600)]


def test_what_waited_for_another_in_a_period_reads_what_was_counted_there() -> None:
    publish(
        metric("kills"),
        metric("bosses", "boss.killed"),
        achievement("slayer", requirement("COUNT", "bosses", 1)),
        achievement("daily", requirement("COUNT", "kills", 2), prerequisites=["slayer"], repeat="DAILY"),
        achievement("quiet", {"type": "ACHIEVEMENT", "target": "slayer"}, requirement("COUNT", "kills", 0, "lte"),
                    repeat="DAILY"),
    )  # fmt: skip
    process(*kills(2))
    process(event("boss", type_="boss.killed", at=DAY))
    assert completed() == [("quiet", "2026-11-21T00:00:00Z", DAY), ("slayer", "0", DAY)]
    process(event("rest", type_="slept", at=60))  # the day before: nothing was killed in its place
    assert completed()[0] == ("daily", "2026-11-20T00:00:00Z", 60)
    assert len(completed()) == 3


# -- history -----------------------------------------------------------------------------------------------------------


def marks() -> list[tuple[str, int, int, float]]:
    rows: Sequence[ProgressMark] = list(ProgressMark.objects.order_by("achievement_id", "occurrence", "quarter"))
    return [(m.occurrence, m.quarter, round((m.at - NOON).total_seconds()), m.progress) for m in rows]


def test_quarters_are_read_at_the_end_of_a_batch_at_its_last_event_that_counted() -> None:
    publish(metric("kills"), achievement("eight", requirement("COUNT", "kills", 8)))
    process(*kills(1))
    assert marks() == []
    process(*kills(3, since=10, name="f"), event("rest", type_="slept", at=500))
    assert marks() == [("0", 1, 12, 0.5), ("0", 2, 12, 0.5)]
    process(*kills(3, since=20, name="g"))
    assert marks() == [("0", 1, 12, 0.5), ("0", 2, 12, 0.5), ("0", 3, 22, 0.875)]
    process(*kills(9, since=30, name="h"))
    assert len(marks()) == 3


def test_the_last_event_of_a_batch_is_its_latest_not_one_that_it_caused() -> None:
    publish(
        metric("kills"),
        metric("done", "achievement.completed"),
        achievement("first", requirement("COUNT", "kills", 1)),
        achievement("four", requirement("COUNT", "kills", 4)),
    )
    process(*kills(3, step=10))
    assert marks() == [("0", quarter, 20, 0.75) for quarter in (1, 2, 3)]


def test_where_only_a_prerequisite_stands_in_the_way_progress_is_whole() -> None:
    publish(
        metric("kills"), metric("bosses", "boss.killed"), achievement("boss", requirement("COUNT", "bosses", 1)),
        achievement("two", requirement("COUNT", "kills", 2), prerequisites=["boss"]),
    )  # fmt: skip
    process(*kills(3))
    assert marks() == [("0", quarter, 2, 1.0) for quarter in (1, 2, 3)]


def test_one_days_completion_does_not_hide_the_next_days_quarters() -> None:
    publish(metric("kills"), achievement("daily", requirement("COUNT", "kills", 2), repeat="DAILY"))
    process(*kills(2), event("next", at=DAY))
    assert marks() == [("2026-11-21T00:00:00Z", quarter, DAY, 0.5) for quarter in (1, 2)]


def test_a_player_who_is_new_has_nothing_to_fill() -> None:
    number = publish(metric("kills")).number
    process(event("a"))
    assert Player.objects.get().backfilled_to == number


def test_a_batch_of_many_players_gives_each_their_own() -> None:
    publish(metric("kills"), achievement("two", requirement("COUNT", "kills", 2)))
    process(*(event(f"e{i}", f"p{i % 7}", at=i) for i in range(20)))
    assert {p: completed(p)[0][2] for p in (f"p{n}" for n in range(7))} == {f"p{n}": n + 7 for n in range(7)}
