"""Levels are written in one table, as drafts."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from gamification.kernel.models import AuditEntry
from progress.models import Level
from tests.support.authoring import coins, designer, send
from tests.support.console_forms import logged_in, said
from tests.support.queries import queries_of

pytestmark = pytest.mark.django_db

TABLE = "/admin/progress/level/table/"


@pytest.fixture
def mia(client: Client) -> Client:
    send(designer(), "rewards", coins())
    send(designer(), "levels", {"level": 1, "xp": 0}, {"level": 2, "xp": 100, "rewards": ["ten-coins"]})
    return logged_in(client, "mia", "designers")


def rows(*given: tuple[Any, Any, str], initial: int = 2) -> dict[str, Any]:
    data: dict[str, Any] = {"form-TOTAL_FORMS": len(given), "form-INITIAL_FORMS": initial}
    for index, (level, xp, rewards) in enumerate(given):
        data |= {f"form-{index}-level": level, f"form-{index}-xp": xp, f"form-{index}-rewards": rewards}
    return data


def test_rows_that_changed_become_drafts_and_others_stay(mia: Client) -> None:
    page = mia.get(TABLE).content.decode()
    assert 'value="ten-coins"' in page
    response = mia.post(TABLE, rows((1, 0, ""), (2, 150, "ten-coins, ten-coins"), (3, 400, ""), ("", "", "")))
    assert response.status_code == 302, response.content.decode()
    assert "Saved as drafts: 2, 3." in said(response)[0]
    found = {level.level: (level.xp, level.has_changes, level.published) for level in Level.objects.all()}
    assert found == {1: (0, False, 1), 2: (150, True, 1), 3: (400, True, None)}
    assert Level.objects.get(level=2).rewards.count() == 2
    about = AuditEntry.objects.filter(actor="user:mia", kind="level").values_list("subject_id", flat=True)
    assert set(about) == {"2", "3"}


@pytest.mark.parametrize(
    "row", [(2, -1, ""), (3, "many", ""), (1, 5, ""), (0, 5, ""), (3, 2**60, ""), (3, 5, "no such id!")]
)
def test_a_mistake_stands_in_its_row_and_nothing_is_kept(mia: Client, row: tuple[Any, Any, str]) -> None:
    response = mia.post(TABLE, rows((1, 0, ""), (2, 500, "ten-coins"), row))
    assert response.status_code == 200
    assert 'class="errorlist' in response.content.decode()
    assert Level.objects.get(level=2).xp == 100


@pytest.mark.parametrize(("group", "status"), [("analysts", 200), ("auditors", 403)])
def test_who_only_looks_keeps_nothing(mia: Client, group: str, status: int) -> None:
    eve = logged_in(Client(), "eve", group)
    assert eve.get(TABLE).status_code == status
    assert eve.post(TABLE, rows((1, 0, ""), (2, 9, ""))).status_code == 403


def test_a_long_table_asks_few_queries(mia: Client) -> None:
    for level in range(3, 60):
        designer().post("/api/v1/levels", {"level": level, "xp": level * 100, "draft": True})
    assert queries_of(lambda: mia.get(TABLE)) <= 25
