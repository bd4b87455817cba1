"""Which plans of steps, in order, side by side and in branches, may be published: those that some run gets through."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from gamification.kernel.content.publishing import Definitions
from quests import checks, rules, running
from quests.content import QUEST
from tests.support.authoring import NOON, Json, quest, step
from tests.support.quest_checks import optional, refused, studio_of_quests

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> APIClient:
    return studio_of_quests()


def test_a_quest_needs_a_step_that_counts(studio: APIClient) -> None:
    assert refused(studio, {"id": "q", "title": "Q"}) == {("steps", "no_steps")}
    assert refused(studio, quest("q", optional("a", 1), optional("b", 2))) == {("steps", "no_mandatory_step")}


def test_an_optional_step_after_the_end_is_refused(studio: APIClient) -> None:
    body = quest("q", optional("b", 3), step("a", order=2), optional("c", 2))
    assert refused(studio, body) == {("steps[0]", "unreachable_step")}


def test_an_optional_step_whose_branch_has_nothing_left_to_do_is_refused(studio: APIClient) -> None:
    steps = [
        step("force", order=1, branch="force"),
        step("wit", order=1, branch="wit"),
        optional("loot", 2, branch="force"),
        step("flee", order=2, branch="wit"),
    ]
    assert refused(studio, quest("q", *steps)) == {("steps[2]", "unreachable_step")}
    assert refused(studio, quest("q", *steps[:3], step("end", order=2))) == set()


def test_a_branch_without_another_is_refused(studio: APIClient) -> None:
    steps = [
        step("a", order=1, branch="left"),
        step("b", order=2, branch="right"),
        step("c", order=2),
        step("d", order=3, branch="left"),
    ]
    assert refused(studio, quest("q", *steps)) == {
        ("steps[0].branch", "branch_without_alternative"),
        ("steps[1].branch", "branch_without_alternative"),
    }


def ever_active(definition: Json) -> set[str]:
    """The steps that become active in some run, by playing it in every order."""
    compiled = rules.compile_quest(definition, serial=0, version=1, metrics={})
    found: set[str] = set()
    ways: list[tuple[rules.Step, ...]] = [()]
    while ways:
        way = ways.pop()
        run = running.begin(compiled, "ann", None, at=NOON, period=None, root=None, has=lambda _: False)
        for done in way:
            running.complete_step(run, done, NOON, "")
            running.advance(run, NOON, "", lambda _: False)
        found |= {each.id for each in run.active()}
        ways += [(*way, each) for each in run.active()]
    return found


def planned(order: int, branch: str | None, is_optional: bool = False) -> Json:
    return {"order": order, "branch": branch, "is_optional": is_optional}


PLAN = st.lists(
    st.builds(planned, st.integers(1, 3), st.sampled_from([None, "x", "y", "z"]), st.booleans()), min_size=2, max_size=5
).filter(lambda steps: not all(each["is_optional"] for each in steps))
LAST = [planned(3, "x", True), planned(3, "y")]
FIRST = [planned(1, "x"), planned(1, "z")]


@settings(max_examples=200)
@given(PLAN)
@example([planned(2, "x", True), planned(2, "y", True), planned(2, "z"), *LAST])  # z decides against both
@example([*FIRST, planned(2, "x", True), planned(2, "y", True), planned(2, "z"), *LAST])  # z may be gone by then
@example([*FIRST, planned(2, "x"), planned(2, "y", True), *LAST])  # x is not, if the step is to be reached
def test_a_step_is_refused_if_and_only_if_no_run_ever_gets_to_it(plan: list[Json]) -> None:
    definition = QUEST.parse(quest("q", *(step(f"s{index}", **each) for index, each in enumerate(plan))))
    found = checks.problems(Definitions({"quest": {"q": definition}}))
    refused = {problem.path for problem in found if problem.code == "unreachable_step"}
    active = ever_active(definition)
    assert refused == {f"steps[{i}]" for i, each in enumerate(definition["steps"]) if each["id"] not in active}


SANE: dict[str, list[Json]] = {
    "one step by hand": [step("a")],
    "steps side by side": [step("a", order=5), step("b", order=5), optional("c", 5)],
    "an optional step before": [optional("a", 0), step("b", order=1)],
    "written in another order": [step("b", order=2), step("a", order=1), optional("c", 1)],
    "a choice at the start": [
        step("a", order=1, branch="left"), step("b", order=1, branch="right"), step("c", order=2, branch="left"),
        step("d", order=2, branch="right"), step("e", order=3),
    ],
    "a choice of three": [step(name, order=1, branch=name) for name in ("left", "right", "middle")],
    "a choice made late": [
        step("a", order=1, branch="left"), step("b", order=2, branch="left"), step("c", order=2, branch="right"),
    ],
    "a choice between optional steps": [
        optional("a", 1, branch="left"), optional("b", 1, branch="right"), step("c", order=2, branch="left"),
        optional("d", 2, branch="right"),
    ],
    "a choice within a branch": [
        step("a", order=1, branch="left"), step("b", order=1, branch="right"), step("c", order=2, branch="up"),
        step("d", order=2, branch="down"), optional("e", 3, branch="left"), step("f", order=3),
    ],
    "an optional step beside the last of another branch": [
        step("a", order=1), optional("b", 2, branch="left"), step("c", order=2, branch="right"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("plan", SANE)
def test_a_sane_plan_of_steps_is_published(studio: APIClient, plan: str) -> None:
    assert refused(studio, quest("q", *SANE[plan])) == set()
