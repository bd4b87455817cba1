"""The console: a quest written on one page, with its steps, requirements and rewards; pools; players' runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.models import Version
from quests.commands import CompleteStep, StartQuest
from quests.content import read_quest
from quests.models import Pool, Quest, QuestRequirement, Run, Step
from tests.support.authoring import achievement, coins, count, designer, metric, needs, quest, send
from tests.support.authoring import step as a_step
from tests.support.console_forms import Form, logged_in, mistakes, of_achievement, requirement, rows, said

pytestmark = pytest.mark.django_db

ADD = "/admin/quests/quest/add/"
CHANGE = "/admin/quests/quest/trail/change/"


@pytest.fixture
def mia(client: Client) -> Client:
    send(designer(), "metrics", metric("kills"), metric("deaths"))
    send(designer(), "rewards", coins("ten-coins"), coins("five-coins"))
    send(designer(), "achievements", achievement("hunter"))
    return logged_in(client, "mia", "designers")


def step(id_: str, order: int = 1, **fields: Any) -> Form:
    return {
        "step_id": id_, "title": id_.title(), "description": "", "order": order, "match_0": "ALL", "match_1": "",
        "branch": "", "completed_by": "SERVER", **fields,
    }  # fmt: skip


def line(role: str, type_: str = "COUNT", of: str = "", **fields: Any) -> Form:
    return {"role": role, "step": of, **requirement(type_, **fields)}


def reward(id_: str, of: str = "") -> Form:
    return {"reward": id_, "step": of}


STEPS = [
    step("hunt", branch="force", match_0="at_least", match_1="1"),
    step("talk", branch="wit", completed_by="PLAYER"),
    step("gather", 2, is_optional="on"),
    step("return", 2),
]
LINES = [
    line("STEP", of="hunt"),
    line("START", "LEVEL", metric="", threshold="2"),
    line("STEP", "SUM", of="hunt", threshold="50"),
    line("FAIL", metric="deaths", threshold="3", duration="1", unit="hours"),
    line("STEP", "ACHIEVEMENT", of="return", metric="", threshold="", target="hunter"),
    line("STEP", of="gather", threshold="5"),
]
REWARDS = [reward("ten-coins"), reward("five-coins", "hunt"), reward("ten-coins", "gather"), reward("five-coins")]


def form(steps: list[Form] = STEPS, lines: list[Form] = LINES, rewards: list[Form] = REWARDS, **fields: Any) -> Form:
    return {
        "id": "trail", "title": "The trail", "description": "Follow it", "type": "MAIN", "difficulty": "HARD",
        "repeat": "WEEKLY", "cooldown": "60", "auto_start": "on", "is_active": "on",
        "start_date": "2026-01-01T00:00:00", "end_date": "", "time_limit": "3600", "metadata": "",
        "min_seconds": "600", "tags": "",
        **rows("steps", *steps), **rows("requirements", *lines), **rows("rewards", *rewards), **fields,
    }  # fmt: skip


def stored() -> Form:
    """The form of `trail` as a browser would send it back unchanged."""
    draft = Quest.objects.get(pk="trail")
    sent: Form = {name: value for name, value in form([], [], []).items() if name != "id"}
    for prefix in ("steps", "requirements", "rewards"):
        lines = list(getattr(draft, prefix).all())
        sent |= {f"{prefix}-TOTAL_FORMS": len(lines), f"{prefix}-INITIAL_FORMS": len(lines)}
        for index, row in enumerate(lines):
            values = {field.name: field.value_from_object(row) for field in row._meta.concrete_fields[1:]}
            values |= {"id": row.pk, "quest": "trail", "position": values["position"] + 1}
            if isinstance(row, Step):
                match = values.pop("match") or "ALL"
                values["match_0"] = match if isinstance(match, str) else "at_least"
                values["match_1"] = "" if isinstance(match, str) else match["at_least"]
            if not values.get("is_optional", True):
                del values["is_optional"]
            sent |= {f"{prefix}-{index}-{name}": "" if value is None else value for name, value in values.items()}
    return sent


def test_a_quest_with_branches_is_written_on_one_page_and_published(mia: Client) -> None:
    response = mia.post(ADD, form(_publish="1", _reason="Season 2"))
    assert response.status_code == 302, mistakes(response)
    assert said(response)[-1].startswith("Published trail as version 1"), said(response)
    version = Version.objects.get(kind="quest")
    assert (version.who, version.reason) == ("user:mia", "Season 2")
    kills: Any = {"timeframe": None}
    assert version.definition == {
        "id": "trail", "title": "The trail", "description": "Follow it", "type": "MAIN", "difficulty": "HARD",
        "steps": [
            {
                "id": "hunt", "title": "Hunt", "description": "", "order": 1,
                "requirements": [count(**kills), {**count(threshold=50, **kills), "type": "SUM"}],
                "match": {"at_least": 1}, "rewards": ["five-coins"], "is_optional": False, "branch": "force",
                "completed_by": "SERVER",
            },
            {
                "id": "talk", "title": "Talk", "description": "", "order": 1, "requirements": [], "match": "ALL",
                "rewards": [], "is_optional": False, "branch": "wit", "completed_by": "PLAYER",
            },
            {
                "id": "gather", "title": "Gather", "description": "", "order": 2,
                "requirements": [count(threshold=5, **kills)], "match": "ALL", "rewards": ["ten-coins"],
                "is_optional": True, "branch": None, "completed_by": "SERVER",
            },
            {
                "id": "return", "title": "Return", "description": "", "order": 2,
                "requirements": [needs("ACHIEVEMENT", "hunter")], "match": "ALL", "rewards": [],
                "is_optional": False, "branch": None, "completed_by": "SERVER",
            },
        ],
        "rewards": ["ten-coins", "five-coins"],
        "requirements": [{"type": "LEVEL", "operator": "gte", "threshold": 2}],
        "fail_conditions": [count("deaths", 3, timeframe={"duration": 1, "unit": "hours"})],
        "time_limit": 3600, "start_date": "2026-01-01T00:00:00Z", "end_date": None, "repeat": "WEEKLY",
        "cooldown": 60, "auto_start": True, "is_active": True, "metadata": {},
        "min_seconds": 600, "tags": [], "examples": [],
    }  # fmt: skip
    page = mia.get(CHANGE)
    shown = page.context["inline_admin_formsets"][0].formset.forms
    assert [row["match"].value() for row in shown] == [{"at_least": 1}, "ALL", "ALL", "ALL"]
    assert [row["position"].value() for row in shown] == [1, 2, 3, 4]


def test_a_page_saved_unchanged_changes_nothing(mia: Client) -> None:
    mia.post(ADD, form(_publish="1"))
    before = as_read()
    response = mia.post(CHANGE, {**stored(), "_publish": "1"})
    assert response.status_code == 302, mistakes(response)
    assert "is published as it stands already" in said(response)[-1]
    assert as_read() == before
    assert Version.objects.filter(kind="quest").count() == 1


def as_read() -> Any:
    return read_quest(Quest.objects.get(pk="trail"))


def test_a_draft_is_edited_row_by_row(mia: Client) -> None:
    mia.post(ADD, form())
    assert Quest.objects.get().published is None
    sent = stored()
    sent |= {"steps-1-DELETE": "on", "steps-0-branch": "", "requirements-5-threshold": "7", "rewards-3-step": "return"}
    assert mia.post(CHANGE, sent).status_code == 302
    read = as_read()
    assert [each["id"] for each in read["steps"]] == ["hunt", "gather", "return"]
    assert read["steps"][1]["requirements"][0]["threshold"] == 7
    assert (read["rewards"], read["steps"][2]["rewards"]) == (["ten-coins"], ["five-coins"])
    assert Quest.objects.get().published is None


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"id": "no spaces"}, "id"),
        ({"title": " "}, "title"),
        ({"cooldown": "0"}, "cooldown"),
        ({"time_limit": "0"}, "time_limit"),
        ({"time_limit": "soon"}, "time_limit"),
        ({"metadata": "[1]"}, "metadata"),
        ({"repeat": "YEARLY"}, "repeat"),
        ({"steps-1-step_id": "hunt"}, "steps-1-step_id"),
        ({"steps-1-step_id": "a/b"}, "steps-1-step_id"),
        ({"steps-0-title": ""}, "steps-0-title"),
        ({"steps-0-order": "first"}, "steps-0-order"),
        ({"steps-0-match_1": ""}, "steps-0-match"),
        ({"requirements-0-step": "nothing"}, "requirements-0-step"),
        ({"requirements-0-step": ""}, "requirements-0-step"),
        ({"requirements-1-step": "hunt"}, "requirements-1-step"),
        ({"requirements-3-role": "STEP", "requirements-3-step": "none"}, "requirements-3-step"),
        ({"requirements-1-role": "FAIL"}, "requirements-1-type"),
        ({"requirements-1-threshold": ""}, "requirements-1-threshold"),
        ({"requirements-0-metric": ""}, "requirements-0-metric"),
        ({"requirements-4-target": ""}, "requirements-4-target"),
        ({"requirements-4-target": "nobody"}, "requirements-4-target"),
        ({"requirements-4-type": "QUEST"}, "requirements-4-target"),
        ({"requirements-3-unit": ""}, "requirements-3-unit"),
        ({"rewards-1-step": "nothing"}, "rewards-1-step"),
        ({"rewards-0-reward": "nothing"}, "rewards-0-reward"),
    ],
)
def test_a_mistake_stands_next_to_its_field(mia: Client, fields: Form, name: str) -> None:
    response = mia.post(ADD, form(**fields))
    assert response.status_code == 200
    assert list(mistakes(response)) == [name]
    assert not Quest.objects.exists()


def test_a_step_that_goes_takes_nothing_along_unasked(mia: Client) -> None:
    mia.post(ADD, form())
    response = mia.post(CHANGE, {**stored(), "steps-0-DELETE": "on"})
    assert list(mistakes(response)) == ["requirements-0-step", "requirements-2-step", "rewards-1-step"]
    assert (Step.objects.count(), QuestRequirement.objects.count()) == (4, 6)
    gone = {"steps-0-DELETE": "on", "steps-1-branch": "", "rewards-1-DELETE": "on"}
    gone |= {"requirements-0-DELETE": "on", "requirements-2-DELETE": "on"}
    assert mia.post(CHANGE, {**stored(), **gone}).status_code == 302
    assert (Step.objects.count(), QuestRequirement.objects.count()) == (3, 4)


def test_what_publishing_refuses_is_shown_with_its_row_and_the_draft_is_kept(mia: Client) -> None:
    lines = [*LINES[:5], line("STEP", of="gather", threshold="2.5", operator="eq")]
    lines[3] = line("FAIL", metric="deaths", threshold="0")
    response = mia.post(ADD, form(lines=lines, steps=[*STEPS, step("rest", 3, is_optional="on")], _publish="1"))
    assert response["Location"] == CHANGE
    about = "Quest trail is saved, but not published: "
    found = sorted(text.removeprefix(about) for text in said(response) if text.startswith(about))
    assert [text[: text.index(":")] for text in found] == [
        "requirements, row 4", "requirements, row 6, threshold", "steps, row 5",
    ]  # fmt: skip
    assert Quest.objects.get().published is None
    assert not Version.objects.filter(kind="quest").exists()

    response = mia.post(CHANGE, stored())
    warnings = [text for text in said(response) if "it cannot be published yet" in text]
    assert any("requirements, row 6, threshold: COUNT eq 2.5 can never be met" in text for text in warnings)
    assert any("steps, row 5: The quest is complete before the step is active" in text for text in warnings)


def test_a_reward_that_was_retired_is_shown_with_its_row(mia: Client) -> None:
    mia.post(ADD, form())
    assert designer().delete("/api/v1/rewards/five-coins").status_code == 204
    response = mia.post(CHANGE, {**stored(), "_publish": "1"})
    found = [text for text in said(response) if "five-coins" in text]
    assert [text.split(": ")[1] for text in found] == ["rewards, row 4", "rewards, row 2"]


def test_who_publishes_is_told_of_the_runs_on_older_versions(mia: Client) -> None:
    send(designer(), "quests", quest("trail"), quest("other"))
    statuses = [("ann", "trail", "IN_PROGRESS"), ("bob", "trail", "IN_PROGRESS"), ("cat", "trail", "COMPLETED")]
    for player_id, quest_id, status in [*statuses, ("ann", "other", "IN_PROGRESS")]:
        Run.objects.create(
            player_id=player_id, quest_id=quest_id, run=1, version=1, status=status, started_at=timezone.now()
        )
    here = "/admin/quests/quest/"
    response = mia.post(here, {"action": "publish_selected", "_selected_action": ["trail"]})
    assert not any("run(s)" in text for text in said(response))
    designer().patch("/api/v1/quests/trail", {"title": "Another", "draft": True})
    response = mia.post(here, {"action": "publish_selected", "_selected_action": ["trail"]})
    assert said(response)[-2:] == [
        "Published trail as version 2.",
        "2 run(s) of trail in progress stay on the version they started with.",
    ]


def test_runs_in_progress_are_moved_where_what_they_have_done_still_exists(mia: Client) -> None:
    send(designer(), "quests", quest("trail", steps=[a_step("one"), a_step("two")]))
    for player_id in ("ann", "bob"):
        bus.handle(StartQuest(player_id=player_id, quest_id="trail"), actor=SYSTEM, now=timezone.now())
    bus.handle(CompleteStep(player_id="bob", quest_id="trail", step_id="one"), actor=SYSTEM, now=timezone.now())
    designer().patch("/api/v1/quests/trail", {"steps": [a_step("two"), a_step("three")]})
    response = mia.post("/admin/quests/quest/", {"action": "move_runs", "_selected_action": ["trail"]})
    gone = "1 stay: steps that they have done are gone."
    assert said(response)[-1] == f"1 run(s) of trail moved to version 2. {gone}"
    assert dict(Run.objects.values_list("player_id", "version")) == {"ann": 2, "bob": 1}


def test_a_pool_is_written_and_published(mia: Client) -> None:
    send(designer(), "quests", quest("one"), quest("two"))
    sent = {"id": "daily", "pick": "1", "period": "WEEKLY", **rows("quests", {"quest": "two"}, {"quest": "one"})}
    assert list(mistakes(mia.post("/admin/quests/pool/add/", {**sent, "pick": "0"}))) == ["pick"]
    assert list(mistakes(mia.post("/admin/quests/pool/add/", {**sent, "quests-1-quest": "x"}))) == ["quests-1-quest"]
    assert not Pool.objects.exists()
    response = mia.post("/admin/quests/pool/add/", {**sent, "pick": "3", "_publish": "1"})
    assert any("pick: 3 quests are to be offered, but there are 2" in text for text in said(response))
    assert Pool.objects.get().published is None
    designer().patch("/api/v1/pools/daily", {"pick": 2})
    assert Version.objects.get(kind="pool").definition == {
        "id": "daily", "quests": ["two", "one"], "pick": 2, "period": "WEEKLY", "tags": [],
    }  # fmt: skip
    assert mia.get("/admin/quests/pool/daily/change/").status_code == 200


def test_a_quest_in_a_pool_is_not_retired(mia: Client) -> None:
    send(designer(), "quests", quest("one"))
    send(designer(), "pools", {"id": "daily", "quests": ["one"]})
    response = mia.post("/admin/quests/quest/", {"action": "retire_selected", "_selected_action": ["one"]})
    assert any("still needed by pool daily" in text for text in said(response))
    assert Quest.objects.get().retired_at is None


def test_an_achievement_may_take_a_quest(mia: Client) -> None:
    send(designer(), "quests", quest("trail", a_step("go")))
    takes = requirement("QUEST", metric="", threshold="", target="trail")
    sent = {**of_achievement(takes, id="trailed"), "_publish": "1"}
    add = "/admin/achievements/achievement/add/"
    wrong = mia.post(add, {**sent, "requirements-0-type": "ACHIEVEMENT"})
    assert mistakes(wrong) == {"requirements-0-target": ["There is no achievement called so."]}
    mia.post(add, sent)
    assert Version.objects.get(content_id="trailed").definition["requirements"] == [needs("QUEST", "trail")]


@pytest.mark.parametrize(
    ("group", "may_write", "may_look"),
    [
        ("designers", True, False),
        ("reviewers", False, True),
        ("support", False, True),
        ("analysts", False, True),
    ],
)
def test_designers_write_quests_and_the_others_look_at_runs(
    client: Client, group: str, may_write: bool, may_look: bool
) -> None:
    send(designer(), "metrics", metric("kills"))
    send(designer(), "quests", quest("trail"))
    run = Run.objects.create(
        player_id="ann", quest_id="trail", run=1, version=1, started_at=timezone.now(), state={"steps": {"hunt": {}}}
    )
    assert Group.objects.filter(name=group).exists()
    logged_in(client, "someone", group)
    for path in (ADD, "/admin/quests/pool/add/"):
        assert client.get(path).status_code == (200 if may_write else 403), path
    for path in (CHANGE, "/admin/quests/quest/?q=trail"):
        assert client.get(path).status_code == 200, path
    for path in ("/admin/quests/run/?q=ann", f"/admin/quests/run/{run.pk}/change/"):
        response = client.get(path)
        assert response.status_code == (200 if may_look else 403), path
        assert not may_look or "trail" in response.content.decode()
    assert client.get("/admin/quests/run/add/").status_code == 403
    if not may_write:
        assert client.post(CHANGE, {"_publish": "1"}).status_code == 403
    assert Version.objects.filter(kind="quest").count() == 1


def test_runs_are_found_by_player_and_quest(admin_client: Client) -> None:
    for player_id, quest_id in (("ann", "trail"), ("bob", "trail"), ("bob", "walk")):
        Run.objects.create(player_id=player_id, quest_id=quest_id, run=1, version=1, started_at=timezone.now())

    def found(query: str) -> int:
        return int(admin_client.get(f"/admin/quests/run/?{query}").context["cl"].result_count)

    assert (found("q=bob"), found("q=nobody"), found("q=bob&status__exact=FAILED")) == (2, 0, 0)
