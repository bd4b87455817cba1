"""What one process answers over HTTP, one event a request and one read a request: `python -m benchmarks --requests`.

Beside it, in the same run and in turns: an older revision of this service (`--old`, a checkout of it) and the Express
service that does the same job in the plainest way (`--peers`, the folder that holds it). Either is left out with a word
where it is absent.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

from benchmarks import backbone, databases, http_load, traffic
from benchmarks.contenders import Contender
from benchmarks.databases import Database
from benchmarks.http_load import Heard, Load
from benchmarks.workload import Workload

HERE = Path(__file__).resolve().parent.parent
CONNECTIONS = (1, 50)
ROUNDS = 3
READS = (
    "/api/v1/players/{player}",
    "/api/v1/players/{player}/wallet",
    "/api/v1/players/{player}/achievements",
    "/api/v1/quests?available_to={player}",
)
REMEMBERED = ("304 /api/v1/players/{few}", "304 /api/v1/players/{few}/achievements")
A_304 = 3_000
"""Answers a second that something has not changed."""
LONG_LIST = "/api/v1/players/{player}/achievements"
TIMES_THE_SHORT_ONE = 3.0
"""So many times as long a page of 2,000 achievements may take as one of 200."""
QUESTS = [
    {"id": f"quest-{n}", "title": f"Quest {n}", "description": "Fetch it, and bring it back.",
     "steps": [{"id": f"step-{step}", "title": f"Step {step}", "order": step + 1} for step in range(4)]}
    for n in range(50)
]  # fmt: skip
"""What players may start, whichever revision is asked."""
AIMS = {("PostgreSQL", 1): 1.5, ("PostgreSQL", 50): 15.0, ("SQLite", 1): 2.5, ("SQLite", 50): 13.0}
"""Times as many single events a second as the older revision."""
HANDED_OVER = 5_000
"""Single events a second that are answered once RabbitMQ has them."""

LOADING = """
import django; django.setup()
from benchmarks import turns
from benchmarks.__main__ import {workload}
turns.migrate(); turns.load({workload})
"""


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    port: int
    headers: tuple[tuple[str, str], ...] = ()
    process: int = 0

    def load(self, what: str) -> Load:
        return Load(self.port, "express" if self.name == "Express" else what, self.headers)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", action="store_true", help="only single requests over HTTP")
    parser.add_argument("--old", type=Path, metavar="CHECKOUT", help="beside an older revision of this service")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="beside the Express service in this folder")
    parser.add_argument("--each", type=float, default=6, help="seconds a measurement of single requests (6)")


def main(played: Workload, wanted: argparse.Namespace) -> None:
    places = [("SQLite", True)] if databases.why_no_postgres() else [("PostgreSQL", False), ("SQLite", True)]
    for title, is_sqlite in places:
        with databases.empty(is_sqlite=is_sqlite) as empty, ExitStack() as stack:
            services = [stack.enter_context(serving("here", HERE, empty.copy("here")))]
            if wanted.old:
                services.append(stack.enter_context(serving("old", wanted.old.resolve(), empty.copy("old"))))
            if wanted.peers and not is_sqlite and (peer := stack.enter_context(express(wanted.peers))):
                services.append(peer)
            client = stack.enter_context(Contender(empty.copy("client")))
            print(f"\nOne request at a time and connection, one process, {title}")
            for connections in CONNECTIONS:
                heard = _in_turns(client, played, services, "wait", connections, wanted.each)
                _report("POST /events, one event, Prefer: wait", connections, heard, AIMS[title, connections])
            for path in READS:
                ours = [service for service in services if service.name != "Express"]
                _report(f"GET {path}", 1, _in_turns(client, played, ours, path, 1, wanted.each / 2), 3.0)
            for path in REMEMBERED:
                for connections in CONNECTIONS:
                    heard = _in_turns(client, played, services[:1], path, connections, wanted.each / 2)
                    _report(f"GET {path}", connections, heard, 0)
                    rate = median(each.rate for each in heard["here"])
                    print(f"  {'met   ' if rate >= A_304 else 'MISSED'} (at least {A_304:,}/s)")
            _long_list(client, played, services[0], empty.copy("content"), wanted.each / 2)
            if not is_sqlite:
                _handed_over(client, played, empty.copy("broker"), wanted.each)


def _handed_over(client: Contender, played: Workload, database: Database, seconds: float) -> None:
    """The CPU time beside the rate says what a core of its own would do: here the client and the broker share it."""
    if absent := backbone.why_not():
        print(f"POST /events by RabbitMQ is left out: {absent}")
        return
    more = {"RABBITMQ_URL": backbone.BROKER, "RABBITMQ_EXCHANGE": f"bench-{os.getpid()}", "APP_ENV": "development"}
    with Contender(database, **more) as owner:
        try:
            with serving("here", HERE, database, **more) as service:
                client.ask(http_load.run, service.load("hand over"), played, 1, 1.0)  # by then it is connected
                used = traffic.cpu([service.process])
                heard = _in_turns(client, played, [service], "hand over", 50, seconds)
                used = traffic.cpu([service.process]) - used
        finally:
            owner.ask(traffic.remove)
    _report("POST /events, one event, handed over", 50, heard, 0)
    rate = median(each.rate for each in heard["here"])
    answers = sum(each.rate * (seconds / ROUNDS + http_load.WARM_UP) for each in heard["here"])
    verdict = "met   " if rate >= HANDED_OVER else "MISSED"
    print(f"  {verdict} (at least {HANDED_OVER:,}/s); the server's CPU {1e6 * used / answers:,.0f} µs a request")


def _long_list(client: Contender, played: Workload, short: Service, database: Database, seconds: float) -> None:
    with serving("2,000", HERE, database, "CONTENT") as long:
        heard = _in_turns(client, played, [short, long], LONG_LIST, 1, seconds)
    short_one, long_one = (median(each.p50 for each in heard[name]) for name in (short.name, long.name))
    ratio = long_one / short_one
    print(f"GET {LONG_LIST}, of 2,000 achievements beside 200: p50 {1_000 * long_one:.1f} ms")
    verdict = "met   " if ratio <= TIMES_THE_SHORT_ONE else "MISSED"
    print(f"  {verdict} {ratio:5.2f} times (at most {TIMES_THE_SHORT_ONE:g})")


def _in_turns(
    client: Contender, played: Workload, services: Sequence[Service], what: str, connections: int, seconds: float
) -> dict[str, list[Heard]]:
    heard: dict[str, list[Heard]] = {service.name: [] for service in services}
    for _ in range(ROUNDS):
        for service in services:
            heard[service.name].append(
                client.ask(http_load.run, service.load(what), played, connections, seconds / ROUNDS)
            )
    return heard


def _report(what: str, connections: int, heard: dict[str, list[Heard]], aim: float) -> None:
    print(f"{what}, {connections} connection{'s' if connections > 1 else ''}")
    rates = {name: median(each.rate for each in its) for name, its in heard.items()}
    for name, its in heard.items():
        p50, p99 = (1_000 * median(getattr(each, field) for each in its) for field in ("p50", "p99"))
        failed = {status: n for each in its for status, n in each.statuses.items() if status >= 300}
        print(f"  {name:<10}{rates[name]:>9,.0f}/s   p50 {p50:6.1f} ms   p99 {p99:7.1f} ms   {failed or ''}")
    for name, rate in rates.items():
        if name != "here" and rate:
            least = aim if name == "old" else 3.0
            ratio = rates["here"] / rate
            print(f"  {'met   ' if ratio >= least else 'MISSED'} {ratio:5.1f} times {name} (at least {least:g})")


# -- who is asked ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(name: str, checkout: Path, database: Database, workload: str = "BASE", **more: str) -> Iterator[Service]:
    """`manage.py serve` of a checkout, on a database that is loaded by its own code."""
    env = os.environ | database.environment() | {"RABBITMQ_URL": "", "REDIS_HOST": "", "RATE_LIMIT_KEY": "0"}
    env |= {"DJANGO_SETTINGS_MODULE": "gamification.settings", "LOG_LEVEL": "ERROR", "PYTHONPATH": str(checkout)} | more
    loading = LOADING.format(workload=workload)
    subprocess.run([sys.executable, "-c", loading], cwd=checkout, env=env, check=True, stdout=subprocess.DEVNULL)
    made = subprocess.run(
        [sys.executable, "manage.py", "create_api_key", "bench", "--scope", "events:write", "--scope", "players:read",
         "--scope", "content:read", "--scope", "content:write"],
        cwd=checkout, env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)], cwd=checkout, env=env, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz")
        service = Service(name, port, (("authorization", f"Api-Key {made.split()[-1]}"),), process.pid)
        _author(service)
        yield service
    finally:
        process.terminate()
        process.wait(20)


def _author(service: Service) -> None:
    """Publish the quests, by the API, which both revisions understand."""
    for quest in QUESTS:
        headers = {"content-type": "application/json", **dict(service.headers)}
        address = f"http://127.0.0.1:{service.port}/api/v1/quests"
        with urllib.request.urlopen(urllib.request.Request(address, json.dumps(quest).encode(), headers)):
            pass


@contextmanager
def express(folder: Path) -> Iterator[Service | None]:
    """The Express service, on a schema of its own in PostgreSQL; None where something that it needs is absent."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("No Node here: the Express service is left out.")
        yield None
        return
    with tempfile.TemporaryDirectory() as copy:
        place = Path(shutil.copytree(folder, Path(copy) / "peer"))
        subprocess.run(["npm", "install", "--silent", "--no-audit"], cwd=place, check=True, stdout=subprocess.DEVNULL)
        name = f"{databases.PREFIX}_peers"
        where = {"host": databases.HOST, "port": databases.PORT, "user": databases.USER}
        with psycopg.connect(**where, password=databases.PASSWORD, dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        with psycopg.connect(**where, password=databases.PASSWORD, dbname=name) as connection:
            connection.execute("CREATE SCHEMA peers")
            connection.execute("SET search_path = peers")
            connection.execute((place / "schema.sql").read_text())  # type: ignore[call-overload]
        port = _free_port()
        env = os.environ | {
            "PGHOST": databases.HOST, "PGDATABASE": name, "PGUSER": databases.USER, "PGPASSWORD": databases.PASSWORD,
            "PORT": str(port), "WS_PORT": str(_free_port()), "MODE": "literal", "EXCHANGE": name, "QIN": f"{name}.in",
            "QDONE": f"{name}.done",
        }  # fmt: skip
        process = subprocess.Popen(["node", "service.mjs"], cwd=place, env=env, stdout=subprocess.DEVNULL)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stat")
            yield Service("Express", port)
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
