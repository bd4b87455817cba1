"""`manage.py shares`, and what numbers rows on a node of its own."""

from __future__ import annotations

import os
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from gamification.kernel.core.shares import numbering
from gamification.kernel.models import Event
from gamification.kernel.storage import share_schemas, shares
from gamification.pipeline import process
from tests.support.content import NOON, event
from tests.support.sharing import in_share, one_of_each, player_of

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


@pytest.mark.parametrize("low", [1, 2, (1 << 48) + 1, (5 << 48) + 3])
def test_wherever_a_node_begins_to_number_its_rows_name_their_share(low: int) -> None:
    for player in one_of_each():
        share = shares.share_of(player)
        first, step = numbering(share, settings.SHARES)
        with connection.cursor() as cursor:
            sequence = f"{shares.schema(share)}.kernel_event_id_seq"
            cursor.execute(f"ALTER SEQUENCE {sequence} INCREMENT BY 1 MINVALUE {low} START {low} RESTART")
            cursor.execute(share_schemas._RENUMBERED.format(schema=shares.schema(share), first=first, step=step))
        process([event("e1", player), event("e2", player)], now=NOON)
        numbers = in_share(share, Event.objects.order_by("pk").values_list("pk", flat=True))
        assert len(numbers) == 2
        assert {shares.share_of_row(number) for number in numbers} == {share}
        assert min(numbers) >= low
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER SEQUENCE {sequence} MINVALUE 1 START {first} RESTART WITH {first}")


@pytest.mark.citus
def test_on_citus_every_share_lives_on_some_node() -> None:
    assert set(share_schemas.nodes()) == set(shares.every())
    assert len(set(share_schemas.nodes().values())) > 1
