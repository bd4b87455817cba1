"""The profiler with shares: each looks at its own players, and what it finds is one queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from anticheat import cohort_rows, profiling
from anticheat.models import CohortPart, PlayProfile, Rule, StatisticalFinding
from anticheat.playing import Player
from anticheat.proving import make_defaults
from gamification import pipeline
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.storage import shares
from gamification.review import opening
from gamification.review.models import Case
from gamification.review.tasks import weigh_cases
from tests.support.content import achievement, metric, publish, requirement, reward
from tests.support.sharing import everywhere, in_share, one_of_each, player_of
from tests.support.waiting import until

START = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    make_defaults()
    profiling._known.clear()
    yield
    profiling._known.clear()


def acts(who: str, many: int, luck: Random, every: float | None = None) -> list[GameEvent]:
    at, found = START, []
    for number in range(many):
        at += timedelta(seconds=every if every else luck.lognormvariate(1.5, 0.9))
        found.append(GameEvent(f"{who}-{number}", who, luck.choice(("hit", "jump")), {"amount": number % 9}, at))
    return found


def send(*players: list[GameEvent], size: int = 60) -> datetime:
    now = START
    for first in range(0, max(map(len, players)), size):
        batch = [event for events in players for event in events[first : first + size]]
        now = max(event.timestamp for event in batch)
        process(batch, now)
    return now


def process(events: list[GameEvent], now: datetime) -> None:
    """A batch a share, as its queue would give it."""
    for part in shares.by_share(events, lambda event: event.player_id).values():
        pipeline.process(part, now=now)


def catch_up() -> None:
    def done() -> bool:
        profiling.follow(START)
        return profiling.OF_EVENTS.behind() == 0

    for share in shares.every():
        with shares.within(share):
            until(done)


def kept() -> list[tuple[int, str, bytes]]:
    return [
        (share, key, bytes(state))
        for share in shares.every()
        for key, state in in_share(share, PlayProfile.objects.order_by("pk").values_list("player_id", "state"))
    ]


def test_each_share_keeps_profiles_of_its_own_players_and_comes_to_the_same_again() -> None:
    people = [acts(player, 130, Random(n)) for n, player in enumerate(one_of_each())]
    send(*people)
    catch_up()
    first = kept()
    assert [(share, player) for share, player, _ in first] == list(enumerate(one_of_each()))
    assert [Player.decoded(state).of.events for _, _, state in first] == [130] * len(people)
    catch_up()
    assert kept() == first  # nothing has come
    for share in shares.every():
        with shares.within(share):
            parts = dict(CohortPart.objects.exclude(key=cohort_rows.TURN).values_list("key", "state"))
            assert any(key.startswith("type:") for key in parts)


def test_a_program_in_any_share_becomes_a_case_of_the_one_queue_and_its_rewards_weigh() -> None:
    bots = [player_of(share, 1) for share in shares.every()]
    publish(
        metric("kills", event_type="late"), reward("coins", value=50),
        achievement("one", requirement("COUNT", "kills", 1), rewards=["coins"]),
    )  # fmt: skip
    Rule.objects.filter(kind__in=["PACE", "BURST"]).update(action="WITHHOLD")
    crowd = [acts(player_of(share, nth), 130, Random(nth)) for share in shares.every() for nth in (2, 3)]
    now = send(*(acts(bot, 420, Random(1), 3.0) for bot in bots), *crowd)
    burst = [
        GameEvent(f"{bot}-new-{n}", bot, f"door.{n}", {}, now + timedelta(seconds=n / 4))
        for bot in bots
        for n in range(12)
    ]
    process(burst, now + timedelta(seconds=4))
    catch_up()
    found = everywhere(StatisticalFinding.objects.exclude(rule="GRID").values_list("player_id", "rule"))
    assert sorted(found) == sorted((bot, rule) for bot in bots for rule in ("BURST", "PACE"))
    cases = Case.objects.exclude(withheld_at=None)
    assert sorted(cases.values_list("player_id", flat=True)) == sorted(bots)
    assert set(cases.values_list("stake", flat=True)) == {1.0}
    later = now + timedelta(minutes=1)
    process([GameEvent(f"{bot}-late", bot, "late", {}, later) for bot in bots], later)
    assert weigh_cases(later) == len(bots)
    assert set(cases.values_list("stake", flat=True)) == {51.0}
    assert opening.weigh_anew(later, 2) == 0
