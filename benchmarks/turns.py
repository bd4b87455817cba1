"""What a contender's process does: it makes itself ready, then takes one turn after the other.

Events are made, and staged, outside the measured time.
"""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from statistics import median
from time import perf_counter
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum

from achievements.models import Standing
from benchmarks import naive, workload
from benchmarks.limit import Limit
from benchmarks.workload import Plain, Workload, plain_achievements
from gamification import pipeline
from gamification.kernel.core import collector
from gamification.kernel.core.messages import GameEvent
from gamification.kernel.models import Event
from progress.models import Player, Tally
from rewards.models import Transfer, Wallet

PROCESS, LIMIT, NAIVE = "process", "limit", "naive"

Way = Callable[[Sequence[GameEvent], datetime], float]
"""Processes a batch, and returns the seconds that it took."""


@dataclass(slots=True)
class Seat:
    """What this process plays: the workload, the way, and a stream of events for each batch size."""

    played: Workload
    way: Way
    streams: dict[int, Iterator[list[GameEvent]]]


_seat: list[Seat] = []


def ready() -> None:
    """Do nothing: the call returns once the process is up."""


def migrate() -> None:
    call_command("migrate", verbosity=0)
    connection.close()


def load(played: Workload) -> None:
    workload.load(played)
    connection.close()


def sit(played: Workload, way: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    chosen = {PROCESS: _process, LIMIT: _limit, NAIVE: _naive}[way]
    _seat[:] = [Seat(played, chosen(played), {})]
    collector.settle()  # as a worker does


def play(batch: int) -> float:
    """One turn with so many fresh events; the seconds it took."""
    seat = _seat[0]
    if batch not in seat.streams:
        seat.streams[batch] = workload.events(seat.played, batch)
    events = next(seat.streams[batch])
    return seat.way(events, events[-1].timestamp)


def _process(played: Workload) -> Way:
    def way(batch: Sequence[GameEvent], now: datetime) -> float:
        started = perf_counter()
        outcome = pipeline.process(batch, now=now)
        took = perf_counter() - started
        assert outcome.accepted == len(batch)
        return took

    return way


def _naive(played: Workload) -> Way:
    by_metric: dict[str, list[Plain]] = {}
    for plain in plain_achievements(played):
        by_metric.setdefault(plain.metric, []).append(plain)

    def way(batch: Sequence[GameEvent], now: datetime) -> float:
        started = perf_counter()
        for event in batch:
            naive.process(event, by_metric, now)
        return perf_counter() - started

    return way


def _limit(played: Workload) -> Way:
    names = ("host", "port", "user", "password", "dbname")
    parameters = {key: value for key, value in connection.get_connection_params().items() if key in names}
    limit = Limit(played, parameters)

    def way(batch: Sequence[GameEvent], now: datetime) -> float:
        limit.stage(batch)
        return limit.process(now)

    return way


# -- what it came to ---------------------------------------------------------------------------------------------------

WRITTEN = (
    "kernel_event", "kernel_outboxfact", "feed_message", "progress_player", "progress_tally", "progress_metricday",
    "achievements_standing", "achievements_progressmark", "rewards_distribution", "rewards_transfer", "rewards_wallet",
)  # fmt: skip


def written() -> dict[str, Any]:
    """How many rows each table of the hot path holds, and what they add up to: equal for equal input."""
    models = {model._meta.db_table: model for model in apps.get_models()}
    found: dict[str, Any] = {table: models[table]._default_manager.count() for table in WRITTEN}
    found["counted"] = Tally.objects.filter(scope="").aggregate(n=Sum("count"))["n"]
    found["sums"] = Tally.objects.filter(scope="").aggregate(n=Sum("sum"))["n"]
    found["balances"] = Wallet.objects.aggregate(n=Sum("balance"))["n"]
    found["moved"] = Transfer.objects.aggregate(n=Sum("amount"))["n"]
    stats = Player.objects.aggregate(p=Sum("points"), c=Sum("achievements_completed"), s=Sum("last_seq"))
    found["points"], found["completed"], found["messages"] = stats["p"], stats["c"], stats["s"]
    bits = Player.objects.values_list("earned", flat=True).iterator()
    found["earned"] = sum(int.from_bytes(bytes(each), "little").bit_count() for each in bits)
    return found


def completions() -> tuple[int, int]:
    """(achievements completed, events from outside) since the start."""
    return Standing.objects.filter(completed_at__isnull=False).count(), Event.objects.exclude(
        event_id__startswith="~"
    ).count()


def profile(batch: int, rounds: int) -> str:
    """Where the time of `process()` goes: by function, and by statement."""
    for _ in range(3):
        play(batch)
    statements: dict[str, list[float]] = defaultdict(list)

    def timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements[" ".join(sql.split())[:110]].append(perf_counter() - started)

    with connection.execute_wrapper(timed):
        plain = [play(batch) for _ in range(rounds)]
    profiler = cProfile.Profile()
    for _ in range(rounds):
        profiler.enable()
        play(batch)
        profiler.disable()
    text = StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(45)
    inside = sum(sum(each) for each in statements.values()) / rounds
    lines = [f"{batch} events: {median(plain) * 1e3:.1f} ms, {inside * 1e3:.1f} ms of it in statements"]
    for sql, took in statements.items():
        lines.append(f"{len(took) / rounds:5.1f} x {sum(took) / rounds * 1e3:7.2f} ms  {sql}")
    return "\n".join([*lines, text.getvalue()])
