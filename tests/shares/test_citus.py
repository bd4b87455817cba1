"""On a Citus cluster: players' rows on its nodes, the rest at its coordinator, and whatever goes across both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gamification import backfilling
from gamification.feed.models import Message
from gamification.kernel.messaging.followers import FACTS
from gamification.kernel.models import AuditEntry, Event, FollowerMark, OutboxFact
from gamification.kernel.storage import share_schemas, shares
from gamification.pipeline import process
from progress.models import ErasedPlayer, Player
from progress.versions import versions
from rewards.models import Reward
from tests.support import citus, game, rabbit, workers
from tests.support.callers import game_server
from tests.support.content import NOON, achievement, event, metric, publish, requirement
from tests.support.game import API
from tests.support.receiving import happened, send
from tests.support.sharing import everywhere, in_share, one_of_each, player_of

pytestmark = pytest.mark.citus


def asked(statement: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def done(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def move(share: int, to: citus.Node) -> None:
    asked("SELECT citus_schema_move(%s, %s, %s, 'block_writes')", shares.schema(share), *to)


def node_of(share: int) -> citus.Node:
    host, _, port = share_schemas.nodes()[share].rpartition(":")
    return host, int(port)


@contextmanager
def elsewhere(share: int) -> Iterator[Any]:
    """A transaction of another process, in a share."""
    with citus.at(None, connection.settings_dict["NAME"]) as other, other.transaction():
        other.execute(f"SET LOCAL search_path TO {shares.path(share)}")
        yield other


CONTENT = (metric("kills"), achievement("one", requirement("COUNT", "kills", 1)))


def test_every_share_lives_on_some_node_and_no_row_of_a_player_at_the_coordinator() -> None:
    publish(*CONTENT)
    for player in one_of_each():
        process([event("e", player)], now=NOON)
    assert set(share_schemas.nodes()) == set(shares.every())
    assert len(set(share_schemas.nodes().values())) > 1
    owned = [model._meta.db_table for model in apps.get_models() if shares.is_owned(model)]
    here = "SELECT coalesce(sum(pg_relation_size(format('%%I.%%I', schemaname, tablename)::regclass)), 0)"
    here += " FROM pg_tables WHERE tablename = ANY(%s)"
    assert asked(here, owned) == [(0,)]
    there = "SELECT count(*) FROM pg_class WHERE relname ~ '^kernel_event_[0-9]+$' AND relkind = 'r'"
    assert sum(rows[0][0] for _, rows in citus.on_nodes(there)) == len(shares.every())


@pytest.mark.rabbitmq
@pytest.mark.usefixtures("exchange")
def test_a_game_is_played_by_a_worker_counted_again_erased_and_looked_at(tmp_path: Path) -> None:
    publish(*CONTENT)
    players, server = one_of_each(), game_server()
    with workers.own_tasks() as own, workers.running(tmp_path / "log", own):
        send([happened(f"e{n}", player) for player in players for n in range(3)])
        rabbit.until(
            lambda: len(everywhere(Event.objects.filter(event_id__in=["e0", "e1", "e2"]))) == 3 * len(players),
            seconds=60,
        )
        kills = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 3}
        game.send(server, "achievements", {"id": "late", "title": "Late", "requirements": [kills], "rewards": []})
        backfilling.run_pending(timezone.now())
        assert [row.achievements_completed for row in everywhere(Player.objects.all())] == [2] * len(players)
    assert "Traceback" not in (tmp_path / "log").read_text()
    gone = players[2]
    assert server.delete(f"{API}/players/{gone}").status_code == 204
    assert in_share(2, Player.objects.all()) == []
    assert in_share(2, ErasedPlayer.objects.all())
    console = Client()
    console.force_login(User.objects.create_superuser("root"))
    for share, player in enumerate(players):
        page = console.get(reverse("admin:kernel_event_changelist") + f"?share={share}")
        shown = {row.player_id for row in page.context["cl"].result_list}
        assert shown == ({player} if player != gone else set())


@contextmanager
def told() -> Iterator[list[str]]:
    """What Citus says that it sends to nodes."""
    said: list[str] = []

    def note(notice: Any) -> None:
        said.append(notice.message_primary)

    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    raw.add_notice_handler(note)
    asked("SELECT set_config('citus.log_remote_commands', 'on', false)")
    try:
        yield said
    finally:
        asked("SELECT set_config('citus.log_remote_commands', 'off', false)")
        raw.remove_notice_handler(note)


def test_what_is_written_to_a_share_and_to_public_is_committed_in_two_phases() -> None:
    with told() as said, shares.at(1):
        FollowerMark.objects.create(pk="f", cursor=1, moved_at=NOON)
    assert not any("PREPARE" in each for each in said)
    for write in (
        lambda: AuditEntry.objects.create(at=NOON, actor="a", action="c"),
        lambda: Reward.objects.filter(id="none").update(id="other"),
        lambda: Reward.objects.filter(id="none")._raw_delete("default"),
    ):
        with told() as said, shares.at(1):
            FollowerMark.objects.update(cursor=2)
            write()
        assert any("issuing PREPARE TRANSACTION" in each for each in said), said


def test_a_table_of_public_that_a_later_migration_makes_is_written_to_in_two_phases() -> None:
    done("CREATE TABLE later (id integer)")
    try:
        call_command("migrate", verbosity=0)
        with told() as said, shares.at(1):
            FollowerMark.objects.create(pk="f", cursor=1, moved_at=NOON)
            asked("INSERT INTO later VALUES (1) RETURNING id")
        assert any("issuing PREPARE TRANSACTION" in each for each in said), said
    finally:
        done("DROP TABLE later")


def test_distributed_shares_are_migrated_back_and_forth() -> None:
    publish(*CONTENT, achievement("three", requirement("COUNT", "kills", 3)))
    for player in one_of_each():
        process([event("e1", player)], now=NOON)
    for app, migration in (("kernel", "0008"), ("rewards", "0002"), ("feed", "zero")):  # columns, and a whole table
        call_command("migrate", app, migration, verbosity=0)
    call_command("migrate", verbosity=0)
    assert share_schemas.unmigrated() == []
    for share, player in enumerate(one_of_each()):
        process([event("e2", player), event("e3", player)], now=NOON)
        assert len(in_share(share, Event.objects.filter(event_id__in=["e1", "e2", "e3"]))) == 3
        numbers = in_share(share, Message.objects.values_list("pk", flat=True))
        assert {shares.share_of_row(number) for number in numbers} == {share}
    table = Message._meta.db_table
    made = asked("SELECT count(*) FROM pg_dist_partition WHERE logicalrelid::text LIKE %s", f"share_%.{table}")
    assert made == [(len(shares.every()),)]


def test_a_share_that_moves_goes_on_numbering_and_its_followers_go_on() -> None:
    publish(*CONTENT)
    player, home = player_of(1), node_of(1)
    process([event("e0", player)], now=NOON)
    [away] = [node for node in citus.workers() if node != home][:1]
    before: list[int] = []
    for turn, node in enumerate((away, home), 1):
        with shares.within(1):
            assert FACTS.horizon.look()[0] == FACTS.horizon.look()[1] > 0
        with elsewhere(1) as other:  # something runs, so what is noted now is not final yet
            other.execute("SELECT pg_current_xact_id(), (SELECT max(id) FROM kernel_outboxfact)")
            process([event(f"while {turn}", player)], now=NOON)
            with shares.within(1):
                FACTS.horizon.look()
        known = versions([player])
        move(1, node)
        assert node_of(1) == node
        assert versions([player]) != known
        process([event(f"e{turn}", player)], now=NOON)
        numbers = in_share(1, Event.objects.order_by("pk").values_list("pk", flat=True))
        assert numbers[: len(before)] == before
        assert {shares.share_of_row(number) for number in numbers} == {1}
        assert in_share(1, Event.objects.order_by("-pk").values_list("event_id", flat=True))[0] == f"e{turn}"
        before = numbers
        with shares.within(1):
            final, newest = FACTS.horizon.look()
            assert final == newest == max(in_share(1, OutboxFact.objects.values_list("pk", flat=True)))


def test_shares_that_are_all_on_one_node_are_spread_by_rebalance() -> None:
    first, *_ = citus.workers()
    for share in shares.every():
        if node_of(share) != first:
            move(share, first)
    assert len(set(share_schemas.nodes().values())) == 1
    call_command("shares", "rebalance")
    rabbit.until(lambda: asked("SELECT count(*) FROM pg_dist_background_job WHERE state < 'finished'") == [(0,)], 60)
    assert len(set(share_schemas.nodes().values())) > 1


def test_a_follower_waits_for_what_runs_on_the_node_whose_log_it_is() -> None:
    publish(*CONTENT)
    player = player_of(1)
    process([event("e1", player)], now=NOON)
    with shares.within(1):
        final = FACTS.horizon.look()[0]
        with elsewhere(1) as other:
            other.execute("SELECT pg_current_xact_id(), (SELECT max(id) FROM kernel_outboxfact)")
            process([event("e2", player_of(1, 1))], now=NOON)
            assert FACTS.horizon.look()[0] == final
        final, newest = FACTS.horizon.look()
        assert final == newest > 1


def test_a_version_says_when_the_node_was_started() -> None:
    process([event("e", player) for player in [player_of(1)]], now=NOON)
    [(_, [(started,)])] = [
        found for found in citus.on_nodes("SELECT pg_postmaster_start_time()::text") if found[0] == node_of(1)
    ]
    assert started in str(versions([player_of(1)]))
