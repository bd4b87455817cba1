"""What of quests and pools may not be published, with its path and code; and what may, odd as it looks."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from quests.models import Quest
from tests.support.authoring import Json, achievement, count, designer, errors, metric, needs, quest, send, step
from tests.support.quest_checks import API, DAY, level, of, optional, refused, studio_of_quests

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> APIClient:
    return studio_of_quests()


# -- requirements ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirement", "field", "code"),
    [
        (of("COUNT", 2.5, "eq"), ".threshold", "never_met"),
        (of("MAX", 2, metric="kills"), ".threshold", "never_met"),
        (of("DISTINCT", 2, metric="kills"), ".metric", "no_member_field"),
        (of("STREAK", 3, timeframe=DAY), ".timeframe", "timeframe_not_allowed"),
        (of("COUNT", 30, "lt", timeframe=DAY), ".timeframe", "timeframe_not_allowed"),
        (count("nothing"), ".metric", "unknown_metric"),
        (needs("QUEST", "nothing"), ".target", "unknown_target"),
        (needs("ACHIEVEMENT", "nothing"), ".target", "unknown_target"),
    ],
)
@pytest.mark.parametrize("place", ["requirements", "steps[1].requirements", "fail_conditions"])
def test_a_requirement_that_can_never_be_met_is_refused(
    studio: APIClient, requirement: Json, field: str, code: str, place: str
) -> None:
    both: list[Json] = [count(threshold=3, metric="damage"), requirement]
    of_a_step = place.startswith("steps")
    body = quest("q", step("a"), step("b", *both)) if of_a_step else quest("q", **{place: both})
    assert refused(studio, body) == {(f"{place}[1]{field}", code)}


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"match": {"at_least": 3}}, "match", "never_met"),
        ({"match": {"at_least": 1}, "requirements": []}, "match", "never_met"),
        ({"requirements": [of("COUNT", 0)]}, "requirements", "met_before_playing"),
        ({"requirements": [of("COUNT", 5, "lte")]}, "requirements", "met_before_playing"),
        ({"requirements": [count(), of("SUM", 5, "lt")], "match": "ANY"}, "requirements", "met_before_playing"),
        ({"requirements": [of("COUNT", 9), of("COUNT", 5, "lte")]}, "requirements[1].threshold", "never_met"),
        ({"requirements": [level(2)]}, "requirements[0].type", "level_not_allowed"),
        ({"rewards": ["ten-coins", "nothing"]}, "rewards[1]", "unknown_reward"),
    ],
)
def test_a_step_that_cannot_work_is_refused(studio: APIClient, fields: Json, path: str, code: str) -> None:
    body = quest("q", step("a"), {**step("b", count(), of("SUM", 5)), **fields})
    assert refused(studio, body) == {(f"steps[1].{path}", code)}


@pytest.mark.parametrize("condition", [of("COUNT", 0), of("COUNT", 5, "lt"), of("SUM", 0, "eq"), of("STREAK", 1, "lt")])
def test_a_condition_that_would_fail_every_run_as_it_starts_is_refused(studio: APIClient, condition: Json) -> None:
    body = quest("q", fail_conditions=[of("MAX", 50), condition])
    assert refused(studio, body) == {("fail_conditions[1]", "fails_at_once")}


def test_a_level_is_asked_for_at_the_start_only(studio: APIClient) -> None:
    body = quest("q", fail_conditions=[level(3)], requirements=[level(2)])
    assert refused(studio, body) == {("fail_conditions[0].type", "level_not_allowed")}


@pytest.mark.parametrize("asked", [level(4), level(3, "gt"), level(1, "lt"), level(2.5, "eq")])
def test_a_level_that_nobody_is_ever_at_is_refused(studio: APIClient, asked: Json) -> None:
    assert refused(studio, quest("q", requirements=[asked])) == {("requirements[0].threshold", "never_met")}


@pytest.mark.parametrize("asked", [level(3), level(2, "gt"), level(1, "lte"), level(2, "eq")])
def test_a_level_that_somebody_may_be_at_is_published(studio: APIClient, asked: Json) -> None:
    assert refused(studio, quest("q", requirements=[asked])) == set()


def test_while_no_level_is_described_any_may_be_asked_for() -> None:
    client = designer()
    send(client, "metrics", metric())
    assert refused(client, quest("q", requirements=[level(40)])) == set()


@pytest.mark.parametrize("requirements", [[of("COUNT", 5, "lte")], [of("COUNT", 0)], [of("COUNT", 9), of("SUM", 3)]])
def test_what_starts_a_quest_may_be_met_by_everybody(studio: APIClient, requirements: list[Json]) -> None:
    assert refused(studio, quest("q", requirements=requirements)) == set()


def test_what_starts_a_quest_has_to_be_possible_at_once(studio: APIClient) -> None:
    body = quest("q", requirements=[of("COUNT", 9), of("COUNT", 5, "lte")])
    assert refused(studio, body) == {("requirements[1].threshold", "never_met")}


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        (of("COUNT", 10), of("COUNT", 10)),
        (of("COUNT", 10, timeframe=DAY), of("COUNT", 3)),
        (of("COUNT", 10), of("COUNT", 10, "eq")),
        (of("DISTINCT", 4), of("DISTINCT", 3, "gt")),
        (of("MAX", 50), of("MAX", 49.5)),
        (of("STREAK", 3), of("STREAK", 2)),
    ],
)
def test_a_step_whose_run_has_always_failed_before_is_refused(studio: APIClient, asked: Json, condition: Json) -> None:
    body = quest("q", step("a", asked), fail_conditions=[condition])
    assert refused(studio, body) == {("steps[0].requirements[0].threshold", "never_met")}


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        (of("COUNT", 10), of("COUNT", 10, "gt")),
        (of("COUNT", 10), of("COUNT", 3, timeframe=DAY)),
        (of("MAX", 50), of("MAX", 40, "eq")),
        (of("SUM", 50), of("SUM", 40)),
        (of("COUNT", 10), of("COUNT", 5, metric="kills")),
        (of("LATEST", 5), of("LATEST", 3)),
    ],
)
def test_a_step_that_some_run_completes_before_it_fails_is_published(
    studio: APIClient, asked: Json, condition: Json
) -> None:
    assert refused(studio, quest("q", step("a", asked), fail_conditions=[condition])) == set()


def test_a_step_with_another_way_is_not_refused_for_the_one_that_fails_the_run(studio: APIClient) -> None:
    either = step("a", of("COUNT", 10), of("SUM", 5), match="ANY")
    assert refused(studio, quest("q", either, fail_conditions=[of("COUNT", 3)])) == set()


@pytest.mark.parametrize(
    ("fields", "days", "codes"),
    [
        ({"time_limit": 3600}, 2, set()),
        ({"time_limit": 3600}, 3, {"never_met"}),
        ({"time_limit": 7 * 86_400}, 9, set()),
        ({"time_limit": 7 * 86_400}, 10, {"never_met"}),
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-02T00:00:00Z"}, 3, set()),
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-01-02T00:00:00Z"}, 4, {"never_met"}),
        ({"end_date": "2026-01-02T00:00:00Z"}, 40, set()),
        ({"repeat": "DAILY"}, 2, {"never_met"}),
        ({"repeat": "WEEKLY", "time_limit": 3600}, 20, {"never_met"}),
        ({"repeat": "ALWAYS"}, 400, set()),
    ],
)
def test_a_streak_has_to_fit_into_a_run(studio: APIClient, fields: Json, days: int, codes: set[str]) -> None:
    response = studio.post(f"{API}/quests", quest("q", step("a", of("STREAK", days)), **fields))
    found = response.json().get("errors", [])
    assert [(e["path"], e["code"]) for e in found] == [("steps[0].requirements[0].threshold", code) for code in codes]


def test_a_quest_of_everything_is_published(studio: APIClient) -> None:
    send(studio, "quests", quest("before"))
    send(studio, "achievements", achievement("hunter"))
    steps = [
        step("hunt", count(), of("SUM", 50), of("COUNT", 3, "lte"), match={"at_least": 2}, rewards=["ten-coins"] * 2),
        step("visit", needs("QUEST", "before"), needs("ACHIEVEMENT", "hunter"), order=2, match="ANY"),
        step("fight", of("MAX", 10, timeframe=DAY), order=3, branch="fight"),
        step("talk", order=3, branch="talk", completed_by="PLAYER"),
        optional("gloat", 3, rewards=["ten-coins"]),
    ]
    fields: Json = {
        "requirements": [level(2), needs("QUEST", "before"), count(threshold=1)],
        "fail_conditions": [of("COUNT", 5, timeframe=DAY), of("MIN", -1, "lte"), needs("ACHIEVEMENT", "hunter")],
        "rewards": ["ten-coins"], "time_limit": 86_400, "cooldown": 60, "repeat": "WEEKLY", "auto_start": True,
        "start_date": "2026-01-01T00:00:00Z", "end_date": "2027-01-01T00:00:00Z",
    }  # fmt: skip
    assert refused(studio, quest("q", *steps, **fields)) == set()


@pytest.mark.parametrize("end", ["2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-01T01:00:00+01:00"])
def test_a_quest_ends_after_it_starts(studio: APIClient, end: str) -> None:
    body = quest("q", start_date="2026-01-01T00:00:00Z", end_date=end)
    assert refused(studio, body) == {("end_date", "ends_before_it_starts")}


def test_every_problem_is_named_at_once(studio: APIClient) -> None:
    steps = [step("a", count("nothing"), branch="left"), optional("b", 2, match={"at_least": 1})]
    assert refused(studio, quest("q", *steps, rewards=["x"], fail_conditions=[of("COUNT", 0), level(1)])) == {
        ("steps[0].requirements[0].metric", "unknown_metric"),
        ("steps[0].branch", "branch_without_alternative"),
        ("steps[1]", "unreachable_step"),
        ("steps[1].match", "never_met"),
        ("rewards[0]", "unknown_reward"),
        ("fail_conditions[0]", "fails_at_once"),
        ("fail_conditions[1].type", "level_not_allowed"),
    }


def test_what_starts_by_itself_again_and_again_takes_more_than_others_completion(studio: APIClient) -> None:
    send(studio, "quests", quest("before"))
    met = step("go", needs("QUEST", "before"))
    forever: Json = {"repeat": "ALWAYS", "auto_start": True}
    either = step("or", count(), needs("QUEST", "before"), match="ANY")
    body = quest("q", met, either, optional("c", 1), **forever)
    assert refused(studio, body) == {("repeat", "never_begins_anew")}
    for fields in ({"repeat": "DAILY"}, {"auto_start": False}, {"steps": [met, step("count", count())]}):
        assert refused(studio, {**body, **fields, "id": "-".join(fields)}) == set()


# -- what waits for itself ---------------------------------------------------------------------------------------------


def test_a_quest_does_not_wait_for_itself(studio: APIClient) -> None:
    myself = needs("QUEST", "q")
    assert refused(studio, quest("q", requirements=[myself])) == {("requirements[0].target", "cycle")}
    body = quest("q", step("a"), step("b", count(), myself))
    assert refused(studio, body) == {("steps[1].requirements[1].target", "cycle")}


def test_a_circle_of_quests_is_refused(studio: APIClient) -> None:
    send(studio, "quests", quest("a"), quest("b", requirements=[needs("QUEST", "a")]))
    send(studio, "quests", quest("c", step("go", needs("QUEST", "b"))))
    response = studio.patch(f"{API}/quests/a", {"steps": [step("one"), step("two", needs("QUEST", "c"))]})
    assert ("steps[1].requirements[0].target", "cycle") in errors(response)
    assert "quest a → quest c → quest b → quest a" in response.json()["detail"]
    assert Quest.objects.get(pk="a").steps.count() == 1


@pytest.mark.parametrize("closing", ["achievement", "quest"])
def test_a_circle_through_quests_and_achievements_is_refused(studio: APIClient, closing: str) -> None:
    send(studio, "achievements", achievement("start"), achievement("then", prerequisites=["start"]))
    send(studio, "quests", quest("trail"))
    quest_waits = {"steps": [step("go", needs("ACHIEVEMENT", "then"))]}
    achievement_waits = {"requirements": [count(), needs("QUEST", "trail")]}
    if closing == "achievement":
        studio.patch(f"{API}/quests/trail", quest_waits)
        response = studio.patch(f"{API}/achievements/start", achievement_waits)
        own = ("requirements[1].target", "cycle")
    else:
        studio.patch(f"{API}/achievements/start", achievement_waits)
        response = studio.patch(f"{API}/quests/trail", quest_waits)
        own = ("steps[0].requirements[0].target", "cycle")
    assert response.status_code == 400
    assert own in errors(response)
    assert ("achievements[then].prerequisites[0]", "cycle") in errors(response)
    assert {code for _, code in errors(response)} == {"cycle"}
    assert len(errors(response)) == 3


def test_a_circle_of_achievements_alone_is_named_once(studio: APIClient) -> None:
    send(studio, "quests", quest("trail"))
    send(studio, "achievements", achievement("one"), achievement("two", prerequisites=["one"]))
    response = studio.patch(f"{API}/achievements/one", {"prerequisites": ["two"]})
    found = [(error["path"], error["code"]) for error in response.json()["errors"]]
    assert found == [("prerequisites[0]", "cycle"), ("achievements[two].prerequisites[0]", "cycle")]


def test_things_of_one_name_are_not_taken_for_each_other(studio: APIClient) -> None:
    send(studio, "achievements", achievement("same"))
    send(studio, "quests", quest("same", step("go", needs("ACHIEVEMENT", "same"))))
    send(studio, "achievements", achievement("other", needs("QUEST", "same")))


# -- pools -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"quests": []}, "quests", "no_quests"),
        ({"quests": ["one", "two"], "pick": 3}, "pick", "too_few_quests"),
        ({"quests": ["one", "two", "one"], "pick": 2}, "quests[2]", "duplicate_quest"),
        ({"quests": ["one", "nothing"]}, "quests[1]", "unknown_quest"),
        ({"quests": ["one", "plan"]}, "quests[1]", "unknown_quest"),
    ],
)
def test_a_pool_that_could_not_offer_is_refused(studio: APIClient, fields: Json, path: str, code: str) -> None:
    send(studio, "quests", quest("one"), quest("two"), quest("plan", draft=True))
    assert refused(studio, {"id": "daily", **fields}, "pools") == {(path, code)}


@pytest.mark.parametrize("fields", [{"quests": ["one"]}, {"quests": ["one", "two"], "pick": 2, "period": "WEEKLY"}])
def test_a_pool_that_can_offer_is_published(studio: APIClient, fields: Json) -> None:
    send(studio, "quests", quest("one"), quest("two"))
    assert refused(studio, {"id": "daily", **fields}, "pools") == set()


# -- achievements that take quests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requirements", "match"),
    [
        ([count(), needs("ACHIEVEMENT", "hunter")], "ANY"),
        ([count(), needs("QUEST", "trail")], {"at_least": 1}),
        ([count(), needs("QUEST", "trail"), needs("ACHIEVEMENT", "hunter")], {"at_least": 2}),
        ([count(), count(threshold=5, operator="lte"), needs("QUEST", "trail")], {"at_least": 2}),
    ],
)
def test_what_others_alone_complete_cannot_repeat_always(
    studio: APIClient, requirements: list[Json], match: Any
) -> None:
    send(studio, "achievements", achievement("hunter"))
    send(studio, "quests", quest("trail"))
    body = achievement("again", *requirements, match=match, repeat="ALWAYS")
    assert refused(studio, body, "achievements") == {("repeat", "never_begins_anew")}
    assert refused(studio, {**body, "repeat": "DAILY"}, "achievements") == set()


@pytest.mark.parametrize(
    ("requirements", "match"),
    [
        ([count(), needs("QUEST", "trail")], "ALL"),
        ([count(), of("SUM", 5)], "ANY"),
        ([count(), of("SUM", 5), needs("QUEST", "trail")], {"at_least": 2}),
    ],
)
def test_what_also_takes_a_count_can_repeat_always(studio: APIClient, requirements: list[Json], match: Any) -> None:
    send(studio, "quests", quest("trail"))
    body = achievement("again", *requirements, match=match, repeat="ALWAYS")
    assert refused(studio, body, "achievements") == set()
