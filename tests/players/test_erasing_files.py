"""Erasing on SQLite: the file itself is looked through, not only what can still be selected from it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from gamification import pipeline
from gamification.kernel.core import bus
from gamification.kernel.core.actors import SYSTEM
from gamification.kernel.core.messages import GameEvent
from gamification.players.erasing import ErasePlayer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_nothing_of_an_erased_player_can_be_read_off_the_file() -> None:
    if connection.vendor != "sqlite":
        return  # PostgreSQL's files are its own: see operators.md
    for n in range(200):
        data = {"said": f"canary-{n}" * 20}
        pipeline.process([GameEvent(f"e{n}", "canary-player", "chat.sent", data, NOW)], now=NOW)
    assert left_in_the_file()
    bus.handle(ErasePlayer(player_id="canary-player"), actor=SYSTEM, now=NOW)
    assert not left_in_the_file()


def left_in_the_file() -> int:
    """How often the canary stands in the database's file and in its log, once that was written back."""
    path = Path(connection.settings_dict["NAME"])
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(
        Path(f"{path}{end}").read_bytes().count(b"canary-") for end in ("", "-wal") if Path(f"{path}{end}").exists()
    )
