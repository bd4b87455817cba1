"""`python -m benchmarks.anticheat`: what anti-cheat costs `process()`, and how fast the profiler is.

`--postgres`: on PostgreSQL; `--analytics`: what analytics costs `process()` instead.

Two contenders play the same events in turns: one with ENABLE_ANTI_CHEAT, the rules that there are at first, and players
of every standing, the other without any of it. Only the processor's seconds of their own process count, so that a
machine that others use says the same; on SQLite the database is part of it. At the end the profiler catches up with all
of it, by itself, and is measured too: between the turns it would leave the next one caches full of its own.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from time import process_time

from benchmarks import databases, turns, workload
from benchmarks.contenders import Contender
from benchmarks.workload import Workload

BATCH = 1_000
BATCHES = 4
"""In a turn."""
ROUNDS, WARM_UP = 15, 3
PLAYED = Workload("200 achievements, 5,000 players")
LEAST, LEAST_PROFILED = 0.97, 20_000

_streams: list[Iterator[object]] = []


def prepare() -> None:
    """Three in a hundred players have another standing than CLEAR, each of them as many."""
    from anticheat.proving import make_defaults
    from progress.models import Player
    from progress.player_standing import PlayerStanding

    make_defaults()
    ids = list(Player.objects.order_by("player_id").values_list("player_id", flat=True))
    for place, standing in enumerate((PlayerStanding.WATCHED, PlayerStanding.UNRANKED, PlayerStanding.WITHHELD)):
        Player.objects.filter(player_id__in=ids[place::100]).update(standing=standing.value)


def play() -> float:
    """One turn; the processor's seconds that it took."""
    from gamification import pipeline
    from gamification.kernel.core import collector

    if not _streams:
        _streams.append(workload.events(PLAYED, BATCH))
        collector.settle()  # as a worker does
    took = 0.0
    for _ in range(BATCHES):
        batch = list(next(_streams[0]))  # type: ignore[call-overload]
        began = process_time()
        outcome = pipeline.process(batch, now=batch[-1].timestamp)
        took += process_time() - began
        assert outcome.accepted == BATCH
    return took


def profile() -> float:
    """The profiler catches up with all that was kept; events a second of the processor's."""
    from django.utils import timezone

    from anticheat import profiling

    behind, began = profiling.OF_EVENTS.behind(), process_time()
    while profiling.OF_EVENTS.behind():
        profiling.follow(timezone.now())
    return behind / (process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anticheat", description=__doc__)
    parser.add_argument(
        "--postgres", action="store_true", help="on PostgreSQL, whose own processor time is not counted"
    )
    parser.add_argument("--analytics", action="store_true", help="what ENABLE_ANALYTICS costs process(), instead")
    asked = parser.parse_args()
    is_sqlite, is_of_analytics = not asked.postgres, asked.analytics
    flag, least = ("ENABLE_ANALYTICS", 0.98) if is_of_analytics else ("ENABLE_ANTI_CHEAT", LEAST)
    with databases.empty(is_sqlite=is_sqlite) as empty, ExitStack() as stack:
        with Contender(empty) as first:
            first.ask(turns.migrate)
            first.ask(turns.load, PLAYED)
        seats: dict[str, Contender] = {}
        for name, is_on in (("without", "false"), ("with", "true")):
            seats[name] = stack.enter_context(Contender(empty.copy(name), **{flag: is_on}))
        if not is_of_analytics:
            seats["with"].ask(prepare)
        took: dict[str, list[float]] = {name: [] for name in seats}
        for round_ in range(WARM_UP + ROUNDS):
            for name, seat in list(seats.items())[:: 1 if round_ % 2 else -1]:
                seconds = seat.ask(play)
                if round_ >= WARM_UP:
                    took[name].append(seconds)
        profiled = None if is_of_analytics else seats["with"].ask(profile)
    print(f"Python {platform.python_version()}, {'SQLite' if is_sqlite else 'PostgreSQL'}, batches of {BATCH:,}")
    for name, seconds in took.items():
        print(f"process() {name:<8}{BATCH * BATCHES / median(seconds):>12,.0f} events a second of the processor's")
    ratio = median(b / a for a, b in zip(took["with"], took["without"], strict=True))
    print(f"process() with / without {ratio:>5.3f} (at least {least})")
    if profiled is not None:
        print(f"the profiler      {profiled:>12,.0f} events a second (at least {LEAST_PROFILED:,})")


if __name__ == "__main__":
    main()
