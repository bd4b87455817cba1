"""Whether anything has happened to a player since: a value that costs one small query for any number of players.

Whoever changes anything of a player locks the player's row first (`open_world`). PostgreSQL writes into a row the
number of the transaction that locked it last (`xmax`), and of the one that wrote it last (`xmin`); while it runs, no
number comes back. So the two, and those of what all players' answers depend on, are equal only where nothing has
changed. Nothing has to be written for it on the way of events.

- A transaction that is still under way may have locked the row and may still write: then nothing is said.
  `pg_xact_status` tells, of savepoints too; it takes numbers of 64 bits, of which the row has the lower 32.
- A row that was written and not locked since has no `xmax`. VACUUM takes an old `xmax` away, too, and then a row that
  was locked in between would look like this one. So nothing is said of it until it has one: `_mark` locks it.
- A server that was started again after a crash, or another one that took over, gives numbers again that were given in
  the last moments before and were lost. So the connection that was asked, which ends with the server, is part of it,
  and when the server was started, since a pooler in between does not end.
- Nobody locks these rows but FOR UPDATE. With weaker locks, which several transactions may have at once, `xmax` would
  be the number of a group of them, which says nothing of its transactions.

SQLite counts the commits of all other connections (`PRAGMA data_version`), which is as good and tells no players apart.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Mapping
from itertools import count
from typing import Any

from django.db import connection, transaction

from gamification.kernel.core.messages import PlayerId
from gamification.kernel.models import PublicationHead
from gamification.kernel.storage import columns, shares
from progress.models import Player, Rarity

Versions = Mapping[PlayerId, Hashable]

_UNMARKED = "0"


def versions(player_ids: Collection[PlayerId]) -> Versions:
    """player → a value that is equal to an earlier one only where every answer about the player is as it was then, as
    far as it does not depend on the hour. Of whom nothing can be said, nothing is.

    To be asked for before the answer is worked out. Never within a transaction.
    """
    if connection.vendor != "postgresql":
        return dict.fromkeys(player_ids, _commits())
    found: dict[PlayerId, Hashable] = {}
    for share, here in shares.by_share(player_ids, lambda player_id: player_id).items():
        found |= _of_share(share, here)
    return found


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def _of_share(share: int, player_ids: list[PlayerId]) -> dict[PlayerId, Hashable]:
    table = columns.table(Player)
    if shares.number() > 1:
        table = f"{shares.schema(share)}.{table}"
    rows = _read(table, player_ids)
    unmarked = [row[0] for row in rows if row[2] == _UNMARKED]
    if unmarked:
        _mark(table, unmarked)
        rows = _read(table, player_ids)
    asked = _connection()
    return {
        player_id: (asked, written, locked, *common)
        for player_id, written, locked, has_ended, *common in rows
        if locked != _UNMARKED and has_ended
    }


def _read(table: str, player_ids: list[PlayerId]) -> list[tuple[Any, ...]]:
    common = f"""
        pg_postmaster_start_time()::text,
        (SELECT token FROM {columns.table(PublicationHead)} WHERE id = 1),
        (SELECT xmin::text FROM {columns.table(Rarity)} WHERE kind = 'achievement' ORDER BY content_id LIMIT 1),
        (SELECT xmin::text FROM {columns.table(Rarity)} WHERE kind = 'quest' ORDER BY content_id LIMIT 1)"""
    mine = f"""
        SELECT player_id, p.xmin::text, p.xmax::text,
            behind < {2**31} AND pg_xact_status((next - behind)::text::xid8) IS DISTINCT FROM 'in progress'
            {{common}}
        FROM {table} AS p
        CROSS JOIN (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS s
        CROSS JOIN LATERAL (SELECT (next - p.xmax::text::bigint) & {2**32 - 1} AS behind) AS b
        WHERE player_id = ANY(%s)"""
    with connection.cursor() as cursor:
        if shares.number() == 1:
            cursor.execute(mine.format(common=f", {common}"), [player_ids])
            return list(cursor.fetchall())
        # Tables of a share may be on another machine, so each statement is about either, and either server may have
        # been started again, or the share have moved to another.
        cursor.execute(f"SELECT {common}")
        [head] = cursor.fetchall()
        cursor.execute(mine.format(common=", pg_postmaster_start_time()::text"), [player_ids])
        return [(*row, *head) for row in cursor.fetchall()]


def _mark(table: str, player_ids: list[PlayerId]) -> None:
    """Have rows bear the number of a transaction that locked them: this one, which writes nothing else, and waits for
    nobody, neither another lock nor the disk.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
        cursor.execute(
            f"SELECT 1 FROM {table} WHERE player_id = ANY(%s) AND xmax::text = %s FOR UPDATE SKIP LOCKED",
            [player_ids, _UNMARKED],
        )


# -- SQLite ------------------------------------------------------------------------------------------------------------


def _commits() -> Hashable:
    """What only the connection that it was read by can be compared with."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        [(commits,)] = cursor.fetchall()
    return (_connection(), commits)


# -- connections -------------------------------------------------------------------------------------------------------


class _Here(threading.local):
    """The connection of this thread, and its number among all that this process has had."""

    raw: Any = None
    number = 0


_here, _numbers = _Here(), count(1)


def _connection() -> int:
    """Which connection was asked."""
    if _here.raw is not connection.connection:
        _here.raw, _here.number = connection.connection, next(_numbers)
    return _here.number
