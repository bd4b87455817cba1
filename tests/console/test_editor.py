"""The page of one draft: what stands around its form, what is said while somebody types, and when two people save."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements.models import Achievement
from gamification.kernel.console import settling
from gamification.kernel.content.editing import SavedSince, UpdateContent
from gamification.kernel.content.kinds import kind
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.encoding import instant
from gamification.kernel.models import AuditEntry, Version
from quests.models import Quest
from tests.support.authoring import achievement, coins, count, designer, metric, needs, quest, send
from tests.support.console_forms import Form, logged_in, of_achievement, requirement, rows, said

pytestmark = pytest.mark.django_db

ADD = "/admin/achievements/achievement/add/"
PAGE = "/admin/achievements/achievement/hunter/change/"


@pytest.fixture
def mia(client: Client) -> Client:
    return logged_in(client, "mia", "designers")


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("hunter", title="The Hunter", rewards=["ten-coins"]))


def check(client: Client, address: str, form: Form) -> dict[str, Any]:
    response = client.post(address, {**form, "_check": "1"})
    assert response.status_code == 200
    found: dict[str, Any] = json.loads(response.content)
    return found


def stored(**fields: Any) -> Form:
    """The form of `hunter` as a browser shows it, with these fields changed."""
    draft = Achievement.objects.get(pk="hunter")
    form = of_achievement(title=draft.title, points=draft.points, type=draft.type, category=draft.category)
    for prefix in ("requirements", "rewards", "prerequisites"):
        lines = list(getattr(draft, prefix).all())
        form |= {f"{prefix}-TOTAL_FORMS": len(lines), f"{prefix}-INITIAL_FORMS": len(lines)}
        for index, line in enumerate(lines):
            values = {field.name: field.value_from_object(line) for field in line._meta.concrete_fields[1:]}
            form |= {f"{prefix}-{index}-{name}": "" if v is None else v for name, v in values.items()}
            form |= {f"{prefix}-{index}-id": line.pk, f"{prefix}-{index}-position": line.position + 1}
    return {**form, **fields}


# -- while somebody types ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(mia: Client) -> None:
    found = check(mia, ADD, of_achievement(requirement(), requirement(threshold="2.5", operator="eq"), id="new"))
    [wrong] = found["problems"]
    assert wrong["field"] == "id_requirements-1-threshold"
    assert wrong["where"] == "requirements, row 2, threshold"
    assert "can never be met" in wrong["why"]
    found = check(mia, ADD, of_achievement(requirement(threshold=""), id="new"))
    assert found["mistakes"] == [
        {"field": "id_requirements-0-threshold", "where": "how much", "why": "COUNT needs this field."}
    ]
    assert not Achievement.objects.filter(pk="new").exists()
    assert not AuditEntry.objects.filter(subject_id="new").exists()
    mia.post(PAGE, {**stored(title="Anything"), "_check": "1"})
    assert "Saved" not in mia.get(PAGE).content.decode()


@pytest.mark.usefixtures("game")
def test_what_is_odd_is_a_warning_at_its_field(mia: Client) -> None:
    found = check(mia, PAGE, stored(series="hunts", tier=""))
    assert found["problems"] == []
    found = check(mia, PAGE, stored(ends_at="2020-01-01T00:00:00"))
    assert [wrong["field"] for wrong in found["warnings"]] == ["id_ends_at"]


@pytest.mark.usefixtures("game")
def test_what_a_player_would_see_follows_what_is_typed(mia: Client) -> None:
    assert "The Huntress &lt;b&gt;" in check(mia, PAGE, stored(title="The Huntress <b>"))["seen"]
    secret = check(mia, PAGE, stored(type="SECRET"))["seen"]
    before, after = secret.split("Then:")
    assert "hunter" in before
    assert "The Hunter" not in before
    assert "The Hunter" in after


@pytest.mark.usefixtures("game")
def test_rows_that_are_moved_or_deleted_keep_their_mistakes(mia: Client) -> None:
    form = of_achievement(requirement(), requirement(threshold="2.5", operator="eq"), id="new")
    moved = {**form, "requirements-1-position": 1, "requirements-0-position": 2}
    [wrong] = check(mia, ADD, moved)["problems"]
    assert wrong["field"] == "id_requirements-1-threshold"


def test_a_mistake_of_a_quests_step_stands_at_the_rows_of_that_step(mia: Client) -> None:
    send(designer(), "metrics", metric())
    form = {
        "id": "trail", "title": "Trail", "type": "SIDE", "difficulty": "EASY", "repeat": "NEVER", "is_active": "on",
        **rows(
            "steps", {"step_id": "one", "title": "One", "order": 1, "match_0": "ALL", "completed_by": "SERVER"},
            {"step_id": "two", "title": "Two", "order": 2, "match_0": "ALL", "completed_by": "SERVER"},
        ),
        **rows(
            "requirements", requirement(role="STEP", step="one"),
            requirement(role="STEP", step="two", threshold="2.5", operator="eq"),
        ),
        **rows("rewards"),
    }  # fmt: skip
    [wrong] = check(mia, "/admin/quests/quest/add/", form)["problems"]
    assert wrong["field"] == "id_requirements-1-threshold"
    assert not Quest.objects.exists()


# -- what stands around it ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_a_draft_says_who_uses_it_and_how_far_it_is(mia: Client) -> None:
    send(designer(), "achievements", achievement("keeper", needs("ACHIEVEMENT", "hunter"), count()))
    page = mia.get(PAGE)
    assert [use.name for use in page.context["used_by"]] == ["achievement keeper"]
    assert page.context["state"].words == "published, version 1"
    designer().patch("/api/v1/achievements/hunter", {"points": 99, "draft": True})
    assert mia.get(PAGE).context["state"].words == "draft, differs from version 1"
    used = mia.get("/admin/progress/metric/kills/change/").context["used_by"]
    assert [use.name for use in used] == ["achievement hunter", "achievement keeper"]


@pytest.mark.usefixtures("game")
def test_a_form_has_sections_and_the_wrong_one_is_marked(mia: Client) -> None:
    page = mia.get(PAGE)
    assert [section.title for section in page.context["sections"]] == [
        "What it says", "What it asks", "What it gives", "When", "For the game",
    ]  # fmt: skip
    page = mia.post(ADD, of_achievement(requirement(threshold=""), id="new"))
    assert [section.title for section in page.context["sections"] if section.is_wrong] == ["What it asks"]


@pytest.mark.usefixtures("game")
def test_the_page_of_a_draft_is_read_in_25_queries(mia: Client) -> None:
    many = [count(threshold=number) for number in range(2, 9)]
    changes = {"requirements": many, "rewards": ["ten-coins"] * 7, "draft": True}
    assert designer().patch("/api/v1/achievements/hunter", changes).status_code == 200
    send(designer(), "quests", quest())
    for page in (PAGE, "/admin/quests/quest/trail/change/", "/admin/progress/metric/kills/change/"):
        mia.get(page)  # what a process looks up once is known
        with CaptureQueriesContext(connection) as captured:
            assert mia.get(page).status_code == 200
        asked = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        assert len(asked) <= 25, "\n".join(each[:110] for each in asked)


# -- when two people save ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_who_saves_over_a_newer_save_is_shown_base_theirs_and_mine(mia: Client) -> None:
    opened = mia.get(PAGE).context
    meanwhile = designer().patch("/api/v1/achievements/hunter", {"title": "Their Hunter", "points": 7, "draft": True})
    assert meanwhile.status_code == 200
    opened_as = {"_seen": opened["seen_at"], "_base": opened["base"]}
    asked = {"requirements-0-threshold": "12"}
    response = mia.post(PAGE, stored(title="My Hunter", description="Mine", points=0, **asked, **opened_as))
    assert response.status_code == 409
    shown = {each.name: each for each in response.context["fields"]}
    assert {name: (each.base, each.theirs, each.mine, each.chosen) for name, each in shown.items()} == {
        "title": (["The Hunter"], ["Their Hunter"], ["My Hunter"], ""),
        "description": (["-"], ["-"], ["Mine"], "mine"),
        "points": (["0"], ["7"], ["0"], "theirs"),
        "requirements": (
            ["Kills: at least 10 times"],
            ["Kills: at least 10 times"],
            ["Kills: at least 12 times"],
            "mine",
        ),
    }
    assert shown["title"].is_both
    assert Achievement.objects.get().title == "Their Hunter"
    assert said(response) == []
    settle = PAGE.replace("change", "settle")
    kept = {name: response.context[name.removeprefix("_")] for name in ("_base", "_mine", "_seen")}
    asked_again = mia.post(settle, kept)
    assert asked_again.status_code == 409
    assert Achievement.objects.get().title == "Their Hunter"
    settled = mia.post(settle, {**kept, "take-title": "mine", "take-description": "theirs"})
    assert settled["Location"] == PAGE
    draft = Achievement.objects.get()
    assert (draft.title, draft.points, draft.description) == ("My Hunter", 7, "")
    assert [line.threshold for line in draft.requirements.all()] == [12]
    assert said(settled) == ["Saved the draft of hunter, with title, requirements of yours."]


@pytest.mark.usefixtures("game")
def test_whoever_settles_while_a_third_saves_is_asked_once_more(mia: Client) -> None:
    opened = mia.get(PAGE).context
    designer().patch("/api/v1/achievements/hunter", {"title": "Theirs", "draft": True})
    mine = stored(title="Mine", description="", points=0, _seen=opened["seen_at"], _base=opened["base"])
    context = mia.post(PAGE, mine).context
    kept = {"_base": context["base"], "_mine": context["mine"], "_seen": context["seen"], "take-title": "mine"}
    designer().patch("/api/v1/achievements/hunter", {"points": 3, "draft": True})
    again = mia.post(PAGE.replace("change", "settle"), kept)
    assert again.status_code == 409
    assert {each.name: each.chosen for each in again.context["fields"]} == {"title": "mine", "points": "theirs"}
    mia.post(PAGE.replace("change", "settle"), {**kept, "_seen": again.context["seen"]})
    assert (Achievement.objects.get().title, Achievement.objects.get().points) == ("Mine", 3)


@pytest.mark.usefixtures("game")
def test_what_is_settled_is_checked_like_any_change(mia: Client) -> None:
    draft, of = mia.get(PAGE).context, kind("achievement")
    mine = {**of.read(Achievement.objects.get()), "points": -1}
    sent = {"_base": draft["base"], "_seen": draft["seen_at"], "_mine": settling.kept(of, mine)}
    refused = mia.post(PAGE.replace("change", "settle"), sent)
    assert refused.status_code == 409
    assert "points" in said(refused)[0]
    assert Achievement.objects.get().points == 0


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("name", ["_base", "_mine"])
@pytest.mark.parametrize("value", ["", "[1]", "{", "{}", '{"requirements": [{"type": []}]}', "of another kind"])
def test_only_what_a_page_was_given_to_keep_is_settled(mia: Client, name: str, value: str) -> None:
    draft, of_quests = mia.get(PAGE).context, settling.kept(kind("quest"), {"steps": [{"id": []}]})
    sent = {"_base": draft["base"], "_mine": draft["base"], "_seen": draft["seen_at"]}
    sent[name] = of_quests if value == "of another kind" else value
    assert mia.post(PAGE.replace("change", "settle"), sent).status_code == 400


@pytest.mark.usefixtures("game")
def test_changes_to_a_draft_that_somebody_saved_since_are_refused() -> None:
    seen = instant(Achievement.objects.get().updated_at)
    change = partial(UpdateContent, kind="achievement", id="hunter", draft=True, seen=seen)
    bus.handle(change(changes={"title": "Theirs"}), actor=SYSTEM, now=timezone.now())
    with pytest.raises(SavedSince):
        bus.handle(change(changes={"title": "Mine"}), actor=SYSTEM, now=timezone.now())
    assert Achievement.objects.get().title == "Theirs"


@pytest.mark.usefixtures("game")
def test_who_saves_what_nobody_touched_is_not_asked(mia: Client) -> None:
    opened = mia.get(PAGE).context
    response = mia.post(PAGE, stored(title="My Hunter", _seen=opened["seen_at"], _base=opened["base"], _continue="1"))
    assert response["Location"] == PAGE
    assert said(response) == ["Saved the draft of hunter."]


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("base", ["", "[1]", "{", "null"])
def test_a_base_that_makes_no_sense_breaks_nothing(mia: Client, base: str) -> None:
    assert mia.post(PAGE, stored(title="My Hunter", _seen="long ago", _base=base)).status_code == 409


@pytest.mark.usefixtures("game")
def test_a_save_is_in_the_audit_log_with_what_it_changed(mia: Client) -> None:
    mia.post(PAGE, stored(title="My Hunter"))
    entry = AuditEntry.objects.get(action="save_draft")
    assert (entry.actor, entry.kind, entry.subject_id) == ("user:mia", "achievement", "hunter")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["title"], entry.after["title"]) == ("The Hunter", "My Hunter")


# -- a copy, and an older state ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_a_draft_is_cloned_under_another_id(mia: Client) -> None:
    response = mia.post(PAGE.replace("change", "clone"), {"id": "hunter-2"})
    assert response["Location"] == PAGE.replace("hunter", "hunter-2")
    copy = Achievement.objects.get(pk="hunter-2")
    assert (copy.title, copy.published) == ("The Hunter", None)
    assert [line.reward_id for line in copy.rewards.all()] == ["ten-coins"]
    assert any("already" in line for line in said(mia.post(PAGE.replace("change", "clone"), {"id": "hunter"})))


@pytest.mark.usefixtures("game")
def test_changes_are_discarded_and_an_old_version_taken_again(mia: Client) -> None:
    designer().patch("/api/v1/achievements/hunter", {"title": "Second"})
    designer().patch("/api/v1/achievements/hunter", {"title": "Third", "draft": True})
    mia.post(PAGE.replace("change", "take"))
    draft = Achievement.objects.get()
    assert (draft.title, draft.has_changes) == ("Second", False)
    mia.post(PAGE.replace("change", "take"), {"version": "1"})
    draft.refresh_from_db()
    assert (draft.title, draft.has_changes) == ("The Hunter", True)
    assert Version.objects.filter(content_id="hunter").count() == 2


@pytest.mark.usefixtures("game")
@pytest.mark.parametrize("version", ["9", "x", "-1", "9" * 30])
def test_a_version_that_is_not_there_is_not_taken(mia: Client, version: str) -> None:
    answer = mia.post(PAGE.replace("change", "take"), {"version": version})
    assert answer.status_code in (302, 400)
    assert Achievement.objects.get().title == "The Hunter"


@pytest.mark.usefixtures("game")
def test_a_copy_is_made_by_a_button_not_by_an_address(mia: Client) -> None:
    assert mia.get(PAGE.replace("change", "clone")).status_code == 400
