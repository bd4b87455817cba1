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
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from gamification.environment import refuse
from gamification.kernel.core.shares import numbering
from gamification.kernel.storage import shares

_MADE_WITH = (
    "SELECT count(*) FILTER (WHERE nspname ~ '^share_[0-9]+$'), to_regclass('django_migrations') IS NOT NULL"
    " FROM pg_namespace"
)

_IDENTITY = DatabaseWrapper.data_types_suffix
"""What a column gets that numbers rows."""

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
    """Let migrations see the schema of this share and no other, and make players' tables only, whose rows are numbered
    as this share's from their beginning: Citus refuses to have a sequence changed later."""
    database: Any = connection
    first, step = numbering(share, settings.SHARES)
    numbered = {type_: f"{how} (START WITH {first} INCREMENT BY {step})" for type_, how in _IDENTITY.items()}
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {shares.schema(share)}")
    database.migrating, database.data_types_suffix = share, numbered
    try:
        yield
    finally:
        database.migrating, database.data_types_suffix = None, _IDENTITY
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")


def migrate(share: int, targets: list[tuple[str, str | None]] | None = None, *, fake: bool = False) -> None:
    """Bring a share's schema to these migrations, or to the newest."""
    with migrating(share):
        executor = MigrationExecutor(connection)
        nodes: Any = executor.loader.graph.leaf_nodes() if targets is None else targets
        executor.migrate(nodes, fake=fake)


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

_NODES = (
    "SELECT DISTINCT tenant.schemaid::regnamespace::text, node.nodename, node.nodeport FROM pg_dist_schema AS tenant"
    " JOIN pg_dist_partition USING (colocationid) JOIN pg_dist_shard USING (logicalrelid)"
    " JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node AS node USING (groupid) WHERE node.noderole = 'primary'"
)
"""By Citus's own tables: its view `citus_shards` has every node measure every table."""


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
        cursor.execute(_NODES)
        at = {name: f"{node}:{port}" for name, node, port in cursor.fetchall()}
    return {share: at[shares.schema(share)] for share in shares.every() if shares.schema(share) in at}


_TWO_PHASES = """
    CREATE TABLE public.two_phases (nothing integer);
    SELECT citus_add_local_table_to_metadata('public.two_phases');
    CREATE FUNCTION public.commit_in_two_phases() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN DELETE FROM public.two_phases; RETURN NULL; END $$
"""
_NOT_IN_TWO_PHASES = """
    SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)
        AND oid NOT IN (SELECT tgrelid FROM pg_trigger WHERE tgname = 'commit_in_two_phases')
"""


def commit_in_two_phases() -> None:
    """Have what a transaction writes to a share and to `public` be there whole or not at all, also when the coordinator
    is lost while it commits.

    Citus prepares a node's part, and commits it once its own is committed, only where it knows that there are several.
    It knows of no writing to tables of the coordinator's that it does not manage, as those of `public` are: so a
    trigger of theirs writes to one that it does, in which there is nothing.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.two_phases') IS NULL")
        if cursor.fetchone()[0]:
            cursor.execute(_TWO_PHASES)
        cursor.execute(_NOT_IN_TWO_PHASES)
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"CREATE TRIGGER commit_in_two_phases BEFORE INSERT OR UPDATE OR DELETE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION public.commit_in_two_phases()"
            )


def distribute(share: int) -> bool:
    """Give a share's schema to a node. Returns whether that was still to be done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_dist_schema WHERE schemaid::regnamespace::text = %s", [shares.schema(share)])
        if cursor.fetchone():
            return False
        cursor.execute("SELECT citus_schema_distribute(%s)", [shares.schema(share)])
    return True
