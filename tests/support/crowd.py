"""A crowd: every table that belongs to players filled with made-up rows, by the database itself.

The rows are made from what the models say, so that a table which is added is filled too. They look like rows and make
no sense together: they are there to be scanned, sorted and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection, models

from tests.support.authoring import achievement, coins, count, metric, quest, send, step
from tests.support.callers import game_server

CONTENT = 10
"""So many metrics, achievements, quests and rewards, each."""
RARE = {"kernel.unsentfacts", "progress.leftout"}
"""Rows of a hundredth of the players: what went wrong."""
MADE_OF: dict[str, dict[str, str]] = {
    "kernel.event": {"type": "'type-' || i % 10", "data": "'{\"n\": 1}'", "state": "(i % 7 = 6)::int"},
    "kernel.outboxfact": {"type": "'quest.started'", "data": "'{\"id\": \"quest-0\"}'", "fact_id": "'f' || i"},
    "feed.message": {"type": "'quest.started'", "data": "'{\"id\": \"quest-0\"}'"},
    "rewards.transfer": {
        "debit_account": "'issuance'",
        "credit_account": "'player:p' || lpad(p::text, 7, '0')",
        "currency": "'gold'",
        "amount": "1",
    },
    "rewards.wallet": {"balance": "100"},
    "rewards.distribution": {"source": "'GRANT'", "kind": "'CURRENCY'"},
    "progress.player": {"standing": "'CLEAR'", "banned": "false", "is_test": "p % 1000 = 0", "backfilled_to": "999"},
    "quests.run": {"version": "1", "state": "'{\"steps\": {}}'", "status": "'COMPLETED'"},
    "achievements.standing": {"completed_at": "now() - i * interval '1 day'", "version": "1"},
    "anticheat.finding": {
        "rule": "'rule-' || (p + i) % 3",
        "status": "CASE WHEN p % 100 = 0 THEN 'HELD' ELSE 'FLAGGED' END",
    },
}  # fmt: skip
"""What a column holds, where its field does not say it well enough. `p` is the player's number, `i` the row's."""
NAMES = {
    "metric_id": "metric",
    "achievement_id": "achievement",
    "quest_id": "quest",
    "reward_id": "reward",
    "currency": "gold",
    "item_id": "item",
}


def name(number: int) -> str:
    return f"p{number:07}"


def content() -> None:
    """What the rows name. Nobody is there yet, so no past has to be counted."""
    server = game_server()
    send(server, "currencies", {"id": "gold-0"})
    for n in range(CONTENT):
        send(server, "metrics", metric(f"metric-{n}", event_type=f"type-{n}"))
        send(server, "rewards", coins(f"reward-{n}"))
        send(server, "achievements", achievement(f"achievement-{n}", count(f"metric-{n}"), rewards=[f"reward-{n}"]))
        send(server, "quests", quest(f"quest-{n}", step("hunt", count(f"metric-{n}"))))


def owned() -> Iterator[type[models.Model]]:
    """The tables of players, and the audit log, which is one of acts about them."""
    for model in apps.get_models():
        if any(field.attname == "player_id" for field in model._meta.concrete_fields):
            yield model


@contextmanager
def without_indexes() -> Iterator[None]:
    """The tables of players without their indexes, but for their keys: made of rows that are there already, an index
    takes a fraction of what it takes row by row. On PostgreSQL."""
    tables = [model._meta.db_table for model in owned()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.relname, i.relname, c.conname, pg_get_constraintdef(c.oid), pg_get_indexdef(i.oid) "
            "FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid "
            "LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype IN ('u', 'x') "
            "WHERE t.relname = ANY(%s) AND NOT x.indisprimary",
            [tables],
        )
        found = cursor.fetchall()
        for table, index, constraint, *_ in found:
            cursor.execute(
                f'ALTER TABLE "{table}" DROP CONSTRAINT "{constraint}"' if constraint else f'DROP INDEX "{index}"'
            )
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for table, _, constraint, says, makes in found:
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{constraint}" {says}' if constraint else makes)
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute("ANALYZE")


def fill(players: int, *, rows: int = 5, events: int = 25) -> None:
    """So many players, each with so many rows in each table, and so many events. On PostgreSQL, by COPY: a connection
    of its own makes the rows, of nothing that is stored, and ours takes them in as they come."""
    with connection.cursor() as cursor, psycopg.connect(**_parameters()) as made, made.cursor() as making:
        for model in owned():
            of_each = _rows_of_each(model, events if model._meta.label_lower == "kernel.event" else rows)
            many = players // 100 if model._meta.label_lower in RARE else players
            columns = {f.column: _made_of(model, f) for f in model._meta.concrete_fields if not _is_given(f)}
            names = ", ".join(f'"{column}"' for column in columns)
            rows_of = (
                f"SELECT {', '.join(columns.values())} "
                f"FROM generate_series(1, {many}) AS p, generate_series(0, {of_each - 1}) AS i"
            )
            with (
                making.copy(f"COPY ({rows_of}) TO STDOUT") as out,
                cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as taken,
            ):
                for chunk in out:
                    taken.write(chunk)
        cursor.execute("ANALYZE")


def _parameters() -> dict[str, Any]:
    named = connection.get_connection_params()
    return {name: named[name] for name in ("host", "port", "user", "password", "dbname") if named.get(name)}


def _is_given(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.AutoField | models.BigAutoField)


def _rows_of_each(model: type[models.Model], rows: int) -> int:
    """One, where the player alone is a key."""
    keys = [[f.attname] for f in model._meta.concrete_fields if f.unique and f.attname == "player_id"]
    return 1 if keys else min(rows, CONTENT) if "achievements" in model._meta.label_lower else rows


def _made_of(model: type[models.Model], field: models.Field[Any, Any]) -> str:
    given = MADE_OF.get(model._meta.label_lower, {}).get(field.attname)
    if given is not None:
        return given
    if field.attname == "player_id":
        return "'p' || lpad(p::text, 7, '0')"
    if field.attname in NAMES:
        return f"'{NAMES[field.attname]}-' || i % {CONTENT}"
    if field.choices:
        values = [value for value, _ in field.flatchoices]
        return f"(ARRAY[{', '.join(repr(value) for value in values)}])[1 + i % {len(values)}]"
    keys = {name for each in model._meta.total_unique_constraints for name in each.fields} | {"member", "event_id"}
    if field.get_default() == "" and field.attname not in keys - {"scope"}:
        return "''"
    return _by_type(field)


def _by_type(field: models.Field[Any, Any]) -> str:
    if field.null:
        return "NULL"
    match field:
        case models.UUIDField():
            return "gen_random_uuid()"
        case models.BooleanField():
            return "true" if field.default is True else "false"
        case models.DateTimeField():
            return "now() - (p % 1000 + i * 997) * interval '1 minute'"
        case models.DateField():
            return "current_date - i"
        case models.JSONField():
            return "'[]'" if field.default is list else "'{}'"
        case models.BinaryField():
            return "''::bytea"
        case models.FloatField() | models.IntegerField():
            return "i"
        case _:
            return "'v' || i"
