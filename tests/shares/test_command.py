"""`manage.py shares`, and what numbers rows on a node of its own."""

from __future__ import annotations

import os
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from gamification.pipeline import process
from tests.support.content import NOON, event
from tests.support.sharing import player_of

on_citus = bool(os.environ.get("CITUS_HOST"))


def said(*arguments: str) -> str:
    output = StringIO()
    call_command("shares", *arguments, stdout=output)
    return output.getvalue()


def test_status_has_a_line_for_each_share() -> None:
    process([event("e", player_of(2))], now=NOON)
    lines = said("status").splitlines()
    assert lines[0] == f"{settings.SHARES} shares"
    assert len(lines) == settings.SHARES + 1
    assert "newest event 2026-11-20 12:00:00 UTC, no worker" in lines[3]
    assert "no event yet" in lines[1]


def test_create_makes_what_is_missing_and_nothing_else() -> None:
    assert said("create") == f"0 schemas were made; all {settings.SHARES} are migrated\n"


@pytest.mark.skipif(on_citus, reason="this PostgreSQL has Citus")
@pytest.mark.parametrize("act", ["distribute", "rebalance"])
def test_without_citus_nothing_is_distributed(act: str) -> None:
    with pytest.raises(CommandError, match="has no Citus"):
        said(act)
