"""In which order a log's rows are looked at: batch by batch as they arrived, within a batch by (timestamp, id).

A *batch* is what one transaction has kept of one player: rows of the player, one after another, with one time of
arrival. Transactions that commit at once have their rows interleaved, so a page of the log ends where no batch is cut
in two. Then it does not matter where pages end: each player's events come in one and the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Kept(NamedTuple):
    """A kept event; instants in milliseconds since 1970."""

    pk: int
    player_id: str
    event_id: str
    type: str
    data: str
    at: int
    received: int


def whole(rows: Sequence[Kept], limit: int, horizon: int) -> int:
    """An id up to which every batch is there whole: the greatest up to `limit`, or else the next after it; 0: there is
    none up to the horizon. `rows` go on beyond the limit as far as a batch may."""
    last = {(row.player_id, row.received): row.pk for row in rows}
    found = reach = 0
    for row in rows:
        if row.pk > horizon or (found and row.pk > limit):
            break
        reach = max(reach, last[row.player_id, row.received])
        if reach == row.pk:
            found = row.pk
    return found


def in_order(rows: Sequence[Kept]) -> list[Kept]:
    """These rows batch by batch, in the order in which the batches begin."""
    begins: dict[tuple[str, int], int] = {}
    for row in rows:
        begins.setdefault((row.player_id, row.received), row.pk)
    return sorted(rows, key=lambda row: (begins[row.player_id, row.received], row.at, row.event_id))
