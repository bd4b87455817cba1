"""How fast events go from RabbitMQ to commit, through real workers: `python -m benchmarks --backbone`.

Beside it, in the same run: what PostgreSQL can do at most, `process()` alone, and one transaction an event; each takes
some turns before and after every measurement of the workers, so that a ratio compares what was measured minutes apart
at most. The queue is filled before a measurement and topped up during it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import kombu

from benchmarks import databases, traffic, turns
from benchmarks.contenders import Contender
from benchmarks.databases import Database
from benchmarks.turns import LIMIT, NAIVE, PROCESS
from benchmarks.workload import Workload

BROKER = os.environ.get("RABBITMQ_URL") or "amqp://guest:guest@127.0.0.1:5672/"
REDIS = os.environ.get("REDIS_HOST") or "127.0.0.1"
SIZES = (500, 50, 1)
"""Events a message."""
WORKERS = (1, 2)
EXPECTED = {500: 10_000, 50: 10_000, 1: 6_000}
"""Events a second: so much is in the queue when a measurement begins."""
MAX_QUEUED = 200_000
"""Events in the queue at most."""
BATCH = 500
"""Events a batch of the contenders beside it; a worker's batch has as many."""
ROUNDS, NAIVE_EVENTS = 8, 20
RECOVERY = 5.0
"""Seconds to wait until RabbitMQ has recovered from the purge of a long queue."""
WARM_UP = 3.0
"""Seconds that a worker runs before it is measured."""
CALLERS, BODIES = 4, 200

WAYS = {
    LIMIT: "PostgreSQL's own limit: one statement, one connection",
    PROCESS: "process() alone, one process",
    NAIVE: "one transaction an event through the ORM",
}

Key = tuple[int, int]
"""Events a message, workers."""


@dataclass(slots=True)
class Measured:
    seconds: float
    rate: float
    """Events a second."""
    worker_cpu: float
    """Seconds an event, of all workers together; and of PostgreSQL's processes that serve them."""
    backend_cpu: float
    facts_left: int
    beside: dict[str, float] = field(default_factory=dict)
    """Way → events a second, just before and after."""


@dataclass(slots=True)
class Delay:
    rate: float
    facts: int
    p50: float
    p99: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", action="store_true", help="only from RabbitMQ to commit, over HTTP, the facts")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement with RabbitMQ (20)")
    parser.add_argument("--sustained", type=float, help="of those with two workers and 500 or single events a message")


def why_not() -> str | None:
    """None if there are a PostgreSQL and a RabbitMQ to measure with."""
    if absent := databases.why_no_postgres():
        return f"no PostgreSQL: {absent}"
    try:
        with kombu.Connection(BROKER, connect_timeout=5) as wire:
            wire.connect()
    except Exception as problem:
        return f"no RabbitMQ: {problem}"
    return None


def main(played: Workload, wanted: argparse.Namespace) -> None:
    print("\nRabbitMQ to commit")
    if absent := why_not():
        print(f"{absent}; this part is left out. RABBITMQ_URL names a broker, DB_HOST and so on a database.")
        return
    with databases.empty(is_sqlite=False) as empty, ExitStack() as stack:
        with Contender(empty) as first:
            first.ask(turns.migrate)
            first.ask(turns.load, played)
        beside = {}
        for way in (LIMIT, PROCESS, NAIVE):
            beside[way] = stack.enter_context(Contender(empty.copy(f"backbone_{way}"), RABBITMQ_URL="", REDIS_HOST=""))
            beside[way].ask(turns.sit, played, way)
        run = Run(played, empty, wanted, beside)
        sender = run.sender = stack.enter_context(Contender(empty, **run.more))
        stack.callback(sender.ask, traffic.remove)
        broker = sender.ask(traffic.begin, played)
        print(
            f"PostgreSQL {databases.versions()}, synchronous_commit={sender.ask(traffic.synchronous_commit)}, RabbitMQ "
            f"{broker}, quorum queue; {played.name}; {wanted.seconds:g} s each; load average {_load()}",
            flush=True,
        )
        run.rates()
        run.delays()
        run.handover()
        parked = sender.ask(traffic.parked)
        print(f"\nload average at the end {_load()}; {parked} events parked")


class Run:
    sender: Contender

    def __init__(
        self, played: Workload, database: Database, wanted: argparse.Namespace, beside: dict[str, Contender]
    ) -> None:
        self.played, self.database, self.wanted, self.beside = played, database, wanted, beside
        self.rate: dict[Key, Measured] = {}
        name = f"bench-{os.getpid()}"
        self.more = {
            "RABBITMQ_URL": BROKER,
            "RABBITMQ_EXCHANGE": name,
            "LOG_LEVEL": "WARNING",
            "APP_ENV": "development",
        }
        with suppress(OSError), socket.create_connection((REDIS, int(os.environ.get("REDIS_PORT") or 6379)), 2):
            self.more |= {"REDIS_HOST": REDIS, "REDIS_DB": "13"}
        quiet = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
        self.environment = {**os.environ, **database.environment(), **self.more, **quiet}

    # -- how many ------------------------------------------------------------------------------------------------------

    def rates(self) -> None:
        before = self._beside()
        for size in SIZES:
            for workers in WORKERS:
                measured = self._rate(size, workers)
                after = self._beside()
                measured.beside = {way: BATCH / median(before[way] + after[way]) for way in before}
                before = after
                self.rate[size, workers] = measured
                _say(f"{size} events a message, {workers} at work: {measured.rate:,.0f}/s; load average {_load()}")
            self.sender.ask(traffic.purge)
        self._report()

    def _rate(self, size: int, workers: int) -> Measured:
        seconds = self.wanted.seconds
        if self.wanted.sustained and workers == max(WORKERS) and size in (SIZES[0], SIZES[-1]):
            seconds = self.wanted.sustained
        ahead = min(MAX_QUEUED, int(EXPECTED[size] * (seconds + 2 * WARM_UP)))
        self._top_up(size, ahead, ahead)
        self.sender.ask(traffic.reset)
        with self._at_work(workers) as processes:
            self._warm()
            pids, backends = [each.pid for each in processes], self.sender.ask(traffic.backends)
            used, used_there = traffic.cpu(pids), traffic.cpu(backends)
            began, first = self.sender.ask(traffic.committed)
            while time.monotonic() < began + seconds:
                time.sleep(min(0.5, max(0.0, began + seconds - time.monotonic())))
                self._top_up(size, ahead // 2, ahead // 4)
            ended, last = self.sender.ask(traffic.committed)
            events = max(last - first, 1)
            return Measured(
                ended - began,
                (last - first) / (ended - began),
                (traffic.cpu(pids) - used) / events,
                (traffic.cpu(backends) - used_there) / events,
                self.sender.ask(traffic.waiting_facts),
            )

    def _top_up(self, size: int, least: int, most: int) -> None:
        """Have `least` events in the queue; publishes `most` at a time."""
        lacking = least - self.sender.ask(traffic.depth) * size
        if lacking > 0:
            self.sender.ask(traffic.fill, min(max(lacking, size), most), size)

    def _warm(self) -> None:
        deadline = time.monotonic() + 60
        while not self.sender.ask(traffic.committed)[1]:
            if time.monotonic() > deadline:
                raise SystemExit("the workers take nothing")
            time.sleep(0.1)
        time.sleep(WARM_UP)

    @contextmanager
    def _at_work(self, workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "gamification",
            "worker",
            "-P",
            "solo",
            "--loglevel",
            "WARNING",
        ]
        processes = []
        try:
            for number in range(workers):
                name = ["--hostname", f"bench-{os.getpid()}-{number}"]
                processes.append(subprocess.Popen(command + name, env=self.environment, stdout=subprocess.DEVNULL))
            yield processes
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                try:
                    process.wait(40)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _beside(self) -> dict[str, list[float]]:
        """Way → the seconds of each round."""
        took: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for way, contender in self.beside.items():
                events = NAIVE_EVENTS if way == NAIVE else BATCH
                took.setdefault(way, []).append(contender.ask(turns.play, events) * BATCH / events)
        return {way: rounds[1:] for way, rounds in took.items()}  # the first one warms up

    def _report(self) -> None:
        print(f"{'events a second, by events a message':<62}" + "".join(f"{size:>10,}" for size in SIZES))
        for workers in WORKERS:
            each = [self.rate[size, workers] for size in SIZES]
            _line(f"{workers} worker{'s' * (workers > 1)}", [f"{m.rate:,.0f}" for m in each])
            _line("  for so many seconds", [f"{m.seconds:.0f}" for m in each])
            for way, label in WAYS.items():
                _line(f"  {label}", [f"{m.beside[way]:,.0f}" for m in each])
                ratios = [m.rate / m.beside[way] for m in each]
                _line("    workers / that", [f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}" for ratio in ratios])
            _line("  CPU of the workers, µs an event", [f"{m.worker_cpu * 1e6:.0f}" for m in each])
            _line("  CPU of their PostgreSQL processes, µs an event", [f"{m.backend_cpu * 1e6:.0f}" for m in each])
            _line("  facts not published yet at the end", [f"{m.facts_left:,}" for m in each])

    # -- how late ------------------------------------------------------------------------------------------------------

    def delays(self) -> None:
        time.sleep(RECOVERY)
        found = {size: self._delay(size) for size in SIZES}
        print(f"{'event to fact, one worker at half its load, by events a message':<62}{SIZES[0]:>10,}", end="")
        print("".join(f"{size:>10,}" for size in SIZES[1:]))
        _line("events a second", [f"{found[size].rate:,.0f}" for size in SIZES])
        _line("p50, ms", [f"{found[size].p50:.0f}" for size in SIZES])
        _line("p99, ms", [f"{found[size].p99:.0f}" for size in SIZES])
        _line("facts", [f"{found[size].facts:,}" for size in SIZES])

    def _delay(self, size: int) -> Delay:
        rate = self.rate[size, 1].rate / 2
        self.sender.ask(traffic.reset)
        with Contender(self.database, **self.more) as listener, self._at_work(1):
            self.sender.ask(traffic.fill, size, size)
            self._warm()
            self.sender.ask(traffic.pace, rate, size, WARM_UP)
            listener.ask(traffic.listen)
            left = self.sender.ask(traffic.pace, rate, size, self.wanted.seconds)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and (
                self.sender.ask(traffic.depth) or self.sender.ask(traffic.waiting_facts)
            ):
                time.sleep(0.1)
            time.sleep(1)
            came = listener.ask(traffic.heard)
        late = sorted(1_000 * (at - left[event]) for event, at in came.items() if event in left)
        if not late:
            raise SystemExit("no fact was heard")
        achieved = len(left) / (max(left.values()) - min(left.values()) + size / rate)
        return Delay(achieved, len(late), median(late), late[min(len(late) - 1, int(len(late) * 0.99))])

    # -- events handed over by HTTP ------------------------------------------------------------------------------------

    def handover(self) -> None:
        api_key, port = self.sender.ask(traffic.key), _free_port()
        command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)]
        server = subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)
        try:
            _until_open(port, server)
            self.sender.ask(traffic.post, port, api_key, 2.0, CALLERS, 20)
            used = traffic.cpu([server.pid])
            accepted, took, statuses = self.sender.ask(
                traffic.post, port, api_key, self.wanted.seconds, CALLERS, BODIES
            )
            used = traffic.cpu([server.pid]) - used
        finally:
            server.terminate()
            server.wait(30)
        print(f"POST /events with {BATCH} events a body, {CALLERS} connections, one process that serves, no worker:")
        _line("events a second that got a 202", [f"{accepted / took:,.0f}"])
        _line("CPU of the server, µs an event", [f"{used * 1e6 / max(accepted, 1):.1f}"])
        _line("answers by status", [" ".join(f"{status}: {n:,}" for status, n in statuses.items())])
        self.sender.ask(traffic.purge)


def _until_open(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _load() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def _line(label: str, cells: Sequence[Any]) -> None:
    print(f"  {label:<60}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)
