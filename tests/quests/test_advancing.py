"""Quests through the pipeline: what events, commands and time make of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from gamification import pipeline
from gamification.kernel.content.publishing import Change
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import Command, Refused
from progress.models import Player
from quests.commands import AbandonQuest, CompleteStep, StartQuest
from quests.models import Run
from quests.tasks import expire_runs, move_runs
from rewards.models import Distribution, Wallet
from tests.support.content import (
    NOON,
    achievement,
    event,
    level,
    metric,
    pool,
    publish,
    quest,
    requirement,
    reward,
    step,
)

pytestmark = pytest.mark.django_db

KILLS = requirement("COUNT", "kills", 2)
ONE_KILL = requirement("COUNT", "kills", 1)


def send(*events: Any, now: float = 3600) -> list[tuple[str, dict[str, Any]]]:
    """What a batch states of quests: (type, message)."""
    outcome = pipeline.process(events, now=NOON + timedelta(seconds=now))
    return [(fact.type, fact.message or {}) for fact in outcome.facts if fact.type.startswith("quest.")]


def wish(command: Command, at: float = 0) -> Any:
    return bus.handle(command, actor=SYSTEM, now=NOON + timedelta(seconds=at))


def start(id_: str, player: str = "ann", at: float = 0) -> None:
    wish(StartQuest(player_id=player, quest_id=id_), at)


def refused(command: Command, at: float = 0) -> str:
    """The code a command is refused with; nothing must have changed."""
    before = everything()
    with pytest.raises(Refused) as problem:
        wish(command, at)
    assert everything() == before
    return problem.value.code


def everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Run, Distribution, Wallet)] + [
        list(Player.objects.order_by("pk").values("player_id", "quests_open", "quests_done", "quests_completed"))
    ]


def run(id_: str, player: str = "ann", number: int | None = None) -> Run:
    runs = Run.objects.filter(quest_id=id_, player_id=player)
    return runs.get(is_newest=True) if number is None else runs.get(run=number)


def gold(player: str = "ann") -> int:
    return sum(Wallet.objects.filter(player_id=player).values_list("balance", flat=True))


def types(found: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    return [type_ for type_, _ in found]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_steps_are_walked_through_in_event_order_within_one_batch() -> None:
    publish(
        metric("kills"),
        reward("coin"),
        reward("chest", value=50),
        quest(
            "hunt",
            step("one", KILLS, rewards=["coin"]),
            step("two", ONE_KILL, order=2, rewards=["coin", "coin"]),
            rewards=["chest"],
        ),
    )
    start("hunt")
    found = send(*(event(f"e{n}", at=n) for n in (3, 1, 2)))
    assert found == [
        ("quest.advanced", {"id": "hunt", "run": 1, "status": "IN_PROGRESS", "progress": 0.5, "step": "one"}),
        ("quest.advanced", {"id": "hunt", "run": 1, "status": "COMPLETED", "progress": 1.0, "step": "two"}),
        ("quest.completed", {"id": "hunt", "run": 1, "status": "COMPLETED", "progress": 1.0}),
    ]
    assert (run("hunt").status, run("hunt").completed_at) == ("COMPLETED", at(3))
    assert gold() == 65
    assert Player.objects.get(pk="ann").quests_completed == 1
    assert send(*(event(f"e{n}", at=n) for n in (3, 1, 2))) == []
    assert gold() == 65


def test_the_event_that_activates_a_step_does_not_count_for_it_nor_what_it_caused() -> None:
    publish(
        metric("kills"),
        metric("unlocks", "achievement.completed"),
        achievement("first", requirement("COUNT", "kills", 2)),
        quest(
            "hunt",
            step("one", KILLS),
            step("two", requirement("COUNT", "unlocks", 1), order=2),
            step("also", ONE_KILL, order=2),
        ),
    )
    start("hunt")
    assert types(send(event("e1", at=1), event("e2", at=2))) == ["quest.advanced"]
    assert run("hunt").state["steps"]["two"]["counts"].popitem()[1] == {"value": 0}
    assert types(send(event("e3", at=3))) == ["quest.advanced"]


def test_an_event_from_before_the_start_or_after_the_deadline_counts_for_nothing() -> None:
    publish(metric("kills"), quest("hunt", step("one", ONE_KILL), time_limit=60))
    start("hunt", at=10)
    assert send(event("early", at=9.999), now=30) == []
    assert send(event("late", at=70.001), now=30) == []
    assert types(send(event("last", at=70), now=70)) == ["quest.advanced", "quest.completed"]


def test_a_run_past_its_deadline_is_expired_by_whatever_looks_at_it() -> None:
    publish(metric("kills"), quest("hunt", step("one", ONE_KILL), time_limit=60))
    for player in ("ann", "bob", "cid"):
        start("hunt", player)
    assert types(send(event("e", at=30), now=61)) == ["quest.expired"]
    assert expire_runs(at(60)) == 0
    assert expire_runs(at(61)) == 2
    assert expire_runs(at(61)) == 0
    for player in ("ann", "bob", "cid"):
        expired = run("hunt", player)
        assert (expired.status, expired.completed_at, expired.ended_at) == ("EXPIRED", None, at(60))
    assert refused(AbandonQuest(player_id="ann", quest_id="hunt"), 62) == "not_in_progress"


def test_the_first_branch_completed_chooses_and_the_others_are_skipped_in_every_order() -> None:
    publish(
        metric("kills"),
        quest(
            "road",
            step("left", branch="left"),
            step("right", branch="right"),
            step("more-left", order=2, branch="left"),
            step("more-right", order=2, branch="right"),
            step("aside", order=2, is_optional=True),
        ),
    )
    start("road")
    wish(CompleteStep(player_id="ann", quest_id="road", step_id="right"), 1)
    state = run("road").state
    assert state["skipped"] == ["left", "more-left"]
    assert refused(CompleteStep(player_id="ann", quest_id="road", step_id="left"), 2) == "step_not_active"
    wish(CompleteStep(player_id="ann", quest_id="road", step_id="more-right"), 3)
    assert run("road").status == "COMPLETED"


def test_failing_wins_over_the_last_step() -> None:
    publish(
        metric("kills"),
        metric("boss", conditions=[{"field": "boss", "op": "eq", "value": True}]),
        reward("coin"),
        quest("hunt", step("one", ONE_KILL, rewards=["coin"]), fail_conditions=[requirement("COUNT", "boss", 1)]),
    )
    start("hunt")
    assert types(send(event("e", at=1, boss=True))) == ["quest.failed"]
    assert (run("hunt").status, gold()) == ("FAILED", 0)
    start("hunt", at=2)
    assert types(send(event("e2", at=3))) == ["quest.advanced", "quest.completed"]
    assert (run("hunt").run, gold()) == (2, 5)


def test_each_refusal_has_its_code_and_changes_nothing() -> None:
    publish(
        metric("kills"),
        level(1, 0),
        level(2, 100),
        achievement("first", requirement("COUNT", "kills", 1)),
        quest("off", step("s"), is_active=False),
        quest("soon", step("s"), start_date="2026-11-20T12:00:01Z"),
        quest("over", step("s"), end_date="2026-11-20T12:00:00Z"),
        quest("high", step("s"), requirements=[{"type": "LEVEL", "operator": "gte", "threshold": 2}]),
        quest("after", step("s"), requirements=[{"type": "ACHIEVEMENT", "target": "first"}]),
        quest("killer", step("s"), requirements=[requirement("COUNT", "kills", 1)]),
        quest("once", step("s")),
        quest("slow", step("s"), repeat="ALWAYS", cooldown=10),
        quest("a", step("s", KILLS)),
        quest("b", step("s")),
        pool("daily", "a", "b"),
    )

    def code(id_: str, seconds: float = 0) -> str:
        return refused(StartQuest(player_id="ann", quest_id=id_), seconds)

    wish(StartQuest(player_id="bob", quest_id="once"))
    assert [code(id_) for id_ in ("off", "soon", "over", "high", "after", "killer", "none")] == [
        "quest_inactive", "quest_not_open", "quest_not_open", "requirements_not_met", "requirements_not_met",
        "requirements_not_met", "not_found",
    ]  # fmt: skip
    send(event("e", at=-1), now=0)
    start("after")
    start("killer")
    start("once")
    assert code("once") == "already_in_progress"
    wish(CompleteStep(player_id="ann", quest_id="once", step_id="s"))
    assert code("once") == "already_completed"
    start("slow")
    wish(AbandonQuest(player_id="ann", quest_id="slow"), 5)
    assert code("slow", 14) == "cooldown"
    start("slow", at=15)
    assert sorted(_try(id_) for id_ in ("a", "b")) == ["", "not_offered"]
    assert refused(CompleteStep(player_id="ann", quest_id="off", step_id="s")) == "not_in_progress"
    assert refused(AbandonQuest(player_id="ann", quest_id="off")) == "not_in_progress"
    assert refused(CompleteStep(player_id="ann", quest_id="slow", step_id="none"), 16) == "not_found"


def _try(id_: str) -> str:
    try:
        start(id_)
    except Refused as problem:
        return problem.code
    return ""


def test_the_level_now_is_that_of_the_experience_by_the_levels_as_they_are_published() -> None:
    publish(
        level(1, 0),
        level(2, 100),
        quest("first", step("s"), requirements=[{"type": "LEVEL", "operator": "eq", "threshold": 1}]),
        quest("second", step("s"), requirements=[{"type": "LEVEL", "operator": "eq", "threshold": 2}]),
    )
    start("first")
    assert refused(StartQuest(player_id="ann", quest_id="second")) == "requirements_not_met"
    publish(Change("level", "1", None), level(2, 0), quest("first", step("s")))
    start("second")


def test_a_quest_that_starts_itself_counts_the_event_that_starts_it() -> None:
    publish(metric("kills"), reward("coin"), quest("tour", step("one", ONE_KILL), auto_start=True, rewards=["coin"]))
    assert types(send(event("e", at=1))) == ["quest.started", "quest.advanced", "quest.completed"]
    assert (run("tour").started_at, gold()) == (at(1), 5)
    assert send(event("e2", at=2)) == []


def test_a_daily_that_starts_itself_is_done_once_a_day() -> None:
    publish(
        metric("kills"), reward("coin"),
        quest("daily", step("one", ONE_KILL), auto_start=True, repeat="DAILY", rewards=["coin"]),
    )  # fmt: skip
    day = 86_400
    for number, seconds in enumerate((1, 2, day, day + 1, 2 * day)):
        send(event(f"e{number}", at=seconds), now=seconds)
    assert gold() == 15
    assert [r.run for r in Run.objects.order_by("run")] == [1, 2, 3]


def test_a_chain_goes_on_in_the_next_round() -> None:
    publish(
        metric("kills"),
        achievement("hero", {"type": "QUEST", "target": "second"}, requirement("COUNT", "kills", 1)),
        quest("first", step("one", ONE_KILL), auto_start=True),
        quest(
            "second", step("one", {"type": "QUEST", "target": "first"}), auto_start=True,
            requirements=[{"type": "QUEST", "target": "first"}],
        ),
    )  # fmt: skip
    outcome = pipeline.process([event("e", at=1)], now=at(10))
    assert [fact.type for fact in outcome.facts] == [
        "quest.started", "quest.advanced", "quest.completed",
        "quest.started", "quest.advanced", "quest.completed",
        "achievement.completed",
    ]  # fmt: skip


def test_a_quest_waiting_for_an_achievement_looks_at_it_in_the_next_round() -> None:
    publish(
        metric("kills"),
        achievement("first", requirement("COUNT", "kills", 1)),
        quest("q", step("one", {"type": "ACHIEVEMENT", "target": "first"}), step("two", ONE_KILL, order=2)),
    )
    start("q")
    assert types(send(event("e1", at=1), event("e2", at=2))) == ["quest.advanced"]  # e2 was before the step was active
    assert types(send(event("e3", at=3))) == ["quest.advanced", "quest.completed"]


def test_what_was_abandoned_does_not_start_itself_again() -> None:
    publish(metric("kills"), quest("tour", step("one", KILLS), auto_start=True))
    send(event("e1", at=1))
    wish(AbandonQuest(player_id="ann", quest_id="tour"), 2)
    assert send(event("e2", at=3)) == []
    start("tour", at=4)
    assert types(send(event("e3", at=5), event("e4", at=6))) == ["quest.advanced", "quest.completed"]


def test_a_run_stays_on_its_version_until_it_is_moved() -> None:
    publish(metric("kills"), quest("hunt", step("one", KILLS), step("two", KILLS, order=2)))
    start("hunt")
    start("hunt", "bob")
    send(event("e1", at=1), event("e2", at=2), event("e3", at=3), event("f1", "bob", at=1))
    publish(quest("hunt", step("one", ONE_KILL), step("two", KILLS, order=2), step("three", order=3)))
    publish(quest("hunt", step("two", KILLS), step("three", order=2)))
    start("hunt", "dan", at=9)
    assert move_runs("hunt", at(10), actor=SYSTEM) == 1
    assert move_runs("hunt", at(10), actor=SYSTEM) == 0
    assert run("hunt").version == 1  # the step she has done is gone
    assert run("hunt", "bob").version == 3
    assert types(send(event("e4", at=11), event("f2", "bob", at=11), event("f3", "bob", at=12))) == [
        "quest.advanced", "quest.completed", "quest.advanced",
    ]  # fmt: skip


def test_the_event_that_starts_a_quest_does_not_count_for_a_later_step() -> None:
    publish(
        metric("kills"),
        quest("first", step("s")),
        quest(
            "second",
            step("has", {"type": "QUEST", "target": "first"}),
            step("kill", ONE_KILL, order=2),
            step("also", requirement("COUNT", "kills", 2)),
            auto_start=True,
        ),
    )
    start("first")
    wish(CompleteStep(player_id="ann", quest_id="first", step_id="s"))
    wish(AbandonQuest(player_id="ann", quest_id="second"))
    assert types(send(event("e1", at=1), event("e2", at=2))) == []
    publish(
        quest(
            "third", step("has", {"type": "QUEST", "target": "first"}), step("kill", ONE_KILL, order=2), auto_start=True
        )
    )
    assert types(send(event("e3", at=3))) == ["quest.started", "quest.advanced"]
    assert types(send(event("e4", at=4))) == ["quest.advanced", "quest.completed"]
