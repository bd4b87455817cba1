"""Lists of content: what a row says, and what is done to several rows at once."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from achievements import tasks
from achievements.models import Achievement, ProgressMark
from gamification.kernel.models import PublicationHead, Version
from progress.models import Player, Rarity
from tests.support.authoring import achievement, count, designer, metric, needs, send, unlock
from tests.support.console_forms import logged_in, said

pytestmark = pytest.mark.django_db

LIST = "/admin/achievements/achievement/"


@pytest.fixture
def mia(client: Client) -> Client:
    return logged_in(client, "mia", "designers")


@pytest.fixture
def game() -> None:
    send(designer(), "metrics", metric())
    send(designer(), "achievements", achievement("hunter"), achievement("keeper", tags=["boss"]))


def act(client: Client, action: str, *ids: str, **more: str) -> Any:
    return client.post(LIST, {"action": f"{action}_selected", "_selected_action": ids, **more})


def draft(id_: str, *requirements: Any, **fields: Any) -> None:
    response = designer().post("/api/v1/achievements", {**achievement(id_, *requirements), **fields, "draft": True})
    assert response.status_code == 201, response.content


# -- what a row says ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_a_row_says_how_many_have_it_and_who_changed_it_last(mia: Client) -> None:
    Player.objects.bulk_create([Player(player_id=id_) for id_ in ("ann", "bob", "cat", "dan")])
    unlock("ann", "hunter")
    now = timezone.now()
    for player in ("ann", "bob", "cat"):
        ProgressMark.objects.create(player_id=player, achievement_id="hunter", quarter=1, at=now, progress=0.3)
    tasks.roll_up_rarity(now)
    act(mia, "tag", "hunter", tags="winter")
    text = mia.get(LIST).content.decode()
    row = text[text.index(">hunter<") : text.index(">keeper<")]
    assert "1 (25.0 %)" in row
    assert '"field-in_progress">2<' in row
    assert "published v1, changed since" in row
    assert "winter" in row
    assert "mia" in row


@pytest.mark.usefixtures("game")
def test_a_list_is_read_in_a_fixed_number_of_queries(mia: Client) -> None:
    mia.get(LIST)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert mia.get(LIST).status_code == 200
        return len(captured)

    few = asked()
    for number in range(20):
        draft(f"more-{number}")
    assert asked() == few <= 25


@pytest.mark.usefixtures("game")
def test_what_is_not_published_as_it_stands_is_one_click_away(mia: Client) -> None:
    draft("new")
    designer().patch("/api/v1/achievements/keeper", {"title": "Warden of it", "draft": True})
    rows = mia.get(LIST, {"state": "unpublished"}).context["cl"].result_list
    assert {row.pk for row in rows} == {"new", "keeper"}


# -- together ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("game")
def test_drafts_that_need_each_other_are_published_together_with_one_message(mia: Client) -> None:
    draft("a-last", needs("ACHIEVEMENT", "z-first"))
    draft("z-first")
    response = act(mia, "publish", "a-last", "z-first", reason="Winter")
    assert said(response) == ["Published 2: a-last, z-first."]
    versions = Version.objects.filter(content_id__in=["a-last", "z-first"])
    assert {version.publication for version in versions} == {PublicationHead.objects.get().number}
    assert {version.reason for version in versions} == {"Winter"}


@pytest.mark.usefixtures("game")
def test_what_cannot_be_published_keeps_the_others_back_and_is_named(mia: Client) -> None:
    draft("good")
    draft("bad", count(threshold=2.5, operator="eq"))
    response = act(mia, "publish", "bad", "good")
    [line] = said(response)
    assert line.startswith("None of the 2 achievements is published: achievements[bad].requirements, row 1, threshold")
    assert not Version.objects.filter(content_id__in=["good", "bad"]).exists()


@pytest.mark.usefixtures("game")
def test_tags_are_added_to_those_there_are(mia: Client) -> None:
    act(mia, "tag", "hunter", "keeper", tags="winter-2026, boss")
    assert {a.pk: a.tags for a in Achievement.objects.all()} == {
        "hunter": ["winter-2026", "boss"], "keeper": ["boss", "winter-2026"],
    }  # fmt: skip
    assert said(act(mia, "tag", "hunter"))[-1].startswith("Which tags?")


@pytest.mark.usefixtures("game")
def test_what_is_disabled_is_so_for_players_at_once_unless_its_draft_has_other_changes(mia: Client) -> None:
    designer().patch("/api/v1/achievements/keeper", {"title": "Warden of it", "draft": True})
    lines = said(act(mia, "disable", "hunter", "keeper"))
    assert lines == ["Disabled hunter.", "Disabled in the draft only, since it has other changes: keeper."]
    newest = {
        v.content_id: v.definition["is_enabled"] for v in Version.objects.filter(kind="achievement").order_by("id")
    }
    assert newest == {"hunter": False, "keeper": True}
    act(mia, "enable", "hunter")
    assert Achievement.objects.get(pk="hunter").is_enabled


@pytest.mark.usefixtures("game")
def test_a_selection_is_exported_as_a_pack(mia: Client) -> None:
    response = act(mia, "export", "keeper")
    pack = yaml.safe_load(response.content)
    assert [item["id"] for item in pack["achievements"]] == ["keeper"]
    assert response["Content-Disposition"] == 'attachment; filename="achievements.yaml"'


@pytest.mark.usefixtures("game")
def test_who_only_looks_may_export_and_nothing_else(client: Client) -> None:
    ann = logged_in(client, "ann", "analysts")
    assert act(ann, "export", "keeper").status_code == 200
    act(ann, "retire", "keeper")
    act(ann, "disable", "keeper")
    assert Version.objects.filter(content_id="keeper").count() == 1


def test_a_kind_without_a_switch_offers_none(mia: Client) -> None:
    names = [name for name, _ in mia.get("/admin/rewards/reward/").context["action_form"].fields["action"].choices]
    assert "publish_selected" in names
    assert "enable_selected" not in names


def test_what_was_never_rolled_up_is_a_dash(mia: Client) -> None:
    draft("new")
    assert not Rarity.objects.exists()
    assert '"field-completed_by">-<' in mia.get(LIST).content.decode()
