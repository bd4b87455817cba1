"""The console's pages of analytics: a chart, a table under it, and the same as CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from gamification.analytics import exporting, following
from gamification.console import export_page
from gamification.console.analytics_pages import QUESTIONS
from gamification.kernel.models import AuditEntry
from progress.models import Player
from tests.support import game

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst(client: Client) -> Client:
    person = User.objects.create_user("ada", is_staff=True)
    person.groups.add(Group.objects.get(name="analysts"))
    client.force_login(person)
    return client


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_question_has_a_page_whose_tables_are_there_as_csv(analyst: Client, name: str) -> None:
    game.make()
    following.follow(timezone.now())
    page = analyst.get(f"/admin/figures/{name}/")
    assert page.status_code == 200
    tables = page.context["tables"]
    assert tables
    for number, table in enumerate(tables):
        answer = analyst.get(f"/admin/figures/{name}/?csv={number}")
        lines = list(csv.reader(io.StringIO(answer.content.decode())))
        assert lines[0] == table.head
        assert lines[1:] == [["" if cell is None else str(cell) for cell in row] for row in table.rows]
        assert answer["Content-Disposition"] == f'attachment; filename="{name}-{number}.csv"'
        for cell in (cell for row in table.rows for cell in row if isinstance(cell, str)):
            assert cell in page.content.decode()


def test_what_is_asked_for_is_what_is_shown(analyst: Client) -> None:
    game.make()
    following.follow(timezone.now())
    page = analyst.get("/admin/figures/content/?of=quest:trail&by=week")
    assert page.context["tables"][0].rows[0] == ["begun", 2]
    refused = analyst.get("/admin/figures/players/?first=2026-03-01&last=2026-01-01")
    assert "The first day is after the last." in refused.content.decode()
    assert analyst.get("/admin/figures/nothing/").status_code == 404
    assert analyst.get("/admin/figures/players/?csv=9").status_code == 404


def test_whoever_takes_figures_along_is_in_the_audit_log(analyst: Client) -> None:
    analyst.head("/admin/figures/players/?csv=0")
    analyst.get("/admin/figures/players/")
    assert not AuditEntry.objects.filter(action="export").exists()
    analyst.get("/admin/figures/players/?csv=0&first=2026-01-01&last=2026-01-31")
    entry = AuditEntry.objects.get(action="export")
    assert (entry.actor, entry.kind, entry.subject_id) == ("user:ada", "figures", "players")
    assert entry.after == {"of": "", "from": "2026-01-01", "to": "2026-01-31"}


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("kind", exporting.KINDS)
def test_an_export_is_downloaded_by_whoever_may_see_its_rows_and_noted(analyst: Client, kind: str, form: str) -> None:
    game.make()
    Player.objects.filter(pk="bob").update(is_test=True)
    today = timezone.now().date()
    first = today - timedelta(days=1)
    asked = {"kind": kind, "first": first, "last": today, "form": form}
    answer = analyst.post("/admin/figures/exports/", asked)
    got = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert got == "".join(exporting.stream(kind, first, today, form))
    assert "ann" in got
    assert "bob" not in got
    assert answer["Content-Disposition"] == f'attachment; filename="{kind}-{first}-{today}.{form}"'
    entry = AuditEntry.objects.get(action="export")
    assert entry.after is not None
    assert (entry.actor, entry.kind, entry.subject_id, entry.after["format"]) == ("user:ada", "export", kind, form)


def test_an_export_has_an_end_and_is_not_for_everybody(
    analyst: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    game.make()
    monkeypatch.setattr(export_page, "MOST", 3)
    today = timezone.now().date()
    asked = {"kind": "events", "first": today - timedelta(days=1), "last": today, "form": "csv"}
    assert "more than 3 rows" in analyst.post("/admin/figures/exports/", asked).content.decode()
    assert "after the last" in analyst.post("/admin/figures/exports/", asked | {"first": "2036-01-01"}).content.decode()
    assert not AuditEntry.objects.filter(action="export").exists()
    assert b"/figures/exports/" in analyst.get("/admin/figures/retention/").content
    designer = User.objects.create_user("dan", is_staff=True)
    designer.groups.add(Group.objects.get(name="designers"))
    client.force_login(designer)
    assert client.get("/admin/figures/exports/").status_code == 403
    assert client.post("/admin/figures/exports/", asked).status_code == 403
    assert b"/figures/exports/" not in client.get("/admin/figures/retention/").content
