"""What happened and has not been taken by the service yet, in an SQLite file.

It is kept first and sent afterwards, in order and as often as it takes. Whoever is killed in between sends the same
again under the same ids, which count once: so nothing is lost and nothing counts twice. Several processes may share a
file: then each may send what the others have kept.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class DiskQueue:
    def __init__(self, path: str | Path | None, *, sync: bool = False, timeout: float = 30.0) -> None:
        """`path` None: it lasts as long as the process. `sync`: each item waits for the disk itself, so that it
        outlives a loss of power too. `timeout`: seconds for which another process may have the file.
        """
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path or ":memory:", timeout=timeout, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
        self._database.execute("CREATE TABLE IF NOT EXISTS item (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")

    def add(self, item: Mapping[str, Any]) -> None:
        """Once this has returned the item is kept. Raises ValueError for what JSON cannot say."""
        body = json.dumps(dict(item), allow_nan=False)
        with self._lock:
            self._database.execute("INSERT INTO item (body) VALUES (?)", (body,))

    def first(self, most: int, size: int) -> list[tuple[int, Json]]:
        """The oldest items with their numbers, as many as have `size` characters between them, but at least one."""
        with self._lock:
            rows = self._database.execute("SELECT number, body FROM item ORDER BY number LIMIT ?", (most,)).fetchall()
        found: list[tuple[int, Json]] = []
        for number, body in rows:
            size -= len(body)
            if size < 0 and found:
                break
            found.append((number, json.loads(body)))
        return found

    def remove(self, numbers: Sequence[int]) -> None:
        # A transaction that fails is rolled back: left open, it would swallow what is added next.
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.executemany("DELETE FROM item WHERE number = ?", [(number,) for number in numbers])

    def __len__(self) -> int:
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM item").fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._database.close()
