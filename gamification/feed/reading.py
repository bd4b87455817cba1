"""What a node reads for all its players at once: a few queries, however many players have new messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import connection

from gamification.feed.models import Message
from gamification.feed.texts import Numbered, numbered
from gamification.kernel.core.messages import PlayerId
from gamification.kernel.storage import columns, database_timeout, shares
from progress.queries import FeedHead, KnownHead, feed_heads, feed_heads_unlike

T = TypeVar("T")

PAGE = 100
"""Messages of one player that are read at a time."""

Want = tuple[PlayerId, int]
"""The messages of a player after that number, a page of them."""


class Answer(NamedTuple):
    heads: dict[PlayerId, FeedHead]
    pages: dict[Want, list[Numbered]]
    unlike: dict[PlayerId, FeedHead]
    """Of players of whom something else was known."""


def read(players: Collection[PlayerId], wants: Collection[Want], known: Collection[KnownHead] = ()) -> Answer:
    """The heads of `players`, and of those that are not as `known`. Heads are read before messages, so that whatever a
    head counts is there to be read."""
    heads = feed_heads(players) if players else {}
    unlike = feed_heads_unlike(known) if known else {}
    return Answer(heads, pages(wants) if wants else {}, unlike)


def pages(wants: Collection[Want]) -> dict[Want, list[Numbered]]:
    """One query a share (on SQLite, one for each 16,000 wants). Numbers have no gaps, so a page is a span of them."""
    found: dict[Want, list[Numbered]] = {}
    rows: list[tuple[Any, ...]] = []
    for share, here in shares.by_share(wants, itemgetter(0)).items():
        with shares.within(share):
            rows += _rows(here)
    for player_id, after, seq, type_, data, at in sorted(rows, key=itemgetter(2)):
        found.setdefault((player_id, after), []).append(numbered(player_id, seq, type_, data, at))
    return found


def _rows(wants: list[Want]) -> list[tuple[Any, ...]]:
    keys = columns.columns(Message, ("player_id", "seq"))
    # `data` is taken as the text that it is.
    read = columns.columns(Message, ("player_id", "seq", "seq", "type", "type", "timestamp"))
    table = columns.table(Message)
    at = columns.picked(columns.column(Message, "timestamp"), "t.")
    span = f"t.player_id = v.c0 AND t.seq > v.c1 AND t.seq <= v.c1 + {PAGE:d}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            source, parameters = columns.unnest(keys, wants)
            cursor.execute(  # OFFSET 0: each want is looked up by the index, however many there are
                f"SELECT v.c0, v.c1, m.* FROM {source} CROSS JOIN LATERAL"
                f" (SELECT t.seq, t.type, t.data::text, {at} FROM {table} AS t WHERE {span} OFFSET 0) AS m",
                parameters,
            )
            return columns.read(read, cursor.fetchall())
        rows: list[tuple[Any, ...]] = []
        for values, parameters in columns.values_lists(keys, wants):
            cursor.execute(
                f"WITH v(c0, c1) AS (VALUES {values}) SELECT v.c0, v.c1, t.seq, t.type, t.data, {at}"
                f" FROM v CROSS JOIN {table} AS t ON {span}",
                parameters,
            )
            rows += cursor.fetchall()
        return columns.read(read, rows)


class Reader:
    """Asks the database on one thread of its own, so that answers come back in the order of the questions, and nothing
    older is ever told after something newer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._thread, _answered, question, *arguments)

    async def stop(self) -> None:
        with suppress(Exception):
            await asyncio.wrap_future(self._thread.submit(_hang_up))
        self._thread.shutdown(wait=False)


def _answered(question: Callable[..., T], *arguments: Any) -> T:
    """On the reader's thread, whose connection stays open; one that failed is made anew."""
    try:
        with database_timeout.within(settings.DB_TIMEOUT):
            return question(*arguments)
    except BaseException:
        connection.close()
        raise


def _hang_up() -> None:
    connection.close()  # the thread's own: on another thread the name stands for another connection
