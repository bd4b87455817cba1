"""Packs are uploaded at the console, seen for what they would change, and confirmed as a release."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from achievements.models import Achievement
from gamification.console import pack_files
from gamification.console.models import UploadedPack
from gamification.console.uploaded import KEPT_FOR
from gamification.kernel.models import AuditEntry, PublicationHead, Release, Version
from tests.support.authoring import achievement, coins, count, designer, metric, send
from tests.support.console_forms import logged_in, said
from tests.support.queries import queries_of

pytestmark = pytest.mark.django_db

PACKS = "/admin/packs/"


@pytest.fixture
def mia(client: Client) -> Client:
    send(designer(), "metrics", metric())
    send(designer(), "rewards", coins())
    send(designer(), "achievements", achievement("hunter", rewards=["ten-coins"]))
    return logged_in(client, "mia", "designers")


def upload(client: Client, pack: Any, name: str = "autumn.yaml") -> Any:
    text = (
        pack if isinstance(pack, bytes) else (json.dumps if name.endswith(".json") else yaml.safe_dump)(pack).encode()
    )
    return client.post(PACKS, {"file": SimpleUploadedFile(name, text)})


def shown(client: Client, pack: Any, name: str = "autumn.yaml") -> Any:
    response = upload(client, pack, name)
    assert response.status_code == 302, response.content.decode()
    return client.get(response["Location"])


AUTUMN = {
    "achievements": [
        achievement("hunter", count(threshold=20), title="Huntress", rewards=["ten-coins"]),
        achievement("walker", count(threshold=3)),
    ],
    "rewards": [coins()],
}


@pytest.mark.parametrize("name", ["autumn.yaml", "autumn.json"])
def test_an_uploaded_pack_shows_what_it_would_change_and_changes_nothing(mia: Client, name: str) -> None:
    page = shown(mia, AUTUMN, name)
    text = page.content.decode()
    assert "2 changes, 1 as it is" in text
    assert "1 new" in text
    assert "<td>Hunter</td><td>Huntress</td>" in text
    assert "Kills: at least 20 times" in text
    assert "counted anew" in text
    assert "dropped" in text
    assert PublicationHead.objects.get().number == 3
    assert not Achievement.objects.filter(pk="walker").exists()
    assert Achievement.objects.get(pk="hunter").title == "Hunter"


def test_confirmed_it_is_one_release_of_drafts(mia: Client) -> None:
    where = upload(mia, AUTUMN)["Location"]
    response = mia.post(where, {"title": "Autumn", "note": "as agreed"}, follow=True)
    release = Release.objects.get(title="Autumn")
    assert response.request["PATH_INFO"] == f"/admin/kernel/release/{release.pk}/change/"
    assert "Nothing is live yet." in said(response)[0]
    assert [(item["kind"], item["id"]) for item in release.items] == [
        ("achievement", "hunter"), ("achievement", "walker"),
    ]  # fmt: skip
    assert (release.state, release.note, release.created_by) == ("OPEN", "as agreed", "user:mia")
    hunter = Achievement.objects.get(pk="hunter")
    assert (hunter.title, hunter.has_changes) == ("Huntress", True)
    assert not Version.objects.filter(content_id="walker").exists()
    about = AuditEntry.objects.filter(actor="user:mia", kind="achievement").order_by("subject_id")
    assert [(entry.subject_id, entry.reason) for entry in about] == [("hunter", "as agreed"), ("walker", "as agreed")]


def test_what_stands_in_the_way_and_what_is_odd_has_its_place(mia: Client) -> None:
    text = shown(mia, {"achievements": [achievement("walker", count("steps"))]}).content.decode()
    assert "achievements[0].requirements[0].metric" in text
    assert "There is no published metric" in text
    text = shown(mia, {"rewards": [coins("none", 0)]}).content.decode()
    assert "rewards[0].value" in text


def test_mistakes_of_shape_are_told_at_once_and_nothing_is_kept(mia: Client) -> None:
    response = upload(mia, {"achievements": [{"id": "x", "colour": "red"}], "heroes": []})
    assert response.status_code == 400
    text = response.content.decode()
    assert "achievements[0].colour" in text
    assert "<code>heroes</code>" in text
    assert not UploadedPack.objects.exists()


ALIASES = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))
HOSTILE = [
    *(b"", b"\x00", b"[" * 100_000, b"a: &a [*a]", b"- 1", b"\xff\xfe", b"achievements: [", b"&a [*a]"),
    f"a0: &a0 [1, 1]\n{ALIASES}".encode(),
]


@pytest.mark.parametrize("name", ["pack.yaml", "pack.json"])
@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_a_file_that_is_no_pack_is_refused(mia: Client, raw: bytes, name: str) -> None:
    assert upload(mia, raw, name).status_code == 400
    assert not UploadedPack.objects.exists()


def test_a_file_of_more_values_than_any_game_has_is_refused_before_it_is_built() -> None:
    dense = b"[" + b"1," * (pack_files.MAX_VALUES + 1) + b"1]"
    with pytest.raises(pack_files.BadPack, match="more than"):
        pack_files.read_bytes("dense.yaml", dense)


def test_edits_of_a_draft_that_it_replaces_are_pointed_out(mia: Client) -> None:
    designer().patch("/api/v1/achievements/hunter", {"points": 7, "draft": True})
    assert "replaces edits of its draft" in shown(mia, AUTUMN).content.decode()


def test_a_retired_id_is_refused(mia: Client) -> None:
    designer().delete("/api/v1/achievements/hunter")
    page = shown(mia, AUTUMN)
    assert "hunter was retired" in page.content.decode()
    mia.post(page.request["PATH_INFO"], {"title": "Autumn"})
    assert not Release.objects.filter(title="Autumn").exists()
    assert not Achievement.objects.filter(pk="walker").exists()


def test_more_than_a_release_holds_is_not_confirmed(mia: Client) -> None:
    many = {"currencies": [{"id": f"coin-{n}"} for n in range(501)]}
    page = shown(mia, many)
    assert "part the file" in page.content.decode()
    answer = mia.post(page.request["PATH_INFO"], {"title": "Coins"}, follow=True)
    assert "500 at most" in said(answer)[0]
    assert not Release.objects.filter(title="Coins").exists()


def test_what_was_uploaded_is_forgotten_after_a_week(mia: Client) -> None:
    upload(mia, AUTUMN)
    UploadedPack.objects.update(uploaded_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    upload(mia, AUTUMN, "winter.yaml")
    assert [pack.name for pack in UploadedPack.objects.all()] == ["winter.yaml"]
    assert "autumn.yaml" not in mia.get(PACKS).content.decode()


def test_everything_is_exported_by_kind_and_loads_as_the_same(mia: Client) -> None:
    answer = mia.get(f"{PACKS}export/?what=published&kinds=metrics&kinds=achievements&form=json")
    assert answer["Content-Disposition"] == 'attachment; filename="content.json"'
    pack = json.loads(answer.content)
    assert set(pack) == {"metrics", "achievements"}
    assert "Everything in it is live as it stands." in shown(mia, pack, "again.json").content.decode()
    designer().patch("/api/v1/achievements/hunter", {"points": 7, "draft": True})
    drafts = yaml.safe_load(mia.get(f"{PACKS}export/?what=drafts").content)
    assert drafts["achievements"][0]["points"] == 7


def test_who_took_which_content_along_is_in_the_audit_log(mia: Client) -> None:
    def told() -> tuple[Any, ...]:
        entry = AuditEntry.objects.filter(action="export_pack").latest("pk")
        return entry.actor, entry.kind, entry.subject_id, entry.after

    where = f"{PACKS}export/"
    mia.head(where)
    assert not AuditEntry.objects.filter(action="export_pack").exists()
    mia.get(where, {"what": "published", "kinds": "achievements"})
    held = {"achievements": {"count": 1, "ids": ["hunter"]}}
    assert told() == ("user:mia", "pack", "published", held)
    chosen = {"action": "export_selected", "_selected_action": ["hunter"]}
    mia.post("/admin/achievements/achievement/", chosen)
    assert told() == ("user:mia", "pack", "drafts", held)
    call_command("dump_content", stdout=io.StringIO())
    assert told()[:3] == ("system", "pack", "published")
    assert told()[3]["achievements"] == held["achievements"]


@pytest.mark.parametrize("group", ["support", "reviewers", "analysts", "auditors"])
def test_packs_are_for_designers(mia: Client, group: str) -> None:
    where = upload(mia, AUTUMN)["Location"]
    eve = logged_in(Client(), "eve", group)
    answers = [upload(eve, AUTUMN), eve.get(PACKS), eve.get(where), eve.post(where), eve.get(f"{PACKS}export/")]
    assert {answer.status_code for answer in answers} == {403}
    assert not Release.objects.filter(title="autumn.yaml").exists()


def test_a_pack_of_any_size_is_shown_with_few_queries(mia: Client) -> None:
    many = [achievement(f"hunter-{n}", count(threshold=n + 1)) for n in range(150)]
    where = upload(mia, {**AUTUMN, "achievements": many})["Location"]
    assert queries_of(lambda: mia.get(where)) <= 25
