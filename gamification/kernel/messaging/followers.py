"""Followers: consumers that work through facts, or kept events, after the commit that wrote them.

Both tables are logs: rows are added with rising ids. A follower has a name and a *cursor*, the id of the last row that
it is done with. Exactly one process at a time acts as a follower, and where its effect is a row of the same database,
effect and cursor are one transaction: killed anywhere, it goes on exactly where it was.

Ids are given before they are committed: a row with a smaller id may appear after one with a greater. A follower reads
up to a *horizon*, therefore. On PostgreSQL it notes the greatest id and which transactions could still add a smaller
one: those of this database that had begun to write by then. Once all of them have ended, ids up to the noted one are
final. (Whoever adds to a log has begun to write before it is given an id: it holds the locks of its players.) On SQLite
only one transaction writes at a time, so what is committed is final.

    transaction A  ──begins──id 7──────────────commits──
    transaction B      ──begins──id 8──commits──             8 is there before 7
    a follower                             │   │   └ the horizon is 8: it reads 7, then 8
                                           └───┴ noted 8, and that A still runs: the horizon stays below 7

Facts are kept for FACT_RETENTION_DAYS, and longer for a follower that still needs them, but never more than FACTS_KEPT
rows. A follower that is further behind goes on at the oldest row, and its mark says that it has missed some.

Each share has logs of its own, and a follower a cursor in each: whoever acts as one names the share.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from gamification.kernel.core import liveness
from gamification.kernel.models import Event, FollowerMark, OutboxFact
from gamification.kernel.storage import shares, sql

log = logging.getLogger(__name__)

LOCK_TIMEOUT = "10s"
"""How long to wait for another process that acts as the same follower: longer than that one waits for the broker."""
MAX_NOTED = 100
"""Moments that are noted at once at most; each becomes the horizon when its transactions have ended."""
CHUNK = 5_000
"""Rows deleted in one transaction: a longer one would keep SQLite's only writer waiting."""

_RUNNING = "SELECT min(id::text::bigint) FROM pg_snapshot_xip(moment) AS id"
_RUNNING_HERE = (
    _RUNNING + " WHERE id::text::bigint & 4294967295 NOT IN ("
    "SELECT held.transactionid::text::bigint FROM pg_lock_status() AS held"
    " JOIN pg_stat_get_activity(NULL) AS session USING (pid)"
    " WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted"
    " AND session.datid <> (SELECT datid FROM pg_stat_get_activity(pg_backend_pid())))"
)
"""Without those that are known to be another database's, which cannot add to this log: one PostgreSQL may hold many.

By functions, not by the views `pg_locks` and `pg_stat_activity` that are made of them: Citus asks the coordinator for
views, where other transactions run than on the node whose log it is."""


class Moment(NamedTuple):
    next_: int
    """The first transaction that has not begun."""
    oldest: int | None
    """The oldest of those that run."""
    newest: int
    """The greatest id of the log."""
    server: str
    """When the server was started whose transactions these are."""


class Horizon:
    """Up to which id a log is final, as far as this process has looked."""

    def __init__(self, model: type[models.Model]) -> None:
        self._table = connection.ops.quote_name(model._meta.db_table)
        self._model = model
        self._lock = threading.Lock()
        self._final = 0
        self._noted: deque[tuple[int, int]] = deque()
        """Of each noted moment, the first transaction that had not begun, and the greatest id."""
        self._server = ""
        """Whose transactions those are: when the server was started."""

    def look(self) -> tuple[int, int]:
        """The id up to which every row is there that will ever be; and the greatest that can be seen."""
        if connection.vendor != "postgresql":
            newest = self._model._default_manager.aggregate(newest=models.Max("pk"))["newest"] or 0
            return newest, newest
        moment = self._moment(_RUNNING)
        final = self._note(moment)
        if final < moment.newest and moment.oldest is not None:
            moment = self._moment(_RUNNING_HERE)  # leaving out other databases' transactions takes a dearer query
            final = self._note(moment)
        return final, moment.newest

    def _moment(self, running: str) -> Moment:
        """What is so now.

        In one statement, so that all of it is of one moment. What this very transaction wrote is no obstacle.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT pg_snapshot_xmax(moment)::text::bigint, ({running}),"
                f" coalesce((SELECT max(id) FROM {self._table}), 0), pg_postmaster_start_time()::text"
                " FROM pg_current_snapshot() AS moment"
            )
            return Moment(*cursor.fetchone())

    def _note(self, moment: Moment) -> int:
        next_, oldest, newest, server = moment
        with self._lock:
            if server != self._server:  # it was started again, or the share has moved to another: none of those runs
                self._noted.clear()
                self._server = server
            if len(self._noted) < MAX_NOTED and (not self._noted or self._noted[-1] != (next_, newest)):
                self._noted.append((next_, newest))
            while self._noted and self._noted[0][0] <= (next_ if oldest is None else oldest):
                self._final = max(self._final, self._noted.popleft()[1])
            return min(self._final, newest)

    def wait(self, beyond: int, seconds: float) -> int:
        """The horizon, once it is beyond an id, or no row is; or as it is after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            final, newest = self.look()
            if final > beyond or newest <= beyond or time.monotonic() > until:
                return final
            time.sleep(0.005)


@dataclass(frozen=True, eq=False)
class Log:
    model: type[models.Model]
    _horizons: dict[int | None, Horizon] = field(default_factory=dict)

    @property
    def horizon(self) -> Horizon:
        """That of the share that is named: each has a log of its own."""
        share = shares.here()
        return self._horizons.get(share) or self._horizons.setdefault(share, Horizon(self.model))

    written: str = ""
    """The column that says when a row was written, if there is one."""

    @property
    def rows(self) -> models.QuerySet[Any]:
        return self.model._default_manager.order_by("pk")

    def written_after(self, cursor: int) -> datetime | None:
        """When the first row after this one was written."""
        if not self.written:
            return None
        found: datetime | None = self.rows.filter(pk__gt=cursor).values_list(self.written, flat=True).first()
        return found


FACTS = Log(OutboxFact, written="stated_at")
EVENTS = Log(Event, written="received_at")

Row = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Follower:
    """A follower whose effect is rows needs only `take`. Another moves its cursor itself."""

    name: str
    log: Log
    is_on: Callable[[], bool] = field(default=lambda: True)
    """Whether anybody acts as it: facts are not kept for one that is switched off."""
    seen_to: Callable[[], int | None] = field(default=lambda: None)
    """The id up to which it needs no rows any more, where it has put off some that its cursor has passed."""

    def take(self, columns: Sequence[Any], work: Callable[[Sequence[Row]], object], most: int = 500) -> int:
        """Hand the next rows, `pk` and then these columns of each, to `work`. Returns how many there were.

        In one transaction with the cursor, so whatever `work` writes is written once.
        """
        with self.alone(), transaction.atomic():
            rows, horizon = self.page(columns, most)
            if rows:
                work(rows)
            self.move(rows[-1][0] if len(rows) == most else horizon)
        return len(rows)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process act as this follower meanwhile. Raises `OperationalError` after LOCK_TIMEOUT.

        On PostgreSQL the lock is the transaction's: it is gone with a process that is killed. On SQLite a transaction
        would keep every writer waiting, so the lock is that of a file.
        """
        if connection.vendor == "postgresql":
            share = shares.here()
            name = f"follower {self.name}" + ("" if share is None else f" of share {share}")
            key = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
            with transaction.atomic():
                sql.without_fsync()  # a cursor that a crash sets back means that something is done twice
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
                yield
        else:
            with open(f"{connection.settings_dict['NAME']}-{self.name}", "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def page(self, columns: Sequence[Any], most: int) -> tuple[list[Row], int]:
        """The next rows, and the horizon: with fewer than `most`, the follower has come that far. Only while alone."""
        horizon, _ = self.log.horizon.look()
        cursor = self.cursor()
        rows = self.log.rows.filter(pk__gt=cursor, pk__lte=horizon).values_list("pk", *columns)[:most]
        return list(rows), max(cursor, horizon)

    def cursor(self) -> int:
        """The id of the last row it is done with. If later rows are deleted already, its mark and the log say so."""
        marks = FollowerMark.objects.in_bulk([self.name, FORGETTING.name])
        mark = marks.get(self.name)
        cursor = mark.cursor if mark else 0
        forgotten = marks[FORGETTING.name].cursor if FORGETTING.name in marks and self.log is FACTS else 0
        if cursor >= forgotten:
            return cursor
        self.move(forgotten)
        if mark:
            FollowerMark.objects.filter(pk=self.name).update(missed_at=timezone.now())
            log.error("%s was so far behind that facts are gone which it had not seen", self.name)
        return forgotten

    def move(self, to: int) -> None:
        """Note how far it has come. Only while alone."""
        now = timezone.now()
        if not FollowerMark.objects.filter(pk=self.name).update(cursor=to, moved_at=now):
            FollowerMark.objects.create(pk=self.name, cursor=to, moved_at=now)

    def behind(self) -> int:
        """How many rows it has not done yet."""
        return self.log.rows.filter(pk__gt=self.cursor()).count()


class Lag(NamedTuple):
    rows: int
    """How many rows it has not done, at most: ids have gaps."""
    since: datetime | None
    """When the oldest of them was written, where the log says so."""


# -- which there are ---------------------------------------------------------------------------------------------------

FORGETTING = Follower("forgetting", FACTS)
"""Deletes old facts; its cursor says which are gone."""
_followers: list[Follower] = []


def register(follower: Follower) -> Follower:
    """Keep facts until this follower has seen them, and report when it has missed some."""
    _followers.append(follower)
    return follower


def at_work() -> list[Follower]:
    return [follower for follower in _followers if follower.is_on()]


def lags() -> dict[str, Lag]:
    """How far each follower is behind in the share that is named. It only looks: no follower has to be alone for it."""
    marks = dict(FollowerMark.objects.values_list("pk", "cursor"))
    newest = _newest([follower.log for follower in at_work()])
    since: dict[tuple[Log, int], datetime | None] = {}
    found = {}
    for follower in at_work():
        cursor = marks.get(follower.name, 0)
        if follower.log is FACTS:
            cursor = max(cursor, marks.get(FORGETTING.name, 0))
        if (put_off := follower.seen_to()) is not None:
            cursor = min(cursor, put_off)
        rows = max(0, newest[follower.log] - cursor)
        place = (follower.log, cursor)
        if rows and place not in since:  # those that are equally far are many, and this is read again and again
            since[place] = follower.log.written_after(cursor)
        found[follower.name] = Lag(rows, since[place] if rows else None)
    return found


def _newest(logs: Sequence[Log]) -> dict[Log, int]:
    """The greatest id of each, by one statement."""
    logs = list(dict.fromkeys(logs))
    if not logs:
        return {}
    quote = connection.ops.quote_name
    newest_of = (f"(SELECT max(id) FROM {quote(log.model._meta.db_table)})" for log in logs)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(newest_of)}")
        return {log: newest or 0 for log, newest in zip(logs, cursor.fetchone(), strict=True)}


def missed() -> list[str]:
    """A sentence for each follower that has missed facts within the last day."""
    names = [follower.name for follower in at_work()]
    found = []
    for share in shares.every():
        with shares.within(share):
            missed = FollowerMark.objects.filter(pk__in=names, missed_at__gt=timezone.now() - timedelta(days=1))
            found += [
                f"{mark.name} was too slow: at {mark.missed_at:%Y-%m-%d %H:%M:%S} UTC facts were gone which it had not "
                "seen"
                for mark in missed.order_by("pk")
            ]
    return found


def forget_facts(now: datetime) -> None:
    """Delete facts that are old and that everybody has seen, and the oldest of too many."""
    while _forgot(now):
        liveness.still_busy()


def _forgot(now: datetime) -> bool:
    """Delete one chunk. Returns whether there may be more."""
    past = now - timedelta(days=settings.FACT_RETENTION_DAYS)
    with FORGETTING.alone(), transaction.atomic():
        newest = FACTS.rows.values_list("pk", flat=True).last() or 0
        too_many = newest - settings.FACTS_KEPT  # ids have gaps: it is never more than FACTS_KEPT rows that stay
        here = [each for each in at_work() if each.log is FACTS]
        put_off = [to for each in here if (to := each.seen_to()) is not None]
        seen = min([*(each.cursor() for each in here), *put_off], default=newest)
        cut = 0
        chunk = list(FACTS.rows.values_list("pk", "stated_at")[:CHUNK])
        for pk, stated_at in chunk:
            if pk > too_many and (pk > seen or stated_at >= past):
                break
            cut = pk
        if cut:
            FORGETTING.move(cut)
            FACTS.rows.filter(pk__lte=cut).delete()
        return bool(chunk) and cut == chunk[-1][0]
