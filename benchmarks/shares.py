"""`python -m benchmarks.shares`: one worker from full queues, with SHARES=16 beside SHARES=1, on one PostgreSQL.

Both play the same events in batches of 500. With shares a batch is what one share's queue gives: 500 of its events,
in their order; a round is over when about 8,000 events have counted. They take turns, and it is the median of the
rounds' ratios that counts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from time import perf_counter, process_time

from benchmarks import databases, turns, workload
from benchmarks.contenders import Contender
from benchmarks.workload import Workload

NUMBER = 16
BATCH = 500
ROUND = 16 * BATCH
ROUNDS = 12
WARM_UP = 2
PLAYED = Workload("200 achievements, 5,000 players")


def play() -> tuple[int, float, float]:
    """One round: how many events counted, in how many seconds, and how many of them this process computed."""
    from gamification import pipeline
    from gamification.kernel.core import collector
    from gamification.kernel.core.messages import GameEvent
    from gamification.kernel.storage import shares

    if not _queues:
        _stream.append(workload.events(PLAYED, ROUND))
        collector.settle()  # as a worker does
    for share, part in shares.by_share(next(_stream[0]), lambda event: event.player_id).items():
        _queues.setdefault(share, []).extend(part)
    batches: list[list[GameEvent]] = []
    for queue in _queues.values():
        while len(queue) >= BATCH:
            batches.append(queue[:BATCH])
            del queue[:BATCH]
    started, computed = perf_counter(), process_time()
    for batch in batches:
        outcome = pipeline.process(batch, now=batch[-1].timestamp, is_answered=False)
        assert outcome.accepted == BATCH
    return BATCH * len(batches), perf_counter() - started, process_time() - computed


_queues: dict[int, list[object]] = {}
_stream: list[Iterator[list[object]]] = []


def main() -> None:
    if why := databases.why_no_postgres():
        sys.exit(f"no PostgreSQL: {why}")
    with databases.empty(is_sqlite=False) as empty, ExitStack() as stack:
        seats: dict[int, Contender] = {}
        for number in (1, NUMBER):
            database = empty.copy(f"shares{number}")
            seats[number] = stack.enter_context(Contender(database, SHARES=str(number)))
            seats[number].ask(turns.migrate)
            seats[number].ask(turns.load, PLAYED)
        took: dict[int, list[tuple[float, float]]] = {number: [] for number in seats}
        for round_ in range(WARM_UP + ROUNDS):
            for number, seat in list(seats.items())[:: 1 if round_ % 2 else -1]:
                events, seconds, computed = seat.ask(play)
                if round_ >= WARM_UP:
                    took[number].append((events / seconds, 1e6 * computed / events))
    print(f"PostgreSQL {databases.versions()}, batches of {BATCH}, {ROUNDS} rounds of about {ROUND:,} events")
    print("                events a second   µs of the worker's CPU an event")
    for number, found in took.items():
        print(f"SHARES={number:<8}{median(rate for rate, _ in found):>15,.0f}{median(cpu for _, cpu in found):>19.1f}")
    ratio = median(b[0] / a[0] for a, b in zip(took[1], took[NUMBER], strict=True))
    print(f"SHARES={NUMBER} / SHARES=1 {ratio:.2f}")


if __name__ == "__main__":
    main()
