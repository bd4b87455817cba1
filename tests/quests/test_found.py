"""What a model of quests, played for hours against the service, found wrong, or what no other test looks at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gamification import pipeline
from gamification.feed.models import Message
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, Refused
from quests.commands import AbandonQuest, CompleteStep, MoveRun, MoveRuns, StartQuest
from quests.models import Run
from quests.tasks import move_runs
from tests.support.content import NOON, achievement, event, metric, publish, quest, requirement, step

pytestmark = pytest.mark.django_db

ONE_KILL = requirement("COUNT", "kills", 1)
FIRST = {"type": "ACHIEVEMENT", "target": "first"}
DAY = 86_400


def wish(command: Command, at: float = 0) -> Any:
    return bus.handle(command, actor=SYSTEM, now=NOON + timedelta(seconds=at))


def start(id_: str, at: float = 0) -> None:
    wish(StartQuest(player_id="ann", quest_id=id_), at)


def complete(id_: str, step_id: str, at: float = 0) -> None:
    wish(CompleteStep(player_id="ann", quest_id=id_, step_id=step_id), at)


def refused(command: Command, at: float = 0) -> str:
    before = list(Run.objects.order_by("pk").values())
    with pytest.raises(Refused) as problem:
        wish(command, at)
    assert list(Run.objects.order_by("pk").values()) == before
    return problem.value.code


def send(*events: Any, now: float) -> list[str]:
    outcome = pipeline.process(events, now=NOON + timedelta(seconds=now))
    return [fact.type for fact in outcome.facts if fact.type.startswith("quest.")]


def run(id_: str, number: int = 1) -> Run:
    return Run.objects.get(player_id="ann", quest_id=id_, run=number)


def test_an_achievement_earned_past_the_deadline_completes_no_step() -> None:
    publish(
        metric("kills"), achievement("first", ONE_KILL), quest("q", step("one", FIRST), time_limit=60),
    )  # fmt: skip
    start("q")
    assert send(event("ahead", at=61), now=50) == []
    assert (run("q").status, run("q").completed_at) == ("IN_PROGRESS", None)
    assert send(event("later", at=100), now=100) == ["quest.expired"]


def test_no_step_is_completed_by_hand_past_the_deadline(settings: Any) -> None:
    settings.QUEST_LATE_GRACE = 600
    publish(metric("kills"), quest("q", step("one"), step("two"), time_limit=60))
    start("q")
    complete("q", "one", 60)
    assert refused(CompleteStep(player_id="ann", quest_id="q", step_id="two"), 61) == "step_not_active"
    assert refused(StartQuest(player_id="ann", quest_id="q"), 61) == "already_in_progress"


def test_nothing_of_a_run_that_is_moved_past_its_deadline_counts(settings: Any) -> None:
    settings.QUEST_LATE_GRACE = 600
    publish(metric("kills"), quest("q", step("one", ONE_KILL), step("two"), time_limit=60))
    start("q")
    send(event("e", at=1), now=1)
    publish(quest("q", step("one", ONE_KILL), time_limit=60))
    assert wish(MoveRuns(quest_id="q", player_ids=["ann"]), 61) == 1
    assert (run("q").status, run("q").completed_at) == ("IN_PROGRESS", None)


def test_what_was_earned_by_an_event_from_before_the_start_does_not_date_the_run_back() -> None:
    publish(
        metric("kills"),
        achievement("first", ONE_KILL),
        quest("q", step("one", FIRST), step("two", ONE_KILL, order=2)),
        quest("r", step("one", FIRST)),
        quest("s", step("one"), fail_conditions=[FIRST]),
    )
    for id_ in ("q", "r", "s"):
        start(id_, 100)
    assert send(event("late", at=50), now=200) == [
        "quest.advanced",
        "quest.advanced",
        "quest.completed",
        "quest.failed",
    ]
    assert run("r").completed_at == run("s").ended_at == NOON + timedelta(seconds=100)
    assert send(event("later", at=99), now=200) == []  # from before the run, whatever made the step active
    assert send(event("last", at=100), now=200) == ["quest.advanced", "quest.completed"]


def test_a_moved_run_is_not_complete_by_what_a_person_had_it_skip() -> None:
    publish(metric("kills"), quest("q", step("one"), step("two", order=2), step("three", order=3)))
    start("q")
    wish(MoveRun(player_id="ann", quest_id="q", step_id="three"), 1)
    publish(quest("q", step("one"), step("two", order=2)))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]), 2)
    assert (run("q").version, run("q").status) == (2, "IN_PROGRESS")
    complete("q", "one", 3)
    complete("q", "two", 4)
    assert run("q").status == "COMPLETED"


def test_a_moved_run_waits_for_the_steps_that_now_come_first() -> None:
    publish(metric("kills"), quest("q", step("one"), step("two")))
    start("q")
    publish(quest("q", step("one"), step("two", order=2)))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]), 1)
    assert refused(CompleteStep(player_id="ann", quest_id="q", step_id="two"), 2) == "step_not_active"
    complete("q", "one", 3)
    complete("q", "two", 4)
    assert run("q").status == "COMPLETED"


def test_a_moved_run_has_chosen_the_branch_of_what_it_has_done() -> None:
    publish(metric("kills"), quest("q", step("one"), step("two"), step("end", order=2)))
    start("q")
    complete("q", "one", 1)
    publish(quest("q", step("one", branch="left"), step("two", branch="right"), step("end", order=2)))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]), 2)
    assert refused(CompleteStep(player_id="ann", quest_id="q", step_id="two"), 3) == "step_not_active"
    complete("q", "end", 4)
    assert run("q").status == "COMPLETED"


def test_a_step_that_was_skipped_is_active_again_where_the_new_version_leaves_no_choice() -> None:
    publish(metric("kills"), quest("q", step("one", branch="left"), step("two", branch="right"), step("end", order=2)))
    start("q")
    complete("q", "one", 1)
    publish(quest("q", step("one"), step("two"), step("end", order=2)))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]), 2)
    assert refused(CompleteStep(player_id="ann", quest_id="q", step_id="end"), 3) == "step_not_active"
    complete("q", "two", 4)
    complete("q", "end", 5)
    assert run("q").status == "COMPLETED"


def test_a_fail_condition_that_a_run_is_moved_to_spares_what_was_there_before() -> None:
    publish(metric("kills"), achievement("first", ONE_KILL), quest("q", step("one")))
    send(event("e", at=1), now=1)
    start("q", 2)
    publish(quest("q", step("one"), fail_conditions=[FIRST]))
    wish(MoveRuns(quest_id="q", player_ids=["ann"]), 3)
    complete("q", "one", 4)
    assert run("q").status == "COMPLETED"


def test_a_quest_that_was_daily_and_becomes_weekly_goes_by_what_was_completed_this_week() -> None:
    """NOON is a Friday's."""
    publish(metric("kills"), quest("given-up", step("s"), repeat="DAILY"), quest("done", step("s"), repeat="DAILY"))
    start("given-up")
    wish(AbandonQuest(player_id="ann", quest_id="given-up"), 1)
    start("done")
    complete("done", "s", 1)
    publish(*(quest(id_, step("s"), repeat="WEEKLY") for id_ in ("given-up", "done")))
    start("given-up", DAY)
    assert refused(StartQuest(player_id="ann", quest_id="done"), DAY) == "already_completed"
    start("done", 3 * DAY)


def test_a_quest_that_was_weekly_and_becomes_daily_goes_by_what_was_completed_today() -> None:
    publish(metric("kills"), quest("q", step("s"), repeat="WEEKLY"))
    start("q")
    complete("q", "s", 1)
    publish(quest("q", step("s"), repeat="DAILY"))
    assert refused(StartQuest(player_id="ann", quest_id="q"), 2) == "already_completed"
    start("q", DAY)


def test_what_always_repeated_and_becomes_daily_goes_by_what_was_completed_today() -> None:
    publish(metric("kills"), quest("q", step("s"), repeat="ALWAYS"))
    start("q")
    complete("q", "s", 1)
    publish(quest("q", step("s"), repeat="DAILY"))
    assert refused(StartQuest(player_id="ann", quest_id="q"), 2) == "already_completed"
    start("q", DAY)


def test_a_step_completed_by_hand_is_told_as_one_that_completed_itself() -> None:
    publish(metric("kills"), quest("q", step("s")), quest("r", step("s", ONE_KILL)))
    start("q")
    start("r")
    complete("q", "s", 1)
    send(event("e", at=1), now=1)
    told = Message.objects.filter(type="quest.advanced").order_by("seq").values_list("data", flat=True)
    said = {"run": 1, "step": "s", "status": "COMPLETED", "progress": 1.0}
    assert list(told) == [{"id": "q", **said}, {"id": "r", **said}]


def test_a_late_event_from_before_a_step_was_active_does_not_count_for_it() -> None:
    publish(metric("kills"), quest("q", step("one", ONE_KILL), step("two", ONE_KILL, order=2)))
    start("q")
    assert send(event("first", at=20), now=30) == ["quest.advanced"]
    assert send(event("late", at=19), now=30) == []
    assert send(event("same", at=20), now=30) == ["quest.advanced", "quest.completed"]


def test_one_choice_after_the_other_leaves_one_way() -> None:
    publish(
        metric("kills"),
        quest(
            "q",
            step("a", branch="left"), step("b", branch="right"),
            step("c", order=2, branch="up"), step("d", order=2, branch="down"),
            step("end", order=3),
        ),
    )  # fmt: skip
    start("q")
    for seconds, step_id in enumerate(("a", "d", "end")):
        complete("q", step_id, seconds)
    assert (run("q").status, run("q").state["skipped"]) == ("COMPLETED", ["b", "c"])


def put_at(step_id: str) -> None:
    bus.handle(MoveRun(player_id="ann", quest_id="q", step_id=step_id), actor=SYSTEM, now=NOON)


def test_a_run_that_is_put_into_another_branch_has_all_of_that_before_it() -> None:
    """Also on a version that is published meanwhile, before its first step is done and after."""
    by_force = [step("a", branch="force"), step("b", order=2, branch="force")]
    by_wit = [step("c", branch="wit"), step("d", branch="wit"), step("e", order=2, branch="wit")]
    publish(metric("kills"), quest("q", *by_force, *by_wit, step("end", order=3)))
    start("q")
    complete("q", "a", 1)
    assert run("q").state["skipped"] == ["c", "d", "e"]
    put_at("c")
    assert run("q").state["skipped"] == ["b"]
    for version, step_id in ((2, "c"), (3, "d")):
        publish(metric("kills"), quest("q", *by_force, *by_wit, step("end", order=3), title=f"Version {version}"))
        assert move_runs("q", NOON, actor=SYSTEM) == 1
        assert (run("q").version, run("q").state["skipped"]) == (version, ["b"])
        complete("q", step_id, version)
    put_at("end")
    assert run("q").state["skipped"] == ["b", "e"]
    put_at("e")
    for seconds, step_id in enumerate(("e", "end"), 5):
        complete("q", step_id, seconds)
    assert (run("q").status, run("q").state["skipped"]) == ("COMPLETED", ["b"])


def test_what_is_done_is_not_skipped_by_a_later_choice_against_its_branch() -> None:
    publish(
        metric("kills"),
        quest(
            "q",
            step("a", branch="left"), step("b", branch="middle"),
            step("c", order=2, branch="left"), step("d", order=2, branch="right"),
            step("end", order=3),
        ),
    )  # fmt: skip
    start("q")
    complete("q", "a", 1)
    complete("q", "d", 2)
    assert run("q").state["skipped"] == ["b", "c"]


def test_an_optional_step_neither_blocks_what_follows_nor_counts_for_progress() -> None:
    publish(metric("kills"), quest("q", step("aside", is_optional=True), step("one"), step("two", order=2)))
    start("q")
    complete("q", "one", 1)
    complete("q", "two", 2)
    told = Message.objects.filter(type="quest.advanced").order_by("seq").values_list("data__progress", flat=True)
    assert list(told) == [0.5, 1.0]
    assert (run("q").status, run("q").state["progress"]) == ("COMPLETED", {"aside": 0.0, "one": 1.0, "two": 1.0})


def test_a_run_ends_with_its_time_its_period_or_its_quest_whichever_is_first() -> None:
    opens, ends = "2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z"
    publish(
        metric("kills"),
        quest("limited", step("s"), time_limit=60, end_date=ends, repeat="DAILY"),
        quest("daily", step("s"), time_limit=2 * DAY, end_date=ends, repeat="DAILY"),
        quest("ending", step("s", ONE_KILL), start_date=opens, end_date=ends, time_limit=2 * DAY),
        quest("endless", step("s")),
    )
    ids = ("limited", "daily", "ending", "endless")
    for id_ in ids:
        start(id_)
    deadlines = [run(id_).deadline for id_ in ids]
    assert deadlines == [NOON + timedelta(seconds=60), NOON + timedelta(hours=12), NOON + timedelta(days=1), None]
    assert send(event("over", at=DAY + 1), now=DAY) == ["quest.expired", "quest.expired"]
    assert send(event("last", at=DAY), now=DAY) == ["quest.advanced", "quest.completed"]


def test_two_of_three_requirements_are_not_one() -> None:
    kinds = [requirement("COUNT", kind, 1) for kind in ("kills", "jumps", "runs")]
    publish(
        *(metric(r["metric"], r["metric"]) for r in kinds),
        quest("q", step("s", *kinds, match={"at_least": 2})),
        quest("r", step("s", *kinds, match="ANY")),
    )
    start("q")
    start("r")
    assert send(event("e1", type_="jumps", at=1), now=1) == ["quest.advanced", "quest.completed"]
    assert send(event("e2", type_="jumps", at=2), now=2) == []
    assert send(event("e3", type_="runs", at=3), now=3) == ["quest.advanced", "quest.completed"]
    assert run("q").completed_at == NOON + timedelta(seconds=3)


def test_a_daily_that_was_abandoned_starts_itself_the_next_day() -> None:
    publish(metric("kills"), quest("q", step("s", requirement("COUNT", "kills", 2)), auto_start=True, repeat="DAILY"))
    assert send(event("e1", at=1), now=1) == ["quest.started"]
    wish(AbandonQuest(player_id="ann", quest_id="q"), 2)
    assert send(event("e2", at=DAY / 2 - 1), now=DAY / 2 - 1) == []
    assert send(event("e3", at=DAY / 2), now=DAY / 2) == ["quest.started"]


def test_a_quest_starts_only_with_all_that_it_takes() -> None:
    publish(
        metric("kills"),
        metric("jumps", "jumped"),
        quest("q", step("s"), requirements=[ONE_KILL, requirement("COUNT", "jumps", 1)]),
    )
    assert send(event("e1", at=1), now=1) == []
    assert refused(StartQuest(player_id="ann", quest_id="q"), 2) == "requirements_not_met"
    assert send(event("e2", type_="jumped", at=3), now=3) == []
    start("q", 4)


def test_a_moved_run_keeps_what_it_has_counted_where_the_requirement_is_the_same() -> None:
    two = requirement("COUNT", "kills", 2)
    publish(metric("kills"), quest("q", step("s", two)), quest("r", step("s"), fail_conditions=[two]))
    start("q")
    start("r")
    assert send(event("e1", at=1), now=1) == []
    publish(
        quest("q", step("s", two), step("t", requirement("COUNT", "kills", 3))),
        quest("r", step("s"), step("t"), fail_conditions=[two]),
    )
    assert [wish(MoveRuns(quest_id=id_, player_ids=["ann"]), 2) for id_ in ("q", "r")] == [1, 1]
    assert send(event("e2", at=3), now=3) == ["quest.advanced", "quest.failed"]
    assert (run("q").status, run("r").status) == ("IN_PROGRESS", "FAILED")


def test_what_nothing_meets_was_reached_before_the_first_sample() -> None:
    publish(
        metric("kills"),
        metric("jumps", "jumped"),
        quest("q", step("s", ONE_KILL, requirement("COUNT", "jumps", 0, "eq"))),
    )
    start("q")
    assert send(event("e1", type_="jumped", at=1), event("e2", at=2), now=2) == ["quest.advanced", "quest.completed"]


def test_a_count_goes_on_from_batch_to_batch() -> None:
    """Each event comes alone, so all that is known of those before is what the run's row keeps."""
    publish(
        metric("hits", "hit", value_field="v", member_field="w"),
        *(
            quest(id_, step("s", asked))
            for id_, asked in {
                "distinct": requirement("DISTINCT", "hits", 1, "gt"),
                "latest": requirement("LATEST", "hits", 5, "eq"),
                "window": requirement("SUM", "hits", 8, timeframe={"duration": 1, "unit": "minutes"}),
            }.items()
        ),
        quest("hold", step("s", requirement("MAX", "hits", 4, "lte"), requirement("COUNT", "hits", 3))),
    )
    ids = ("distinct", "latest", "window", "hold")
    for id_ in ids:
        start(id_)
    for n, (at, value, member) in enumerate([(10, 4, "x"), (100, 3, "x"), (20, 5, "y")]):
        send(event(f"e{n}", type_="hit", at=at, v=value, w=member), now=200)
    assert {id_: run(id_).status for id_ in ids} == {
        "distinct": "COMPLETED",
        "latest": "IN_PROGRESS",  # of two samples the later one is the latest, whichever came last
        "window": "COMPLETED",
        "hold": "IN_PROGRESS",  # it held after the first sample, but no longer at the third
    }
