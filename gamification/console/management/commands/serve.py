from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import threading
from argparse import SUPPRESS
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from types import FrameType
from typing import Any

import psycopg
import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.utils import timezone

from gamification import clock
from gamification.feed.transport import FeedProtocol
from gamification.intake import backlog
from gamification.kernel.storage.postgresql.base import ask, hang_up
from gamification.monitoring import pool
from gamification.monitoring import port as monitoring
from gamification.play import demo
from gamification.serving import counting
from gamification.serving.protocol import HttpProtocol
from gamification.serving.server import CANCEL_AFTER, Server
from gamification.serving.supervisor import Supervisor, child, end_with_parent
from progress import zones

OPEN_FILES = 65_536
"""Several times the default of WS_MAX_CONNECTIONS; the usual soft limit is 1,024."""
MAX_MESSAGE = 64 * 1024
KEEP_ALIVE = 75
"""Seconds. Longer than proxies keep a connection that nobody uses (60 s with most): one that closes first meets no
request that is on its way."""


class Command(BaseCommand):
    help = "REST, console and WebSocket, in one process or in several; without a broker also the clock."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="0.0.0.0" if settings.PRODUCTION else "127.0.0.1")  # noqa: S104
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--processes", type=int, default=1, help="how many take turns at the port; on PostgreSQL")
        # What a process is told that was started by another one of this command:
        parser.add_argument("--inherited", type=int, nargs="+", default=[], metavar="SOCKET", help=SUPPRESS)
        parser.add_argument("--metrics", type=int, metavar="SOCKET", help=SUPPRESS)
        parser.add_argument("--no-clock", dest="has_clock", action="store_false", help=SUPPRESS)

    def handle(
        self,
        *,
        host: str,
        port: int,
        processes: int,
        inherited: list[int],
        metrics: int | None,
        has_clock: bool,
        **options: Any,
    ) -> None:
        expect_processes(processes)
        expect_a_database()
        self.check_migrations()
        raise_open_file_limit()
        ports = [port] if settings.WS_PORT in (port, settings.PORT) else [port, settings.WS_PORT]
        if port != settings.PORT and not settings.PRODUCTION:  # the player's page is one of this service's own
            settings.ALLOWED_ORIGINS += [f"http://{name}:{port}" for name in ("localhost", "127.0.0.1")]
        if inherited:
            end_with_parent()
            if metrics is not None:
                monitoring.serve(socket.socket(fileno=metrics))
            serve([socket.socket(fileno=each) for each in inherited], has_clock=has_clock)
            return
        sockets = [listening(host, each) for each in ports]
        for_metrics = listening(host, settings.METRICS_PORT) if settings.METRICS_PORT else None
        if not settings.RABBITMQ_URL:
            zones.record(settings.PLAYER_TIME_ZONE, timezone.now())
        self.say_where(host, ports, processes)
        if processes == 1:
            if for_metrics is not None:
                monitoring.serve(for_metrics)
            serve(sockets, has_clock=True)
            return
        connection.close()
        hang_up()  # whoever only looks after others needs no pool
        numbers = [each.fileno() for each in sockets]
        arguments = [f"--host={host}", f"--port={port}", "--inherited", *map(str, numbers)]

        with counting.together() as together:

            def start(number: int) -> subprocess.Popen[bytes]:
                role, given = [] if number == 0 else ["--no-clock"], numbers
                if number == 0 and for_metrics is not None:
                    role, given = ["--metrics", str(for_metrics.fileno())], [*numbers, for_metrics.fileno()]
                command = [str(settings.BASE_DIR / "manage.py"), "serve", *arguments, *role]
                return child(command, given, together)

            opened = sockets if for_metrics is None else [*sockets, for_metrics]
            Supervisor(start, processes, opened, ended=partial(counting.forget, together)).run()

    def say_where(self, host: str, ports: list[int], processes: int) -> None:
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
        who = f"process {os.getpid()}" + (f" and {processes} of its own" if processes > 1 else "")
        for each in ports:
            self.stdout.write(f"Serving at http://{shown}:{each}/ ({who}, stop with Ctrl-C)")
        if demo.is_open():
            self.stdout.write(f"The player's page, with a demo player: http://{shown}:{ports[0]}/play/")
        if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY and not is_this_machine(host):
            self.stderr.write(
                "Others can reach this service, and the SECRET_KEY from which players' tokens are signed stands in the "
                "source: manage.py make_secret_key writes one of your own."
            )
        if processes > 1 and not settings.REDIS_HOST:
            self.stderr.write(
                "Without REDIS_HOST each process knows its own cache only: rate limits count in each by itself, and "
                "the feed tells of what another process committed up to five seconds later."
            )
        self.stdout.flush()


def serve(sockets: list[socket.socket], *, has_clock: bool) -> None:
    """Until asked to end."""
    stop = threading.Event()
    timekeeper = threading.Thread(target=clock.run, args=(stop,), name="clock", daemon=True)
    backlog.watch()
    pool.watch()
    if has_clock and not settings.RABBITMQ_URL:
        timekeeper.start()
    application = "application" if len(sockets) == 1 else "split_by_port"
    server = Server(configured(f"gamification.asgi:{application}"))
    # uvicorn raises the signal that ended it once more when all is closed; being asked to end is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ignore)
    server.run(sockets)
    clock.stop_running(stop)
    if timekeeper.ident is not None:
        timekeeper.join(timeout=10)


def configured(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,  # logging is configured by settings.LOGGING
        access_log=settings.LOG_LEVEL == "DEBUG",
        lifespan="off",  # the application has no start-up or shutdown of its own
        server_header=False,
        proxy_headers=False,  # gamification.serving.proxies reads them, from trusted proxies only
        http=HttpProtocol,
        timeout_keep_alive=KEEP_ALIVE,
        ws=FeedProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # it costs 50 KB a socket
        ws_ping_interval=30,  # below the minute after which many a proxy gives up on a silent connection
        ws_ping_timeout=20,
        timeout_graceful_shutdown=CANCEL_AFTER,
    )


def expect_processes(processes: int) -> None:
    if processes < 1:
        raise CommandError("--processes: expected 1 or more")
    if processes > 1 and connection.vendor == "sqlite":
        raise CommandError(
            "--processes: more than 1 needs PostgreSQL (DB_HOST): in an SQLite file one writes at a time, so others "
            "would only wait for it"
        )


def expect_a_database() -> None:
    """Fail with one clear line where there is no database. Not by the pool, which would go on trying."""
    try:
        if connection.vendor == "postgresql":
            ask()
        else:
            connection.ensure_connection()
    except (OperationalError, psycopg.OperationalError) as problem:
        raise CommandError(f"no database: {str(problem).strip().splitlines()[0]}") from None


def ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: uvicorn has handled the signal."""


def is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def listening(host: str, port: int) -> socket.socket:
    """A bound socket. It is made before anything starts, so that a port in use fails with one clear line."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as problem:
        why = os.strerror(problem.errno) if problem.errno else problem
        raise CommandError(f"cannot listen at {host}:{port}: {why}") from None


def raise_open_file_limit() -> None:
    """Allow as many open files as possible, up to OPEN_FILES: every player's socket is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
