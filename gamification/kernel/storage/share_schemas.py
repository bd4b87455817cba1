"""The schemas of the shares: how they are made, numbered and found again.

How many there are is read off the database itself: it has a schema `share_<k>` for each, or none, and then all is in
`public`. Players cannot be moved from one number of shares to another, so a process with another SHARES does not start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from gamification.environment import refuse
from gamification.kernel.core.shares import numbering
from gamification.kernel.storage import shares

_MADE_WITH = (
    "SELECT count(*) FILTER (WHERE nspname ~ '^share_[0-9]+$'), to_regclass('django_migrations') IS NOT NULL"
    " FROM pg_namespace"
)
_SEQUENCES = (
    "SELECT class.relname, sequence.seqincrement FROM pg_sequence AS sequence"
    " JOIN pg_class AS class ON class.oid = sequence.seqrelid"
    " JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace WHERE namespace.nspname = %s"
)

_as_expected: set[str] = set()
"""The databases, by name, of which this process knows that they have as many shares as SHARES says."""


def expect_as_many(raw: Any) -> None:
    """End this process where the database behind a new connection was made with another number of shares.

    Looked up once a process. A database that is still empty may become any.
    """
    name = raw.info.dbname
    if name in _as_expected:
        return
    schemas, is_migrated = raw.execute(_MADE_WITH).fetchone()
    if not raw.autocommit:
        raw.rollback()
    if schemas and schemas != settings.SHARES:
        refuse("SHARES", f"the database was made with {schemas}, which cannot be changed")
    if is_migrated and not schemas and settings.SHARES > 1:
        refuse("SHARES", "the database was made with 1, which cannot be changed")
    if is_migrated:
        _as_expected.add(name)


def create() -> int:
    """Make the schemas that are missing, all of them or none. Says how many were made."""
    if settings.SHARES == 1:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace")
        there = {name for (name,) in cursor.fetchall()}
        missing = [shares.schema(share) for share in shares.every() if shares.schema(share) not in there]
        for name in missing:
            cursor.execute(f'CREATE SCHEMA "{name}"')
    return len(missing)


@contextmanager
def migrating(share: int) -> Iterator[None]:
    """Let migrations see the schema of this share and no other, and make players' tables only."""
    database: Any = connection
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {shares.schema(share)}")
    database.migrating = share
    try:
        yield
    finally:
        database.migrating = None
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")


def migrate(share: int, targets: list[tuple[str, str | None]] | None = None, *, fake: bool = False) -> None:
    """Bring a share's schema to these migrations, or to the newest; number the rows of new tables as this share's."""
    with migrating(share):
        executor = MigrationExecutor(connection)
        nodes: Any = executor.loader.graph.leaf_nodes() if targets is None else targets
        executor.migrate(nodes, fake=fake)
    number_rows(share)


def number_rows(share: int) -> None:
    """Have each sequence of a share give that share's numbers; those that do already are left as they are."""
    first, step = numbering(share, settings.SHARES)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [shares.schema(share)])
        for name, increment in cursor.fetchall():
            if increment != step:
                cursor.execute(
                    f'ALTER SEQUENCE {shares.schema(share)}."{name}" INCREMENT BY {step} START WITH {first} RESTART'
                )


def unmigrated() -> list[int]:
    """The shares that lack a migration which `public` has."""
    found = []
    with connection.cursor() as cursor:
        for share in shares.every() if settings.SHARES > 1 else ():
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{shares.schema(share)}.django_migrations"])
            if cursor.fetchone()[0]:
                cursor.execute(
                    "SELECT EXISTS (SELECT app, name FROM public.django_migrations EXCEPT"
                    f" SELECT app, name FROM {shares.schema(share)}.django_migrations)"
                )
                if not cursor.fetchone()[0]:
                    continue
            found.append(share)
    return found


# -- on Citus ----------------------------------------------------------------------------------------------------------

CITUS = 12
"""The first version that distributes schemas."""

_RENUMBERED = """
DO $do$ DECLARE found record; low bigint; BEGIN
  FOR found IN SELECT sequencename, min_value, last_value FROM pg_sequences WHERE schemaname = '{schema}' LOOP
    low := greatest(found.min_value, coalesce(found.last_value, 0) + 1);
    EXECUTE format('ALTER SEQUENCE {schema}.%I INCREMENT BY {step} RESTART WITH %s', found.sequencename,
      low + mod(mod({first} - low, {step}) + {step}, {step}));
  END LOOP;
END $do$"""
"""Each node has a range of its own to number rows from: its first number there, too, is to name the share."""


def citus() -> int | None:
    """The main version of Citus in this database; None: there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
        found = cursor.fetchone()
    return int(found[0].split("-")[0].split(".")[0]) if found else None


def nodes() -> dict[int, str]:
    """Where each share's schema lives, as far as it was distributed."""
    if citus() is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT schema_name::text, nodename, nodeport FROM citus_shards WHERE schema_name <> ''"
        )
        at = {name: f"{node}:{port}" for name, node, port in cursor.fetchall()}
    return {share: at[shares.schema(share)] for share in shares.every() if shares.schema(share) in at}


def distribute(share: int) -> bool:
    """Give a share's schema to a node. Returns whether that was still to be done."""
    first, step = numbering(share, settings.SHARES)
    renumbered = _RENUMBERED.format(schema=shares.schema(share), first=first, step=step)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM citus_schemas WHERE schema_name::text = %s", [shares.schema(share)])
        if cursor.fetchone():
            return False
        cursor.execute("SELECT citus_schema_distribute(%s)", [shares.schema(share)])
        cursor.execute("SELECT result, success FROM run_command_on_workers(%s)", [renumbered])
        for result, success in cursor.fetchall():
            if not success:
                raise RuntimeError(f"a node did not number the rows of share {share}: {result}")
    return True
