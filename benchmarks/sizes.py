"""What events leave behind on disk, and what retention takes away again: `python -m benchmarks.sizes`.

Events are played by `process()` in batches of 500, on a PostgreSQL database of its own, by players with a past. What
the tables have grown by is what the events cost; what players, tallies and wallets held before is what players cost.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from time import perf_counter

from django.db import connection
from django.test.utils import override_settings

from benchmarks import databases, turns, workload
from benchmarks.contenders import Contender
from benchmarks.workload import BEGINNING, Workload
from gamification import retention
from gamification.kernel.models import Event
from progress.models import Player

BATCH = 500
PLAYED = Workload("200 achievements, 5,000 players")

SIZES = """
    SELECT c.relname, s.n_live_tup, pg_relation_size(c.oid), pg_indexes_size(c.oid)
    FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
"""
INDEXES = "SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes"
LEAST = 400_000
"""Bytes: tables and indexes that grew by less are not shown."""

Sizes = dict[str, tuple[int, int, int]]
"""Table → rows, bytes of its own, bytes of its indexes."""


def measure() -> tuple[Sizes, dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute(SIZES)
        tables = {name: (rows, heap, keys) for name, rows, heap, keys in cursor.fetchall()}
        cursor.execute(INDEXES)
        return tables, dict(cursor.fetchall())


def log_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def take_facts() -> None:
    """As it is when they are past their retention."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE kernel_outboxfact")


def forget() -> tuple[int, float]:
    """Let retention do its work once all events are past it; (events deleted, seconds)."""
    before = Event.objects.count()
    now = BEGINNING + timedelta(days=3_650)
    started = perf_counter()
    with override_settings(EVENT_RETENTION_DAYS=1, RABBITMQ_URL=""):
        retention.forget_events(now)
    return before - Event.objects.count(), perf_counter() - started


def players() -> int:
    return Player.objects.count()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    wanted = parser.parse_args()
    with databases.empty(is_sqlite=False) as empty, Contender(empty, RABBITMQ_URL="", REDIS_HOST="") as contender:
        contender.ask(turns.migrate)
        bare, _ = contender.ask(measure)
        contender.ask(workload.load, PLAYED)
        contender.ask(turns.sit, PLAYED, turns.PROCESS)
        before, before_indexes = contender.ask(measure)
        log = contender.ask(log_position)
        for _ in range(wanted.events // BATCH):
            contender.ask(turns.play, BATCH)
        log = contender.ask(log_position) - log
        contender.ask(take_facts)
        after, indexes = contender.ask(measure)
        completed, events = contender.ask(turns.completions)
        people = contender.ask(players)
        print(f"{people:,} players with a past, before any of these events")
        _grown(bare, before, ("progress_player", "progress_tally", "rewards_wallet"), people, "player")
        print(f"\n{events:,} events, {completed:,} completions: {100 * completed / events:.1f} in 100")
        _grown(before, after, tuple(after), events, "event")
        for name, size in sorted(indexes.items(), key=lambda each: -each[1]):
            if size - before_indexes.get(name, 0) >= LEAST:
                print(f"  index {name:<44}{(size - before_indexes.get(name, 0)) / events:>8.1f} bytes an event")
        print(f"the server's log (WAL): {log / events:,.0f} bytes an event")
        deleted, took = contender.ask(forget)
        left, _ = contender.ask(measure)
    print(f"\nretention deleted {deleted:,} events in {took:.1f} s, {deleted / took:,.0f}/s")
    _, heap, keys = left["kernel_event"]
    print(f"kernel_event after VACUUM: {heap / 1e6:.1f} MB, its indexes {keys / 1e6:.1f} MB, kept for what comes next")


def _grown(before: Sizes, after: Sizes, names: tuple[str, ...], count: int, what: str) -> None:
    print(f"{'table':<28}{'rows more':>12}{'bytes a row':>13}{'table':>10}{'indexes':>10}  bytes a {what}")
    whole = 0
    for name in sorted(names, key=lambda each: -sum(after[each][1:])):
        rows, heap, keys = (after[name][i] - before.get(name, (0, 0, 0))[i] for i in range(3))
        whole += heap + keys
        if heap + keys >= LEAST:
            per_row = f"{(heap + keys) / rows:,.0f}" if rows > 0 else "-"
            print(f"{name:<28}{rows:>12,}{per_row:>13}{heap / count:>10.1f}{keys / count:>10.1f}")
    print(f"{'all':<53}{whole / count:>20.1f}")


if __name__ == "__main__":
    main()
