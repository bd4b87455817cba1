"""Versions are compared on a page, taken back by a button, and a draft is previewed by another."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from achievements.content import read_achievement
from achievements.models import Achievement
from anticheat.models import Rule
from gamification.kernel.models import AuditEntry, Release
from progress.models import Backfill
from tests.support.authoring import achievement, coins, count, designer, metric, quest, send
from tests.support.console_forms import logged_in, said
from tests.support.content import event
from tests.support.playing import kills, process
from tests.support.queries import queries_of

pytestmark = pytest.mark.django_db

HUNTER = "/admin/achievements/achievement/hunter/"


@pytest.fixture
def mia(client: Client) -> Client:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins"]))
    designer().patch("/api/v1/achievements/hunter", {"requirements": [count(threshold=20)], "title": "Huntress"})
    designer().patch("/api/v1/achievements/hunter", {"points": 5, "draft": True})
    return logged_in(client, "mia", "designers")


def test_any_two_versions_are_compared(mia: Client) -> None:
    page = mia.get(f"{HUNTER}compare/?from=1&to=2").content.decode()
    assert "Kills: at least 20 times" in page
    assert "counted anew" in page
    assert "dropped" in page
    assert "<td>Hunter</td><td>Huntress</td>" in page
    page = mia.get(f"{HUNTER}compare/").content.decode()
    assert "From version 2 to the draft" in page
    assert "<td>0</td><td>5</td>" in page
    assert "kept as it is" in page


@pytest.mark.parametrize("query", ["from=9&to=1", "from=x", "to=-1", "from=%00", "to=99999999999999999999"])
def test_a_version_that_never_was_is_not_found(mia: Client, query: str) -> None:
    assert mia.get(f"{HUNTER}compare/?{query}").status_code in (400, 404)


def test_runs_in_progress_are_counted_on_each_version(mia: Client) -> None:
    send(designer(), "quests", quest(auto_start=True))
    process(event("e1", "ann"), event("e2", "ben"))
    designer().patch("/api/v1/quests/trail", {"title": "The Trail"})
    process(event("e3", "cyd"))
    page = mia.get("/admin/quests/quest/trail/compare/?from=1&to=2").content.decode()
    assert "In progress on version 1</span> <strong>2<" in page
    assert "In progress on version 2</span> <strong>1<" in page
    assert "A run stays on the version that it started with." in page


def test_an_old_version_is_taken_back_as_a_draft(mia: Client) -> None:
    assert "Take version 1 back" in mia.get(f"{HUNTER}compare/?from=1&to=2").content.decode()
    response = mia.post(f"{HUNTER}take/", {"version": "1"}, follow=True)
    assert said(response) == ["The draft of hunter is as version 1 was."]
    draft = Achievement.objects.get(pk="hunter")
    assert (draft.title, draft.points, draft.published, draft.has_changes) == ("Hunter", 0, 2, True)
    assert AuditEntry.objects.filter(actor="user:mia", reason="as version 1").count() == 1


def test_who_only_looks_takes_nothing_back(mia: Client) -> None:
    ada = logged_in(Client(), "ada", "analysts")
    page = ada.get(f"{HUNTER}compare/?from=1&to=2")
    assert page.status_code == 200
    assert "Take version" not in page.content.decode()
    assert ada.post(f"{HUNTER}take/", {"version": "1"}).status_code == 403


def test_the_side_of_the_form_leads_to_what_each_version_changed(mia: Client) -> None:
    page = mia.get(f"{HUNTER}change/").content.decode()
    assert "compare/?from=1&amp;to=2" in page
    assert "compare/?from=1&amp;to=1" in page


def test_a_draft_is_previewed_by_a_button(mia: Client) -> None:
    process(*kills(21), event("b", "ben"))
    designer().patch("/api/v1/achievements/hunter", {"requirements": [count(threshold=15)], "draft": True})
    response = mia.post(f"{HUNTER}preview/", follow=True)
    job = Backfill.objects.exclude(preview=None).get()
    assert response.request["PATH_INFO"] == f"/admin/progress/backfill/{job.pk}/change/"
    assert "Preview of hunter" in response.content.decode()


def test_the_figures_of_a_preview_stand_on_its_page_and_beside_the_draft(mia: Client) -> None:
    kept = {"players": 200, "gains": 10, "keeps": 4, "days": {"2.5": 10}, "pays": {"gold": 100}, "sample": ["ann"]}
    preview = {
        "kind": "achievement", "id": "hunter", "definition": read_achievement(Achievement.objects.get(pk="hunter")),
    }  # fmt: skip
    job = Backfill.objects.create(
        preview=preview, state="DONE", players_done=200, players_total=200, found={"of_sample": kept, "of_all": kept}
    )
    page = mia.get(f"/admin/progress/backfill/{job.pk}/change/").content.decode()
    for text in ("5.0 %, with 95 % certainty 2.7 to 9.0 %", "100 gold", "2.5", "all 200 players looked at"):
        assert text in page, text
    assert "/admin/players/ann/" not in page  # designers do not see players
    User.objects.create_superuser("root")
    root = Client()
    root.force_login(User.objects.get(username="root"))
    assert "/admin/players/ann/" in root.get(f"/admin/progress/backfill/{job.pk}/change/").content.decode()
    assert "Would pay gold" in mia.get(f"{HUNTER}change/").content.decode()
    designer().patch("/api/v1/achievements/hunter", {"points": 6, "draft": True})
    assert "Would pay gold" not in mia.get(f"{HUNTER}change/").content.decode()


def test_a_release_of_many_items_asks_few_queries(mia: Client) -> None:
    many = [f"coins-{n}" for n in range(40)]
    for id_ in many:
        designer().post("/api/v1/rewards", coins(id_, draft=True))
    held = [{"kind": "reward", "id": id_} for id_ in many]
    release = designer().post("/api/v1/releases", {"title": "Many", "items": held}).json()["id"]
    page = f"/admin/kernel/release/{release}/change/"
    assert queries_of(lambda: mia.get(page)) <= 25
    designer().post(f"/api/v1/releases/{release}/publish", {})
    assert queries_of(lambda: mia.get(page)) <= 25
    designer().post(f"/api/v1/releases/{release}/revert", {})
    back = Release.objects.get(reverts=release)
    assert queries_of(lambda: mia.get(f"/admin/kernel/release/{back.pk}/change/")) <= 25


def test_a_draft_is_put_into_a_release_by_its_title_whatever_its_kind(mia: Client) -> None:
    designer().post("/api/v1/rewards", coins("purse", draft=True))
    assert "Name it" in said(mia.post(f"{HUNTER}release/", {"title": " "}, follow=True))[0]
    mia.post(f"{HUNTER}release/", {"title": "Autumn"})
    mia.post("/admin/rewards/reward/purse/release/", {"title": "Autumn"})
    mia.post(f"{HUNTER}release/", {"title": "Autumn"})
    release = Release.objects.get(title="Autumn")
    assert [(item["kind"], item["id"]) for item in release.items] == [("achievement", "hunter"), ("reward", "purse")]
    assert '<option value="Autumn">' in mia.get(f"{HUNTER}change/").content.decode()
    Release.objects.update(state="CANCELLED")
    mia.post(f"{HUNTER}release/", {"title": "Autumn"})
    assert Release.objects.filter(title="Autumn").count() == 2


def test_a_list_says_what_is_scheduled_and_shows_it_alone(mia: Client) -> None:
    held = [{"kind": "achievement", "id": "hunter"}]
    release = designer().post("/api/v1/releases", {"title": "Autumn", "items": held}).json()["id"]
    send(designer(), "achievements", achievement("walker"))
    designer().post(f"/api/v1/releases/{release}/schedule", {"publish_at": "2099-01-02T03:04:00Z"})
    page = mia.get("/admin/achievements/achievement/").content.decode()
    assert page.count(">scheduled</span>") == 1
    assert "Autumn</a>, 02 Jan 03:04 UTC" in page
    page = mia.get("/admin/achievements/achievement/?state=scheduled").content.decode()
    assert "hunter" in page
    assert "walker" not in page


def test_drafts_and_rules_that_name_it_are_said(mia: Client) -> None:
    designer().post("/api/v1/achievements", achievement("walker", draft=True))
    Rule.objects.create(name="no-storms", kind="VALUE_RANGE", metric_id="kills", maximum=9)
    page = mia.get("/admin/progress/metric/kills/change/").content.decode()
    assert "the draft of achievement walker" in page
    assert "rule no-storms" in page
    assert ">achievement hunter</a>" in page  # the draft names it too: it is said once, as what is live
