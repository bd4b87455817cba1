"""How far a run has come, as it is read: the numbers, and what reading them costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from quests import reading
from quests.commands import AbandonQuest, CompleteStep, StartQuest
from quests.models import Run
from quests.reading import ShownQuests
from tests.support.content import NOON, achievement, event, metric, pool, publish, quest, requirement, step

pytestmark = pytest.mark.django_db

KILLS = requirement("COUNT", "kills", 4)
ONE_KILL = requirement("COUNT", "kills", 1)
STEPS = requirement("SUM", "steps", 1000)


def start(quest_id: str, at: float = 0) -> None:
    bus.handle(StartQuest(player_id="ann", quest_id=quest_id), actor=SYSTEM, now=NOON + timedelta(seconds=at))


def complete(quest_id: str, step_id: str) -> None:
    wish = CompleteStep(player_id="ann", quest_id=quest_id, step_id=step_id)
    bus.handle(wish, actor=SYSTEM, now=NOON + timedelta(seconds=50))


def kill(*seconds: float, **data: Any) -> None:
    pipeline.process([event(f"k{at}", at=at, **data) for at in seconds], now=NOON + timedelta(seconds=100))


def read(quest_id: str, at: float = 100) -> dict[str, Any]:
    found = ShownQuests("ann", NOON + timedelta(seconds=at), only=quest_id).of(quest_id)
    assert found is not None
    return found


def numbers(quest_id: str) -> tuple[float, dict[str, float]]:
    found = read(quest_id)
    return found["progress"], found["step_progress"]


def metrics() -> list[Any]:
    by_a_boss = [{"field": "boss", "op": "eq", "value": True}]
    return [
        metric("kills"),
        metric("bosses", conditions=by_a_boss),
        metric("steps", "walked", value_field="n"),
    ]


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_progress_is_the_mean_over_mandatory_steps_and_optional_ones_do_not_count() -> None:
    publish(
        *metrics(),
        quest("q", step("a", KILLS), step("b", KILLS, STEPS), step("c"), step("more", KILLS, is_optional=True)),
    )
    start("q")
    kill(1, 2)
    assert numbers("q") == (0.25, {"a": 0.5, "b": 0.25, "c": 0.0, "more": 0.5})
    complete("q", "c")
    assert numbers("q") == ((0.5 + 0.25 + 1) / 3, {"a": 0.5, "b": 0.25, "c": 1.0, "more": 0.5})
    assert read("q")["active_steps"] == ["a", "b", "more"]


def test_steps_of_a_branch_that_was_not_chosen_count_no_more() -> None:
    publish(
        *metrics(),
        quest(
            "q", step("left", branch="l"), step("right", KILLS, branch="r"),
            step("more-right", order=2, branch="r"), step("last", order=3),
        ),
    )  # fmt: skip
    start("q")
    kill(1)
    assert numbers("q")[0] == 0.25 / 4
    complete("q", "left")
    found = read("q")
    assert (found["progress"], found["current_step"], found["active_steps"]) == (0.5, 3, ["last"])


def test_an_optional_step_is_active_but_never_the_current_one() -> None:
    publish(quest("q", step("aside", order=1, is_optional=True), step("main", order=2), step("end", order=3)))
    start("q")
    assert (read("q")["current_step"], read("q")["active_steps"]) == (2, ["aside", "main"])
    complete("q", "main")
    assert (read("q")["current_step"], read("q")["active_steps"]) == (3, ["aside", "end"])
    complete("q", "end")
    found = read("q")
    assert (found["status"], found["progress"], found["current_step"]) == ("COMPLETED", 1.0, None)
    assert (found["active_steps"], found["step_progress"]) == ([], {"aside": 0.0, "main": 1.0, "end": 1.0})


def test_what_is_not_done_is_at_most_at_99_percent() -> None:
    publish(
        *metrics(),
        quest("near", step("a", ONE_KILL), step("b", ONE_KILL), step("c", STEPS)),
        quest("failed", step("a", ONE_KILL), fail_conditions=[requirement("COUNT", "bosses", 1)]),
    )
    start("near")
    start("failed")
    kill(1, boss=True)
    pipeline.process([event("w", type_="walked", at=2, n=999)], now=NOON + timedelta(seconds=100))
    assert numbers("near") == (0.99, {"a": 1.0, "b": 1.0, "c": 0.99})  # whose mean is more than that
    assert (read("failed")["status"], read("failed")["progress"]) == ("FAILED", 0.99)
    assert read("failed")["history"][0]["progress"] == 0.99


def test_a_target_is_read_as_the_player_has_it_now() -> None:
    publish(
        *metrics(),
        achievement("first", ONE_KILL),
        quest("q", step("a", {"type": "ACHIEVEMENT", "target": "first"}, STEPS)),
    )
    start("q")
    assert numbers("q")[0] == 0.0
    kill(1)
    assert numbers("q")[0] == 0.5


def test_history_is_the_newest_50_closed_runs_oldest_first() -> None:
    publish(quest("q", step("a"), repeat="ALWAYS"))
    for number in range(53):
        start("q", number)
        if number < 52:
            bus.handle(AbandonQuest(player_id="ann", quest_id="q"), actor=SYSTEM, now=NOON + timedelta(seconds=number))
    found = read("q")
    assert (found["run"], found["status"], [run["run"] for run in found["history"]]) == (
        53, "IN_PROGRESS", list(range(3, 53)),
    )  # fmt: skip
    bus.handle(AbandonQuest(player_id="ann", quest_id="q"), actor=SYSTEM, now=NOON + timedelta(seconds=60))
    assert [run["run"] for run in read("q")["history"]] == list(range(4, 54))


# -- cost --------------------------------------------------------------------------------------------------------------


def test_reading_40_quests_asks_as_many_queries_as_reading_one() -> None:
    def make(numbers: range) -> None:
        ids = [f"q{n}" for n in numbers]
        for _ in range(2):  # the second version after their runs have begun
            publish(*(quest(id_, step("a", KILLS), requirements=[STEPS | {"threshold": 0}]) for id_ in ids))
            for id_ in ids:
                if not Run.objects.filter(quest_id=id_).exists():
                    start(id_)
                    bus.handle(AbandonQuest(player_id="ann", quest_id=id_), actor=SYSTEM, now=NOON)
                    start(id_)

    def costs() -> list[int]:
        now, found = NOON + timedelta(seconds=100), []
        for ask in (
            lambda: reading.rows("ann", now, state=None, for_player=True),
            lambda: reading.rows("ann", now, state=None, for_player=False),
            lambda: reading.startable("ann", now),
            lambda: ShownQuests("ann", now, only="q0").of("q0"),
        ):
            ask()  # compiled rules are kept by the process
            with CaptureQueriesContext(connection) as queries:
                ask()
            found.append(len(queries))
        return found

    publish(
        *metrics(),
        achievement("s-1", requirement("COUNT", "bosses", 9), type="SECRET"),
        quest("in-a-pool", step("a")),
        pool("daily", "in-a-pool"),
    )
    make(range(1))
    of_one = costs()
    make(range(1, 40))
    assert len(reading.rows("ann", NOON, state=None, for_player=True)) == 41
    assert costs() == of_one
    assert max(of_one) <= 6
