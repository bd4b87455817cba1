"""Where players' rows are, who finds them, and what happens to whoever forgot to say whose they are."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import ProgrammingError, connection, transaction

from gamification.kernel.core.fact_types import FactType
from gamification.kernel.core.messages import Fact
from gamification.kernel.core.shares import numbering, share_of_uuid
from gamification.kernel.messaging import outbox
from gamification.kernel.models import Event, FollowerMark, PublicationHead
from gamification.kernel.storage import share_schemas, shares
from gamification.pipeline import process
from progress.models import ErasedPlayer, Player
from rewards.models import Distribution
from tests.support.content import NOON, achievement, event, metric, publish, requirement, reward
from tests.support.sharing import everywhere, in_share, one_of_each, player_of


def tables(schema: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return {name for (name,) in cursor.fetchall()} - {"django_migrations"}


def test_public_has_no_table_of_players_and_each_share_has_all_of_them() -> None:
    owned = {model._meta.db_table for model in apps.get_models() if shares.is_owned(model)}
    assert {Player._meta.db_table, ErasedPlayer._meta.db_table, FollowerMark._meta.db_table} < owned
    for share in shares.every():
        assert tables(shares.schema(share)) == owned
    assert tables("public").isdisjoint(owned)
    assert PublicationHead._meta.db_table in tables("public")


def test_a_query_that_names_no_share_raises() -> None:
    with pytest.raises(ProgrammingError, match="does not exist"):
        Player.objects.count()
    with pytest.raises(ProgrammingError, match="does not exist"), transaction.atomic():
        Event.objects.create(player_id="ann", data={}, timestamp=NOON, received_at=NOON)


def test_a_share_is_named_for_one_transaction_and_forgotten_with_it() -> None:
    with shares.of("ann"):
        Player.objects.create(player_id="ann")
    with pytest.raises(ProgrammingError):
        Player.objects.count()
    assert in_share(shares.share_of("ann"), Player.objects.values_list("pk", flat=True)) == ["ann"]
    assert len(everywhere(Player.objects.all())) == 1
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert "share" not in cursor.fetchone()[0]


def test_what_is_undone_leaves_the_share_too() -> None:
    def begun() -> None:
        with shares.of("ann"):
            Player.objects.create(player_id="ann")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begun()
    assert shares.here() is None
    assert everywhere(Player.objects.all()) == []


def test_a_statement_that_stands_alone_goes_to_the_share_that_is_named() -> None:
    first, second = one_of_each()[:2]
    with shares.within_share_of(first):
        Player.objects.create(player_id=first)
        assert Player.objects.filter(pk=first).exists()
        assert [player.pk for player in Player.objects.iterator(chunk_size=1)] == [first]
        with shares.within_share_of(second):
            assert not Player.objects.exists()
        assert Player.objects.exists()


def made_in_one_transaction(*players: str) -> None:
    with transaction.atomic():
        for player in players:
            with shares.of(player):
                Player.objects.create(player_id=player)


def test_a_transaction_is_of_one_share() -> None:
    first, second = one_of_each()[:2]
    with pytest.raises(shares.OtherShare), shares.of(first), shares.of(second):
        pass
    with pytest.raises(shares.OtherShare):
        made_in_one_transaction(first, second)
    with pytest.raises(shares.OtherShare):
        shares.of(first, second)
    assert everywhere(Player.objects.all()) == []


def test_a_batch_of_several_shares_is_refused_whole() -> None:
    with pytest.raises(shares.OtherShare):
        process([event("e", player) for player in one_of_each()], now=NOON)
    assert everywhere(Event.objects.all()) == []


def test_an_id_alone_names_its_share() -> None:
    publish(metric("kills"), reward("coin"), achievement("one", requirement("COUNT", "kills", 1), rewards=["coin"]))
    for player in one_of_each():
        process([event("e1", player), event("e2", player)], now=NOON)
    for share in shares.every():
        pks = in_share(share, Event.objects.values_list("pk", flat=True))
        assert len(pks) > 2
        assert {shares.share_of_row(pk) for pk in pks} == {share}
        [given] = in_share(share, Distribution.objects.values_list("pk", flat=True))
        assert share_of_uuid(given, settings.SHARES) == share


def test_every_sequence_of_a_share_numbers_as_its_share() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, start_value, increment_by FROM pg_sequences WHERE schemaname ~ '^share_'")
        found = cursor.fetchall()
    first_and_step = {shares.schema(share): numbering(share, settings.SHARES) for share in shares.every()}
    assert {schema for schema, *_ in found} == set(first_and_step)
    assert {(schema, (start, step)) for schema, start, step in found} == set(first_and_step.items())


def test_facts_about_nobody_are_given_ids_once_the_transaction_runs_where_their_log_is() -> None:
    """A follower waits for transactions that run there, so one that is given ids earlier would be left behind."""
    began: list[bool] = []

    def looked(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if sql.startswith('INSERT INTO "kernel_outboxfact"'):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id_if_assigned()::text, (SELECT max(id) FROM kernel_outboxfact)")
                began.append(cursor.fetchone()[0] is not None)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(looked), shares.of():
        outbox.put([Fact("f", "", FactType.ACHIEVEMENT_UPDATED, {}, NOON)], NOON)
    assert began == [True]


def test_a_share_that_is_migrated_again_keeps_its_numbers() -> None:
    player = player_of(1)
    process([event("e1", player)], now=NOON)
    share_schemas.migrate(1)
    process([event("e2", player)], now=NOON)
    first, second = in_share(1, Event.objects.order_by("pk").values_list("pk", flat=True))
    assert second - first == settings.SHARES
    assert share_schemas.unmigrated() == []


@pytest.mark.parametrize("asked", ["1", "2", "64"])
def test_another_number_than_the_database_was_made_with_stops_the_start_with_one_line(asked: str) -> None:
    environment = {**os.environ, "SHARES": asked, "DB_NAME": str(connection.settings_dict["NAME"])}
    process = subprocess.run(
        [sys.executable, settings.BASE_DIR / "manage.py", "showmigrations"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = f"SHARES: the database was made with {settings.SHARES}, which cannot be changed"
    assert process.stderr == f"gamification cannot start: {said}\n"
    assert process.returncode == 1
