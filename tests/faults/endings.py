"""How a story ends: what the database holds after it, what a clean run leaves, and whether anybody was paid twice."""

from __future__ import annotations

import json
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.models import Count, Sum
from django.utils import timezone

from achievements.models import Standing
from gamification import pipeline, relay
from gamification.intake.decoding import decode_lines
from gamification.kernel.models import Event
from progress.models import MemberSeen, Player, Tally
from rewards.models import Distribution, Transfer, Wallet
from tests.faults import story as stories
from tests.faults.story import REFUSED, Story

# -- how it should end -------------------------------------------------------------------------------------------------

Ending = dict[str, list[tuple[Any, ...]]]


def clean_run(story: Story) -> Ending:
    """The same events, each once, in order, in one process; then everything is as before."""
    stories.prepare()
    lines = [json.dumps(event).encode() for event in story.events]
    for start in range(0, len(lines), 500):
        decoded = decode_lines(lines[start : start + 500], now=timezone.now())
        pipeline.process([event for _, event in decoded.good], now=timezone.now())
    found = ending()
    relay.stop()  # what is published from now on is the workers' doing
    call_command("flush", interactive=False, verbosity=0)
    stories.prepare()
    return found


def ending() -> Ending:
    """All that is promised to be the same whatever the order."""
    return {
        "events": rows(Event.objects.exclude(event_id__startswith="~").values_list("player_id", "event_id", "state")),
        "own events": rows(
            Event.objects.filter(event_id__startswith="~").values_list("player_id", "type").annotate(n=Count("*"))
        ),
        "tallies": rows(
            Tally.objects.filter(scope="").values_list("player_id", "metric_id", "count", "sum", "max", "min")
        ),
        "members": rows(MemberSeen.objects.values_list("player_id", "metric_id", "member")),
        "completed": rows(Standing.objects.exclude(completed_at=None).values_list("player_id", "achievement_id")),
        "players": rows(Player.objects.values_list("player_id", "points", "achievements_completed", "last_seq")),
        "distributions": rows(
            Distribution.objects.values_list("player_id", "source", "source_id", "occurrence", "line", "status")
        ),
        "wallets": rows(Wallet.objects.values_list("player_id", "currency", "balance", "debt")),
        "transfers": rows(Transfer.objects.values_list("player_id", "currency", "amount", "debit_account")),
    }


def rows(found: Any) -> list[tuple[Any, ...]]:
    return sorted(found)


def paid_twice() -> list[str]:
    """What the books themselves show, whatever else is wrong."""
    problems = []
    cause = ("player_id", "source", "source_id", "occurrence", "line")
    for row in Distribution.objects.values_list(*cause).annotate(times=Count("*")).filter(times__gt=1)[:3]:
        problems.append(f"distributed {row[-1]} times: {row[:-1]}")
    sums: dict[tuple[str, str], int] = {}
    for player, currency, total in Transfer.objects.values_list("player_id", "currency").annotate(Sum("amount")):
        sums[player, currency] = total
    for player, currency, balance in Wallet.objects.values_list("player_id", "currency", "balance"):
        if sums.pop((player, currency), 0) != balance:
            problems.append(f"{player} has {balance} {currency}, which is not what was transferred")
    return problems + [f"{player} was sent {currency} and has none" for player, currency in sums]


def refuse_some() -> None:
    """Some events the database will not have: a poison that only shows when it is tried."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION spit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.event_id LIKE '{REFUSED}%' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '22023'; END IF;"
            f" RETURN NEW; END $$; CREATE TRIGGER spit BEFORE INSERT ON {Event._meta.db_table} FOR EACH ROW"
            f" EXECUTE FUNCTION spit()".replace("%", "%%"),
            [],
        )
