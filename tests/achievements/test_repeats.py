"""What was completed or revoked is not earned again, whatever becomes of `repeat`, thresholds and retirement."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from achievements.commands import RevokeAchievement
from achievements.models import Standing
from gamification import backfilling
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.vocabulary import BackfillMode
from progress.backfill import schedule
from progress.models import Backfill, Player
from rewards.models import Wallet
from tests.support.callers import game_server
from tests.support.content import NOON, achievement, event, metric, publish, quest, requirement, reward, step
from tests.support.playing import DAY, completed, process

pytestmark = pytest.mark.django_db

MONDAY, TUESDAY = -4 * DAY, -3 * DAY  # before NOON, a Friday


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def kill(*seconds: float, player: str = "ann", name: str = "") -> None:
    """A kill at each of these instants, each in a batch of its own then."""
    for second in seconds:
        process(event(f"e{name}{second:g}", player, at=second), now=at(second))


def edited(*changes: Change, when: float) -> None:
    """Publish, and fill every player."""
    schedule(publish(*changes, now=at(when)).number, BackfillMode.SILENT, at(when))
    backfilling.run_pending(at(when))
    assert not Backfill.objects.exclude(state=Backfill.State.DONE).exists()


def hunter(count: int, repeat: str = "NEVER") -> Change:
    return achievement("hunter", requirement("COUNT", "kills", count), repeat=repeat, rewards=["coin"])


def game(count: int, repeat: str = "NEVER") -> None:
    publish(metric("kills"), reward("coin"), hunter(count, repeat), now=at(-20 * DAY))


def revoke(player: str = "ann", occurrence: str | None = None, when: float = 1) -> None:
    bus.handle(
        RevokeAchievement(player_id=player, achievement_id="hunter", reason="cheated", occurrence=occurrence),
        actor=SYSTEM,
        now=at(when),
    )


def gold(player: str = "ann") -> int:
    return sum(Wallet.objects.filter(player_id=player).values_list("balance", flat=True))


def occurrences(player: str = "ann") -> list[str]:
    return [occurrence for _, occurrence, _ in completed(player)]


def assert_paid_as_earned(player: str = "ann") -> None:
    """Money, points and count are those of the completions that stand."""
    stand = Standing.objects.filter(player_id=player, completed_at__isnull=False, revoked_at=None).count()
    found = Player.objects.get(pk=player)
    assert (gold(player), found.points, found.achievements_completed) == (5 * stand, 10 * stand, stand)


# -- what was revoked --------------------------------------------------------------------------------------------------


def test_a_revoked_run_is_spent_and_nobody_else_waits_for_it() -> None:
    game(3, "ALWAYS")
    kill(*range(5))
    kill(*range(5), player="bob")
    revoke()
    edited(hunter(5, "ALWAYS"), when=10)
    kill(*range(11, 14))
    kill(*range(11, 14), player="bob")
    assert occurrences() == ["1"]  # it was revoked whole
    assert occurrences("bob") == ["1", "2"]
    assert_paid_as_earned()
    assert_paid_as_earned("bob")


def test_a_run_revoked_alone_is_spent_and_the_next_bears_the_next_number() -> None:
    game(3, "ALWAYS")
    kill(*range(5))
    revoke(occurrence="1")
    edited(hunter(5, "ALWAYS"), when=10)
    assert occurrences() == ["1"]
    kill(*range(11, 14))
    assert occurrences() == ["1", "2"]
    edited(hunter(2, "ALWAYS"), when=20)
    kill(21, 22)
    assert occurrences() == ["1", "2", "3"]
    assert_paid_as_earned()


def test_what_was_revoked_as_one_of_many_is_not_earned_as_the_only_one() -> None:
    game(1)
    kill(0, 1)
    edited(hunter(1, "DAILY"), when=10)
    revoke(when=11)
    edited(hunter(3), when=12)
    process(event("e20", at=20), event("b20", "bob", at=20), now=at(20))
    assert occurrences() == ["0"]
    assert occurrences("bob") == []
    assert_paid_as_earned()


@pytest.mark.parametrize("repeat", ["DAILY", "WEEKLY", "MONTHLY", "ALWAYS"])
def test_what_was_revoked_whole_stays_revoked_under_any_repeat(repeat: str) -> None:
    game(1)
    kill(*(-day * DAY for day in reversed(range(10))))
    revoke()
    edited(hunter(1, repeat), when=10)
    kill(11, DAY, 9 * DAY, 40 * DAY)
    assert occurrences() == ["0"]
    assert_paid_as_earned()
    read = game_server().get("/api/v1/achievements/hunter/progress?player_id=ann").json()
    assert (read["is_completed"], read["completions"], "revoked_at" in read) == (False, 0, True)


def test_of_days_that_were_revoked_one_by_one_the_later_ones_are_earned_as_ever() -> None:
    game(1, "DAILY")
    kill(0)
    revoke(occurrence="2026-11-20T00:00:00Z")
    kill(2, DAY)
    assert occurrences() == ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"]
    edited(hunter(1), when=DAY + 1)
    kill(DAY + 2)
    assert len(occurrences()) == 2
    assert_paid_as_earned()


def test_the_only_occurrence_revoked_by_its_name_stays_revoked_as_long_as_it_is_the_only_one() -> None:
    game(1)
    kill(0)
    revoke(occurrence="0")
    edited(hunter(2), when=10)
    kill(11, 12)
    assert occurrences() == ["0"]
    edited(hunter(1, "DAILY"), when=20)
    kill(21, DAY)
    assert occurrences() == ["0", "2026-11-21T00:00:00Z"]
    assert_paid_as_earned()


@pytest.mark.parametrize("is_known_again", [False, True])
def test_what_is_revoked_while_it_is_retired_no_quest_finds(is_known_again: bool) -> None:
    asks = {"type": "ACHIEVEMENT", "target": "hunter"}
    first = step("first", requirement("COUNT", "kills", 2))
    game(1)
    publish(quest("proof", first, step("second", asks, order=2), auto_start=True), now=at(-20 * DAY))
    kill(0)
    publish(quest("proof", first), Change("achievement", "hunter", None), now=at(1))
    revoke(when=2)
    if is_known_again:
        edited(hunter(1), when=3)
    kill(4, 5)
    read = game_server().get("/api/v1/quests/proof/progress?player_id=ann").json()
    assert (read["status"], read["step_progress"]) == ("IN_PROGRESS", {"first": 1, "second": 0})
    assert_paid_as_earned()


# -- a change of repeat ------------------------------------------------------------------------------------------------


def test_from_once_to_daily_only_days_that_open_after_count() -> None:
    game(1)
    kill(*(-day * DAY for day in reversed(range(4))))
    edited(hunter(1, "DAILY"), when=10)
    kill(20, 30)
    assert occurrences() == ["0"]
    kill(DAY, DAY + 1)
    assert occurrences() == ["0", "2026-11-21T00:00:00Z"]
    assert_paid_as_earned()


def test_from_daily_to_weekly_the_week_is_not_paid_again_be_it_tuesday_or_monday() -> None:
    game(1, "DAILY")
    kill(TUESDAY)
    kill(MONDAY, player="bob")
    edited(hunter(1, "WEEKLY"), when=TUESDAY + 10)
    for player in ("ann", "bob"):
        kill(TUESDAY + 20, TUESDAY + DAY, player=player)
        assert len(occurrences(player)) == 1
        kill(3 * DAY, player=player)
        assert occurrences(player)[1:] == ["2026-11-23T00:00:00Z"]
        assert_paid_as_earned(player)


def test_from_daily_to_always_only_samples_that_arrive_after_count() -> None:
    game(3, "DAILY")
    kill(*range(15))
    publish(hunter(3, "ALWAYS"), now=at(20))
    kill(21)  # while the backfill is yet to come
    edited(reward("other"), when=22)
    assert occurrences() == ["2026-11-20T00:00:00Z"]
    kill(23, 24)
    assert occurrences() == ["2026-11-20T00:00:00Z", "1"]
    assert_paid_as_earned()


def test_what_was_completed_while_it_was_published_is_not_counted_once_more() -> None:
    game(1)
    kill(11)  # its batch began after the publication did, and was the first to commit
    edited(hunter(1, "ALWAYS"), when=10)
    assert occurrences() == ["0"]
    kill(12)
    assert occurrences() == ["0", "1"]
    assert_paid_as_earned()


def test_always_again_goes_on_with_the_numbers() -> None:
    game(2, "ALWAYS")
    kill(0, 1, 2)
    edited(hunter(2, "DAILY"), when=10)
    edited(hunter(2, "ALWAYS"), when=11)
    kill(12)
    assert occurrences() == ["1"]  # what the first run after it had begun does not count
    kill(13)
    assert occurrences() == ["1", "2"]
    assert_paid_as_earned()


def test_who_had_nothing_before_is_paid_for_what_they_did() -> None:
    game(3)
    kill(MONDAY, TUESDAY)
    edited(hunter(1, "DAILY"), when=TUESDAY + 10)
    assert occurrences() == ["2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z"]
    assert_paid_as_earned()


def test_what_a_week_reached_is_not_reached_in_the_day_that_opens_with_it() -> None:
    def peak(count: int, repeat: str) -> Change:
        high, some = requirement("LATEST", "hp", 5), requirement("COUNT", "kills", count)
        return achievement("peak", high, some, repeat=repeat)

    publish(metric("kills"), metric("hp", value_field="hp"), peak(9, "WEEKLY"), now=at(-20 * DAY))
    monday = [event(f"m{n}", at=MONDAY + n, hp=1) for n in range(2)]
    process(*monday, event("t", at=TUESDAY, hp=7), now=at(TUESDAY))
    edited(peak(3, "DAILY"), when=TUESDAY + 1)
    tuesday = [event(f"t{n}", at=TUESDAY + n, hp=1) for n in (2, 3)]
    process(event("m3", at=MONDAY + 3, hp=1), *tuesday, now=at(TUESDAY + 3))
    assert occurrences() == ["2026-11-17T00:00:00Z"]


def test_a_day_that_does_not_count_shows_nothing_and_explains_itself() -> None:
    game(2)
    kill(0, 1)
    edited(hunter(2, "DAILY"), when=10)
    kill(20, 21)
    studio = game_server()
    with time_machine.travel(at(30), tick=False):
        read = studio.get("/api/v1/achievements/hunter/progress?player_id=ann").json()
        why = studio.get("/api/v1/achievements/hunter/explain?player_id=ann").json()
    assert (read["is_completed"], read["completions"], read["progress"]) == (False, 1, 0)
    assert read["metrics"] == {"kills": 0}
    assert [each["code"] for each in why["blocked_by"]] == ["repeat_changed"]


def test_a_period_that_waited_for_another_achievement_is_completed_once_when_the_past_is_counted_again() -> None:
    game(1, "WEEKLY")
    publish(achievement("month", prerequisites=["hunter"], repeat="MONTHLY", rewards=["coin"]), now=at(-19 * DAY))
    kill(0)
    edited(reward("other"), when=1)
    for _ in range(2):
        Player.objects.update(backfilled_to=0)
        assert backfilling.run_pending(at(2)) == 1
    assert completed() == [("hunter", "2026-11-16T00:00:00Z", 0), ("month", "2026-11-01T00:00:00Z", 0)]
    assert_paid_as_earned()
