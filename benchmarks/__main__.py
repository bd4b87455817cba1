"""`python -m benchmarks`: events a second through `process()`, beside the naive way and beside the database's limit."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

from benchmarks import backbone, databases, single_requests, turns
from benchmarks.contenders import Contender
from benchmarks.databases import Database
from benchmarks.turns import LIMIT, NAIVE, PROCESS
from benchmarks.workload import Workload

BATCHES = (1, 100, 1_000)
ROUNDS = {1: 60, 100: 40, 1_000: 30}
QUICK = {1: 15, 100: 8, 1_000: 5}
NAIVE_EVENTS = 5
WARM_UP = 2
"""Rounds before those that are measured: caches, plans and connections settle."""

BASE = Workload("200 achievements, 5,000 players")
CONTENT = Workload("2,000 achievements, 5,000 players", content=10)
PLAYERS = Workload("200 achievements, 50,000 players", players=50_000)
QUESTS = Workload("200 achievements, 50 quests, a third of 5,000 players in one", quests=50)
MIXED = Workload("200 achievements, 20 % windows, 10 % DISTINCT, 10 % DAILY", mixed=True)

Took = dict[tuple[str, str], dict[int, list[float]]]
"""(workload, way) → batch size → the seconds of each round."""


@dataclass(slots=True)
class Result:
    """What was measured on one database."""

    took: Took = field(default_factory=dict)
    completed: dict[str, float] = field(default_factory=dict)
    """Workload → achievements completed in 100 events."""

    def rate(self, played: Workload, way: str, batch: int) -> float:
        """Events a second, by the median round."""
        return batch / median(self.took[played.name, way][batch])

    def ratio(self, of: tuple[Workload, str], to: tuple[Workload, str], batch: int) -> float:
        """How many times as fast the first is: the median of the rounds, in each of which both took their turn."""
        fast, slow = self.took[of[0].name, of[1]][batch], self.took[to[0].name, to[1]][batch]
        return median(b / a for a, b in zip(fast, slow, strict=True))


def measure(empty: Database, workloads: Sequence[Workload], rounds: dict[int, int]) -> Result:
    """Let all contenders take turns, so that whatever else the machine does hits them alike."""
    result = Result()
    with Contender(empty) as first:
        first.ask(turns.migrate)
    with ExitStack() as stack:
        contenders: dict[tuple[str, str], Contender] = {}
        for number, played in enumerate(workloads):
            say(f"preparing: {played.name}")
            loaded = empty.copy(f"w{number}")
            with Contender(loaded) as loader:
                loader.ask(turns.load, played)
            for way in _ways(played, loaded):
                database = loaded if way == PROCESS else None
                contenders[played.name, way] = _seat(stack, played, way, database or loaded.copy(f"w{number}_{way}"))
        for batch in BATCHES:
            say(f"measuring: batches of {batch:,}")
            _play(contenders, batch, rounds[batch], result.took)
        for played in workloads:
            process = contenders[played.name, PROCESS]
            completed, events = process.ask(turns.completions)
            result.completed[played.name] = 100 * completed / events
            if (played.name, LIMIT) in contenders:
                _compare(process, contenders[played.name, LIMIT], played)
    return result


def _ways(played: Workload, loaded: Database) -> Iterator[str]:
    """A database is copied while nobody is connected to it, so whoever takes the original comes last."""
    if played is BASE:
        yield NAIVE
    if not loaded.is_sqlite and not played.mixed and not played.quests:
        yield LIMIT
    yield PROCESS


def _seat(stack: ExitStack, played: Workload, way: str, database: Database) -> Contender:
    contender = stack.enter_context(Contender(database))
    contender.ask(turns.sit, played, way)
    return contender


def _play(contenders: dict[tuple[str, str], Contender], batch: int, rounds: int, took: Took) -> None:
    order = list(contenders)
    for turn in range(WARM_UP + rounds):
        order.append(order.pop(0))  # nobody always comes after the same one
        for key in order:
            # The naive way knows no batches: a few events a turn stand for any number.
            events = min(batch, NAIVE_EVENTS) if key[1] == NAIVE else batch
            seconds = contenders[key].ask(turns.play, events)
            if turn >= WARM_UP:
                took.setdefault(key, {}).setdefault(batch, []).append(seconds * batch / events)


def _compare(process: Contender, limit: Contender, played: Workload) -> None:
    """The limit counts only if it wrote what `process()` wrote."""
    ours, theirs = process.ask(turns.written), limit.ask(turns.written)
    apart = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    if apart:
        raise SystemExit(f"process() and the limit wrote different things for {played.name}: {apart}")
    say(f"equal: {sum(ours[name] for name in turns.WRITTEN):,} rows in {len(turns.WRITTEN)} tables, {played.name}")


# -- the report --------------------------------------------------------------------------------------------------------


def report(title: str, result: Result, workloads: Sequence[Workload]) -> None:
    print(f"\n{title}")
    print(f"{'events a second, by batches of':<62}" + "".join(f"{batch:>10,}" for batch in BATCHES))
    for played in workloads:
        print(f"{played.name} ({result.completed[played.name]:.1f} completed in 100 events)")
        _rates(result, played, PROCESS, "process()")
        if (played.name, LIMIT) in result.took:
            _rates(result, played, LIMIT, "PostgreSQL's own limit: one statement from a staging table")
            _ratios(result, (played, PROCESS), (played, LIMIT), "  process() / limit")
        if (played.name, NAIVE) in result.took:
            _rates(result, played, NAIVE, "one transaction an event through the ORM")
            _ratios(result, (played, PROCESS), (played, NAIVE), "  process() / that")
        if played is not workloads[0]:
            _ratios(result, (played, PROCESS), (workloads[0], PROCESS), f"  process() / process() with {BASE.name}")


def _rates(result: Result, played: Workload, way: str, label: str) -> None:
    _line(label, [f"{result.rate(played, way, batch):,.0f}" for batch in BATCHES])


def _ratios(result: Result, of: tuple[Workload, str], to: tuple[Workload, str], label: str) -> None:
    ratios = [result.ratio(of, to, batch) for batch in BATCHES]
    _line(label, [f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}" for ratio in ratios])


def _line(label: str, cells: Sequence[str]) -> None:
    print(f"  {label:<60}" + "".join(f"{cell:>10}" for cell in cells))


def aims(result: Result) -> None:
    print("\nAims on PostgreSQL, at a batch of 1,000")
    for label, of, to, least in (
        ("of PostgreSQL's own limit", (BASE, PROCESS), (BASE, LIMIT), 0.4),
        ("times the naive way", (BASE, PROCESS), (BASE, NAIVE), 80),
        ("of its own speed with ten times the content", (CONTENT, PROCESS), (BASE, PROCESS), 0.8),
        ("of its own speed without quests", (QUESTS, PROCESS), (BASE, PROCESS), 0.85),
    ):
        if (of[0].name, of[1]) not in result.took:
            continue
        ratio = result.ratio(of, to, 1_000)
        print(f"  {'met   ' if ratio >= least else 'MISSED'} {ratio:8.2f} {label} (at least {least})")


def say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, on the first workload only")
    parser.add_argument("--quests", action="store_true", help="only the first workload, and the one with quests")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="instead: where the time of process() goes (with --quick: the first workload)",
    )
    backbone.add_arguments(parser)
    single_requests.add_arguments(parser)
    arguments = parser.parse_args()
    started = perf_counter()
    absent = databases.why_no_postgres()
    places = [("SQLite", True)] if absent else [(f"PostgreSQL {databases.versions()}", False), ("SQLite", True)]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    if absent:
        print(f"No PostgreSQL at {databases.HOST}:{databases.PORT} ({absent}): its part, and the limit, are left out.")
        print("DB_HOST, DB_PORT, DB_USER and DB_PASSWORD name a server that lets us create databases.")
    if arguments.backbone or arguments.requests:
        places = []
    workloads = (
        [BASE, QUESTS] if arguments.quests else [BASE] if arguments.quick else [BASE, CONTENT, PLAYERS, QUESTS, MIXED]
    )
    for title, is_sqlite in places:
        with databases.empty(is_sqlite=is_sqlite) as empty:
            say(title)
            if arguments.profile:
                print(f"\n{title}\n{_profile(empty, workloads[-1])}")
                continue
            result = measure(empty, workloads, QUICK if arguments.quick else ROUNDS)
        report(title, result, workloads)
        if not is_sqlite and not arguments.quick:
            aims(result)
    if arguments.requests:
        single_requests.main(BASE, arguments)
    elif arguments.backbone or not (arguments.quick or arguments.quests or arguments.profile):
        backbone.main(BASE, arguments)
    print(f"\n{perf_counter() - started:.0f} s")


def _profile(empty: Database, played: Workload) -> str:
    with Contender(empty) as contender:
        contender.ask(turns.migrate)
        contender.ask(turns.load, played)
        contender.ask(turns.sit, played, PROCESS)
        return contender.ask(turns.profile, 1_000, 8)


if __name__ == "__main__":
    main()
