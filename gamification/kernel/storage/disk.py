"""Whether the database can write: a full disk shows in nothing that is read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.db import OperationalError, connection, transaction

PROBE_BYTES = 256 * 1024
"""Bytes that are written to try: as many as a large batch writes."""


def try_to_write() -> None:
    """Raise what a batch of events would raise. What is written does not stay, and no writer has to wait."""
    if connection.vendor == "postgresql":
        _in_a_new_table()
    else:
        _in_the_file()
        _beside_it()


def _in_a_new_table() -> None:
    """Rows of an old table could take the place of deleted ones; a new table needs room on the disk."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL temp_tablespaces = ''")  # where the other tables are
        cursor.execute(
            "CREATE TEMPORARY TABLE room AS SELECT repeat('x', 1000) FROM generate_series(1, %s)", [PROBE_BYTES // 1000]
        )
        transaction.set_rollback(True)


def _in_the_file() -> None:
    """Write `user_version`, a number that SQLite keeps for applications and Django does not use, as it was."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        [busy_timeout] = cursor.fetchone()
        cursor.execute("PRAGMA busy_timeout = 100")
        try:
            cursor.execute("PRAGMA user_version")
            [version] = cursor.fetchone()
            cursor.execute(f"PRAGMA user_version = {version:d}")
        except OperationalError as problem:
            if "locked" not in str(problem):  # somebody is writing, so the disk can be written
                raise
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {busy_timeout:d}")


def _beside_it() -> None:
    """SQLite writes into its log, which may have room left over when the disk has none."""
    with tempfile.TemporaryFile(dir=Path(connection.settings_dict["NAME"]).parent) as file:
        file.write(b"x" * PROBE_BYTES)
        file.flush()
        os.fsync(file.fileno())
