"""The console's pages of analytics: a chart, a table under it, and the same as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from gamification.analytics import following
from gamification.console.analytics_pages import QUESTIONS
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
