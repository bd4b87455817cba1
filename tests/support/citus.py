"""The test's database on a Citus cluster: on each node one of the same name, which the coordinator's knows.

Which nodes there are is read off the coordinator's database `postgres`, where whoever made the cluster has added them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connection

Node = tuple[str, int]


def at(node: Node | None = None, database: str = "postgres") -> Any:
    """A connection of its own to a node's database; None: the coordinator's."""
    known = connection.settings_dict
    host, port = node or (known["HOST"], known["PORT"])
    options = {"user": known["USER"], "password": known["PASSWORD"] or None}
    return closing(psycopg.connect(host=host, port=port, dbname=database, autocommit=True, **options))


def workers() -> list[Node]:
    with at() as coordinator:
        return list(
            coordinator.execute(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 AND noderole = 'primary' ORDER BY 1, 2"
            )
        )


def make() -> None:
    """What an operator does before the shares are distributed (docs/scaling.md), with this database."""
    name, found = connection.settings_dict["NAME"], workers()
    assert len(found) > 1, "the cluster that CITUS_HOST names has no two nodes besides the coordinator"
    for node in found:
        with at(node) as worker:
            worker.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            worker.execute(f'CREATE DATABASE "{name}"')
        with at(node, name) as worker:
            worker.execute("CREATE EXTENSION citus")
    with at(None, name) as coordinator:
        coordinator.execute("CREATE EXTENSION citus")
        coordinator.execute(
            "SELECT citus_set_coordinator_host(%s, %s)",
            [connection.settings_dict["HOST"], int(connection.settings_dict["PORT"])],
        )
        for host, port in found:
            coordinator.execute("SELECT citus_add_node(%s, %s)", [host, port])
    call_command("shares", "distribute")


def remove() -> None:
    name = connection.settings_dict["NAME"]
    with at(None, name) as coordinator:  # its own maintenance would connect to the nodes again
        coordinator.execute("DROP EXTENSION citus CASCADE")
    for node in workers():
        with at(node) as worker:
            worker.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def on_nodes(statement: str) -> Iterator[tuple[Node, list[Any]]]:
    """What each worker node's own database answers."""
    for node in workers():
        with at(node, connection.settings_dict["NAME"]) as worker:
            worker.execute("SET citus.override_table_visibility TO off")  # it hides what tables are made of
            yield node, list(worker.execute(statement))
