"""The profiler keeps each player's profile exactly once, whatever is killed and wherever pages end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections

from anticheat import cohort_rows, profiling
from anticheat.cohorts import CURRENCIES, Cohort
from anticheat.models import CohortPart, PlayProfile, Rule, StatisticalFinding
from anticheat.playing import Player
from anticheat.proving import make_defaults
from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event, FollowerMark
from gamification.players.erasing import ErasePlayer
from tests.support.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

START = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    make_defaults()
    profiling._known.clear()
    yield
    profiling._known.clear()


def acts(who: str, many: int, luck: Random, every: float | None = None) -> list[GameEvent]:
    """A program's events, or, without `every`, a person's."""
    at, found = START, []
    for number in range(many):
        at += timedelta(seconds=every if every else luck.lognormvariate(1.5, 0.9))
        data = {"amount": luck.randint(1, 90)}
        found.append(GameEvent(f"{luck.random():.9f}-{number}", who, luck.choice(("hit", "jump", "hit")), data, at))
    return found


def send(players: dict[str, list[GameEvent]], size: int = 60) -> datetime:
    """All of them play at once: batch after batch with some of each."""
    now = START
    for first in range(0, max(map(len, players.values())), size):
        batch = [event for events in players.values() for event in events[first : first + size]]
        now = max(event.timestamp for event in batch)
        pipeline.process(batch, now=now)
    return now


def crowd(luck: Random) -> dict[str, list[GameEvent]]:
    people = {f"p{number}": acts(f"p{number}", 200, luck) for number in range(5)}
    return people | {"bot": acts("bot", 420, luck, 3.0)}


def catch_up(now: datetime = START) -> None:
    def done() -> bool:
        profiling.follow(now)
        return profiling.OF_EVENTS.behind() == 0

    until(done)


def kept() -> tuple[dict[str, bytes], dict[str, bytes], list[dict[str, Any]]]:
    """Profiles, cohorts and findings, without what numbers rows and turns."""
    profiles = {key: bytes(state) for key, state in PlayProfile.objects.values_list("player_id", "state")}
    parts = CohortPart.objects.exclude(key=cohort_rows.TURN).values_list("key", "state")
    found = [
        {name: value for name, value in row.items() if name != "id"}
        for row in StatisticalFinding.objects.order_by("player_id", "rule", "day").values()
    ]
    return profiles, {key: bytes(state) for key, state in parts}, found


def begin_again() -> None:
    for model in (PlayProfile, CohortPart, StatisticalFinding):
        model.objects.all().delete()
    FollowerMark.objects.filter(pk__startswith="profiler").delete()
    profiling._known.clear()


def test_a_profile_is_what_its_events_make_of_it_in_their_order() -> None:
    events = acts("ann", 300, Random(1))
    send({"ann": events})
    catch_up()
    alone = Player()
    for event in events:
        at = round(event.timestamp.timestamp() * 1000)
        arrived = Event.objects.get(event_id=event.id).received_at
        alone.take(event.type, event.data, at, round(arrived.timestamp() * 1000))
    [row] = PlayProfile.objects.all()
    theirs = Player.decoded(bytes(row.state))
    for name in ("events", "played", "session", "grid", "loop", "looked", "recent", "everything", "sessions"):
        assert getattr(theirs.of, name) == getattr(alone.of, name), name
    assert theirs.waiting == alone.waiting
    assert len(row.state) < 2048


def test_a_program_is_found_once_a_rule_and_day_and_people_are_not() -> None:
    send(crowd(Random(2)))
    catch_up()
    found = StatisticalFinding.objects.order_by("rule")
    assert {each.player_id for each in found} == {"bot"}
    assert [each.rule for each in found] == ["GRID", "PACE"]
    pace = found.get(rule="PACE")
    assert (pace.family, pace.action, pace.source) == ("rhythm", "SHADOW", "profiler")
    assert (pace.value or 0) >= 0.8
    assert (pace.log10_tail or 0) < -9
    assert (pace.n or 0) >= 300
    assert pace.evidence["median_gap"] == 3.0


def test_a_rule_that_is_off_finds_nothing_and_one_with_other_parameters_something_else() -> None:
    Rule.objects.filter(kind="GRID").update(is_enabled=False)
    Rule.objects.filter(kind="PACE").update(parameters={"gaps_in_one_session": 1_000})
    send(crowd(Random(2)))
    catch_up()
    assert not StatisticalFinding.objects.exists()


def test_it_does_not_matter_where_pages_end(monkeypatch: pytest.MonkeyPatch) -> None:
    send(crowd(Random(3)), size=37)
    catch_up()
    whole = kept()
    assert whole[2]
    for page in (1, 61, 500):
        begin_again()
        monkeypatch.setattr(profiling, "PAGE", page)
        monkeypatch.setattr(profiling, "BEYOND", 250)
        catch_up()
        assert kept() == whole, page


def test_killed_twenty_times_it_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    send(crowd(Random(4)))
    catch_up()
    whole = kept()
    begin_again()
    monkeypatch.setattr(profiling, "PAGE", 60)
    monkeypatch.setattr(profiling, "BEYOND", 400)
    luck, killed = Random(5), 0
    for _ in range(20):
        connections.close_all()
        child = os.fork()
        if child == 0:
            try:
                while True:
                    profiling.follow(START)
            finally:
                os._exit(0)
        time.sleep(luck.uniform(0.01, 0.12))  # when it is killed is what varies
        os.kill(child, signal.SIGKILL)
        killed += os.waitpid(child, 0)[1] == signal.SIGKILL
    assert killed == 20
    catch_up()
    assert kept() == whole


def test_switched_off_it_does_nothing(settings: LazySettings) -> None:
    settings.ENABLE_ANTI_CHEAT = False
    send({"ann": acts("ann", 40, Random(6))})
    profiling.follow(START)
    assert not PlayProfile.objects.exists()


def test_whoever_is_erased_leaves_no_profile_and_gets_none_anew() -> None:
    send({"ann": acts("ann", 40, Random(7)), "bob": acts("bob", 40, Random(8))})
    catch_up()
    bus.handle(ErasePlayer(player_id="ann"), actor=SYSTEM, now=START)
    assert set(PlayProfile.objects.values_list("player_id", flat=True)) == {"bob"}
    turn = profiling.Turn(cohort_rows.read())
    turn.players["ann"] = Player()  # it had read of ann before she was erased
    turn.write()
    assert set(PlayProfile.objects.values_list("player_id", flat=True)) == {"bob"}


def test_an_id_that_is_used_again_for_something_else_is_found() -> None:
    [first, *_] = acts("ann", 3, Random(9))
    pipeline.process([first], now=START + timedelta(minutes=1))
    pipeline.process([GameEvent(first.id, "ann", "other", {}, first.timestamp)], now=START + timedelta(minutes=2))
    catch_up()
    found = StatisticalFinding.objects.get()
    assert (found.player_id, found.rule, found.family) == ("ann", "REUSE", "identity")


def test_what_a_rule_has_judged_is_counted_a_player() -> None:
    send(crowd(Random(2)))
    catch_up()
    slot = Rule.objects.get(name="PACE").slot
    judged = cohort_rows.read().judged[str(slot)]
    assert judged.players == PlayProfile.objects.count() - 5  # people's 200 events make fewer gaps than it asks for


def test_a_currency_that_is_known_is_still_counted_once_there_are_as_many_as_are_kept() -> None:
    cohort = Cohort()
    for currency in range(CURRENCIES + 1):
        cohort.tell_income(currency, None, 10.0)
    told = cohort.tell_income(0, None, 20.0)
    cohort.tell_income(0, told, 30.0)
    assert cohort.incomes[0].count == 2
    assert CURRENCIES not in cohort.incomes
