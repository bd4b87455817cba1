"""DISTINCT in a quest: the members are rows, as long as somebody counts them."""

from itertools import count

import pytest

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from progress.models import MemberSeen
from quests.commands import AbandonQuest, CompleteStep, MoveRun, StartQuest
from quests.models import Run
from quests.reading import ShownQuests
from quests.tasks import move_runs
from tests.support.content import NOON, event, metric, publish, quest, requirement, step

pytestmark = pytest.mark.django_db

DIFFERENT = requirement("DISTINCT", "places", 4)


numbers = count(1)


def hunt(*steps: dict[str, object], **fields: object) -> None:
    publish(metric("places", "seen", member_field="place"), quest("hunt", *steps, **fields))


def start() -> None:
    bus.handle(StartQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOON)


def see(*places: str) -> None:
    """A batch an event, so that the run is stored in between."""
    for place in places:
        n = next(numbers)
        pipeline.process([event(f"e{n}", type_="seen", at=1 + n, place=place)], now=NOON)


def kept() -> list[str]:
    return sorted(MemberSeen.objects.filter(scope__startswith="q:").values_list("member", flat=True))


def progress() -> float:
    shown = ShownQuests("ann", NOON, only="hunt").of("hunt")
    assert shown is not None
    return float(shown["progress"])


def test_members_are_counted_once_across_batches_and_go_when_they_are_enough() -> None:
    hunt(step("four", DIFFERENT))
    start()
    see("a", "b", "a", "b")
    assert (kept(), progress(), Run.objects.get().status) == (["s:a", "s:b"], 0.5, "IN_PROGRESS")
    see("c", "d")
    assert (kept(), Run.objects.get().status) == ([], "COMPLETED")


def test_they_go_with_the_run() -> None:
    hunt(step("four", DIFFERENT))
    start()
    see("a", "b")
    bus.handle(AbandonQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOON)
    assert kept() == []
    start()
    see("a")
    assert (kept(), progress()) == (["s:a"], 0.25)


def test_each_step_and_each_condition_to_fail_counts_its_own() -> None:
    hunt(
        step("first", requirement("DISTINCT", "places", 2)),
        step("second", DIFFERENT, order=2),
        fail_conditions=[requirement("DISTINCT", "places", 6)],
    )
    start()
    see("a", "b")
    assert kept() == ["s:a", "s:b"]  # the condition's
    see("a", "c")
    assert kept() == ["s:a", "s:a", "s:b", "s:c", "s:c"]
    see("d", "b")
    assert (kept(), Run.objects.get().status) == ([], "COMPLETED")


def test_a_run_that_is_moved_keeps_those_of_what_is_the_same_and_no_others() -> None:
    hunt(step("four", DIFFERENT), step("six", requirement("DISTINCT", "places", 6)))
    start()
    see("a", "b")
    assert len(kept()) == 4
    publish(quest("hunt", step("four", DIFFERENT)))
    assert move_runs("hunt", NOON, actor=SYSTEM) == 1
    assert (kept(), progress()) == (["s:a", "s:b"], 0.5)
    see("b", "c", "d")
    assert Run.objects.get().status == "COMPLETED"


def put_at(step_id: str) -> None:
    bus.handle(MoveRun(player_id="ann", quest_id="hunt", step_id=step_id), actor=SYSTEM, now=NOON)


def test_a_step_that_is_skipped_and_come_back_to_has_seen_what_it_had_seen() -> None:
    hunt(step("four", DIFFERENT), step("rest", completed_by="SERVER", order=2))
    start()
    see("a", "b")
    put_at("rest")
    see("c")
    put_at("four")
    see("a", "b", "d")
    assert (kept(), Run.objects.get().state["steps"]["four"]["counts"].popitem()[1]) == (
        ["s:a", "s:b", "s:d"], {"distinct": 3},
    )  # fmt: skip
    put_at("rest")
    bus.handle(AbandonQuest(player_id="ann", quest_id="hunt"), actor=SYSTEM, now=NOON)
    assert kept() == []


def test_a_step_that_begins_anew_has_seen_nothing() -> None:
    had = {"type": "QUEST", "target": "first"}
    publish(quest("first", step("any", completed_by="SERVER")))
    hunt(step("had", had), step("four", DIFFERENT, order=2))
    start()
    put_at("four")
    see("a", "b")
    bus.handle(StartQuest(player_id="ann", quest_id="first"), actor=SYSTEM, now=NOON)
    bus.handle(CompleteStep(player_id="ann", quest_id="first", step_id="any"), actor=SYSTEM, now=NOON)
    put_at("had")
    assert kept() == []
    see("a", "b", "c", "d")
    assert Run.objects.get(quest_id="hunt").status == "COMPLETED"
