"""Lists of what is only read are taken along as a file, by whoever may see them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from gamification.kernel.models import AuditEntry
from progress.models import Player
from tests.support import game
from tests.support.console_forms import logged_in
from tests.support.queries import queries_of

pytestmark = pytest.mark.django_db

PLAYERS = "/admin/progress/player/"


def rows(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode())))


def download(client: Client, address: str, *keys: Any, **more: str) -> Any:
    return client.post(address, {"action": "download_selected", "_selected_action": keys, **more})


def test_the_rows_that_are_ticked_come_with_the_columns_that_are_shown(client: Client) -> None:
    Player.objects.bulk_create([Player(player_id=id_, display_name=f"={id_}") for id_ in ("ann", "bob", "cat")])
    lea = logged_in(client, "lea", "analysts")
    shown = lea.get(PLAYERS).context["cl"].list_display
    answer = download(lea, PLAYERS, "ann", "cat")
    assert answer["Content-Disposition"] == 'attachment; filename="player.csv"'
    assert "no-store" in answer["Cache-Control"]
    head, *found = rows(answer)
    assert len(head) == len(shown) - 1  # but for the box that ticks a row
    assert [row[0] for row in found] == ["ann", "cat"]
    assert not any(cell.startswith("=") for row in found for cell in row)
    entry = AuditEntry.objects.filter(action="download_list")[0]
    assert (entry.actor, entry.kind) == ("user:lea", "player")
    assert len(rows(download(lea, PLAYERS, "ann", select_across="1"))) == 4


def test_every_list_that_somebody_sees_is_taken_along_and_no_other(client: Client) -> None:
    game.make()
    Player.objects.bulk_create([Player(player_id=f"p{n}") for n in range(30)])
    lea = logged_in(client, "lea", "analysts")
    for path in ("kernel/event", "kernel/outboxfact", "anticheat/finding", "rewards/distribution", "rewards/transfer",
                 "progress/player", "review/case", "kernel/version", "kernel/release"):  # fmt: skip
        page = lea.get(f"/admin/{path}/")
        keys = [row.pk for row in page.context["cl"].result_list]
        assert len(rows(download(lea, f"/admin/{path}/", *keys))) == len(keys) + 1, path
        assert queries_of(lambda path=path, keys=keys: rows(download(lea, f"/admin/{path}/", *keys))) <= 25  # type: ignore[misc]
    mia = logged_in(Client(), "mia", "designers")
    for path in ("kernel/event", "progress/player", "kernel/auditentry"):
        assert download(mia, f"/admin/{path}/", "1").status_code == 403, path
