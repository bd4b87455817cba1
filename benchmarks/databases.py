"""Databases of the benchmark's own: made for a run, dropped after it, whatever happens."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

PREFIX = f"gamification_bench_{os.getpid()}"
HOST, PORT = os.environ.get("DB_HOST") or "127.0.0.1", os.environ.get("DB_PORT") or "5432"
USER, PASSWORD = os.environ.get("DB_USER") or "postgres", os.environ.get("DB_PASSWORD", "")


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    """Of the database; for SQLite the file's path."""
    is_sqlite: bool = False

    def environment(self) -> dict[str, str]:
        """What a process that is to use it finds in its environment. An empty DB_HOST means SQLite."""
        host = "" if self.is_sqlite else HOST
        return {"DB_HOST": host, "DB_PORT": PORT, "DB_USER": USER, "DB_PASSWORD": PASSWORD, "DB_NAME": self.name}

    def copy(self, name: str) -> Database:
        """A copy of it, while nobody is connected."""
        if self.is_sqlite:
            made = Database(str(Path(self.name).with_name(f"{name}.sqlite3")), is_sqlite=True)
            if Path(self.name).exists():  # it does once something was written into it
                shutil.copyfile(self.name, made.name)
            return made
        made = Database(f"{PREFIX}_{name}")
        with _administrator() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(made.name), sql.Identifier(self.name))
            )
        return made


def why_no_postgres() -> str | None:
    """None if there is a server that lets us make databases."""
    try:
        with _administrator() as connection:
            row = connection.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user").fetchone()
    except psycopg.OperationalError as problem:
        return str(problem).strip().splitlines()[-1]
    return None if row and row[0] else f"{USER} may not create databases"


def versions() -> str:
    with _administrator() as connection:
        return str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]


@contextmanager
def empty(*, is_sqlite: bool) -> Iterator[Database]:
    """An empty database; at the end it and all copies are dropped."""
    if is_sqlite:
        with tempfile.TemporaryDirectory(prefix="gamification-bench-") as folder:
            yield Database(str(Path(folder) / "empty.sqlite3"), is_sqlite=True)
        return
    name = f"{PREFIX}_empty"
    with _administrator() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield Database(name)
    finally:
        with _administrator() as connection:
            made = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
            for (left,) in made.fetchall():
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(left))))


def _administrator() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=HOST,
        port=PORT,
        user=USER,
        password=PASSWORD or None,
        dbname="postgres",
        autocommit=True,
        connect_timeout=5,
    )
