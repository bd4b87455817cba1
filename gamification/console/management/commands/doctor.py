"""`manage.py doctor`: checks this deployment, and says what is wrong and what to do about it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from anticheat import profiling
from gamification import clock, relay
from gamification.celery import tasks
from gamification.console.at_rabbit import queue, the_broker, the_dead_letters, the_topology, the_workers
from gamification.console.trouble import Trouble, line
from gamification.kernel.messaging import followers
from gamification.kernel.storage import disk, share_schemas, shares
from gamification.kernel.web import keys
from gamification.webhooks import trouble as webhook_trouble
from gamification.webhooks.models import Endpoint
from progress import zones
from progress.models import MAX_NAMED, Backfill, LeftOut
from rewards import queries

MAX_CLOCK_SKEW = timedelta(seconds=2)
"""More than the network and rounding explain. From 5 minutes on, honest events are refused."""
LATE_AFTER = timedelta(minutes=1)
"""How late a chore may be, and how long a transaction may be idle, before that is trouble."""
BEHIND_AFTER = timedelta(minutes=10)
"""How long an event may wait for the profiler."""
MIN_POSTGRESQL = 14


class Command(BaseCommand):
    help = (
        "Examines database, broker, cache, clock and workers; says what is wrong and what to do. Status 1 on trouble."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own way to declare; what ails is said below

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=3.0, metavar="SECONDS", help="how long to watch whether things move (3)"
        )

    def handle(self, *, patience: float, **options: Any) -> None:
        troubles = 0
        failed: set[str] = set()
        for name, needs, check in CHECKS:
            if needs & failed:
                self._say(name, "not examined", "")
                failed.add(name)
                continue
            try:
                self._say(name, "ok", check(patience))
            except Trouble as trouble:
                troubles += 1
                failed.add(name)
                self._say(name, "TROUBLE", trouble.what)
                self.stdout.write(f"{'':12}{'':14}→ {trouble.do}")
        if troubles:
            raise CommandError(f"{troubles} of {len(CHECKS)} are in trouble.")
        self.stdout.write("All is well.")

    def _say(self, name: str, verdict: str, what: str) -> None:
        self.stdout.write(f"{name:12}{verdict:14}{what}".rstrip())


# -- what is examined, in this order -----------------------------------------------------------------------------------


def the_settings(patience: float) -> str:
    if settings.PRODUCTION and "*" in settings.ALLOWED_HOSTS:
        raise Trouble("ALLOWED_HOSTS lets any host name in.", "Name the host names that the service answers to.")
    if settings.PRODUCTION:
        return f"version {settings.VERSION}, production, answers to {', '.join(settings.ALLOWED_HOSTS)}"
    strangers = set(settings.ALLOWED_HOSTS) - {"localhost", "127.0.0.1", "[::1]"}
    if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY and strangers:
        raise Trouble(
            f"It answers to {', '.join(sorted(strangers))}, with a secret key that everyone can read in the source.",
            "Set APP_ENV=production and a SECRET_KEY of your own, 50 random characters or more.",
        )
    return f"version {settings.VERSION}, development"


def the_database(patience: float) -> str:
    began = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as problem:
        if connection.vendor == "postgresql":
            raise Trouble(
                f"PostgreSQL does not answer: {line(problem)}",
                f"Is it running at {settings.DB_HOST}:{settings.DB_PORT}? Do DB_NAME, DB_USER and DB_PASSWORD fit?",
            ) from problem
        raise Trouble(f"The SQLite file cannot be used: {line(problem)}", "May this user write it?") from problem
    if connection.vendor != "postgresql":
        return f"SQLite, {connection.settings_dict['NAME']}: for development"
    version = int(connection.pg_version) // 10_000  # type: ignore[attr-defined]  # PostgreSQL's own
    if version < MIN_POSTGRESQL:
        raise Trouble(f"PostgreSQL {version} is too old.", f"Take version {MIN_POSTGRESQL} or newer.")
    return f"PostgreSQL {version} answers within {1_000 * (time.monotonic() - began):.0f} ms"


def the_migrations(patience: float) -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Trouble(f"{len(missing)} migrations are missing, {missing[0][0]} first.", "Run: manage.py migrate")
    if behind := share_schemas.unmigrated():
        raise Trouble(f"Migrations are missing in {len(behind)} shares, {behind[0]} first.", "Run: manage.py migrate")
    return "all applied"


def the_zone(patience: float) -> str:
    """Whether the recorded zone, by which players without one of their own are counted, is that of the settings."""
    recorded = zones.recorded()
    if recorded != settings.PLAYER_TIME_ZONE:
        raise Trouble(
            f"TIME_ZONE is {settings.PLAYER_TIME_ZONE} here, but {recorded or 'none'} is recorded, which all go by.",
            "Set it back, or run manage.py migrate: the new one applies from the end of the open day, week and month.",
        )
    return recorded


def the_disk(patience: float) -> str:
    try:
        disk.try_to_write()
    except Exception as problem:
        raise Trouble(
            f"The database cannot write: {line(problem)}", "Is its disk full, or its file read-only? Make room."
        ) from problem
    return "the database can write"


def the_skew(patience: float) -> str:
    """How far this machine's clock, which judges events, is from the database's, which dates publications."""
    if connection.vendor != "postgresql":
        return "the database has no clock of its own"
    before = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs: datetime = cursor.fetchone()[0]
    ours = before + (timezone.now() - before) / 2
    if abs(theirs - ours) > MAX_CLOCK_SKEW:
        which = "ahead of" if theirs > ours else "behind"
        raise Trouble(
            f"The database's clock is {abs(theirs - ours).total_seconds():.0f} s {which} this machine's.",
            "Let NTP set both: events would be refused as from the future, rewards expire too early or too late.",
        )
    return f"apart by {1_000 * abs((theirs - ours).total_seconds()):.0f} ms"


def the_keys(patience: float) -> str:
    """Whether a game server's key ends soon and has no successor."""
    ending = keys.ending(timezone.now())
    if ending:
        more = f", and {len(ending) - 1} more do soon" if len(ending) > 1 else ""
        raise Trouble(
            f"{keys.said(ending[0])}{more}.",
            f"manage.py rotate_api_key {ending[0].prefix} makes its successor; move the servers over.",
        )
    return "none ends within 14 days"


def the_sessions(patience: float) -> str:
    if connection.vendor != "postgresql":
        return "SQLite has none"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, coalesce(host(client_addr), 'this host'), extract(epoch FROM now() - state_change)"
            " FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"
            " AND state_change < now() - %s::interval ORDER BY state_change LIMIT 1",
            [str(LATE_AFTER)],
        )
        stuck = cursor.fetchone()
    if stuck:
        raise Trouble(
            f"A session from {stuck[1]} has stood still within a transaction for {stuck[2]:.0f} s: whoever plays the "
            "players that it has locked waits for it.",
            f"Find out which process it is; SELECT pg_terminate_backend({stuck[0]}) ends its session.",
        )
    return "none stands still within a transaction"


def the_cache(patience: float) -> str:
    where = f"Redis at {settings.REDIS_HOST}:{settings.REDIS_PORT}" if settings.REDIS_HOST else "this process's memory"
    key = f"doctor-{uuid.uuid4().hex}"
    try:
        cache.set(key, "ok", timeout=10)
        kept = cache.get(key)
        cache.delete(key)
    except Exception as problem:
        raise Trouble(
            f"{where} does not answer: {line(problem)}", "Is Redis running? Does REDIS_PASSWORD fit?"
        ) from None
    if kept != "ok":
        raise Trouble(f"{where} does not keep what it is given.", "Look at Redis' memory limit and its log.")
    return where


def the_clock(patience: float) -> str:
    """Whether chores are run when they are due: by beat and a worker or, without a broker, by `serve`."""
    start = (
        "Start celery -A gamification beat, once, and a worker."
        if settings.RABBITMQ_URL
        else "Start manage.py serve: without a broker it keeps the clock."
    )
    now = timezone.now()
    if any(shares.each(lambda: queries.due(now - LATE_AFTER, 1))):
        raise Trouble("Rewards have expired and nobody has taken note.", start)
    if settings.RABBITMQ_URL and not queue(tasks.name)[1]:
        raise Trouble("No worker takes what the clock asks for.", start)
    ticked = clock.last_tick()
    if ticked is None:
        return "nothing is overdue" + ("" if settings.REDIS_HOST else " (whether it ticks is seen only with Redis)")
    if ticked - now > MAX_CLOCK_SKEW:
        raise Trouble(
            f"The clock last ticked at {ticked:%Y-%m-%d %H:%M:%S} UTC, which is yet to come: it was set back since, or "
            "this machine's is behind the one that ticks.",
            "Let NTP set all machines' clocks. Ticking goes on; what was stamped meanwhile expires so much later.",
        )
    if now - ticked > LATE_AFTER:
        raise Trouble(f"The clock last ticked at {ticked:%Y-%m-%d %H:%M:%S} UTC.", start)
    return f"ticked {abs((now - ticked).total_seconds()):.0f} s ago, nothing is overdue"


def the_backfills(patience: float) -> str:
    where = "The console, Design, Backfills says why; run it again there."
    if Backfill.objects.filter(state=Backfill.State.FAILED).exists():
        raise Trouble("A backfill failed: new content stays pending for the players behind it.", where)
    named = LeftOut.objects.order_by("player_id")[:MAX_NAMED]
    if left := list(chain.from_iterable(shares.each(lambda: list(named.all())))):
        said = "; ".join(f"{each.player_id} ({each.reason})" for each in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        raise Trouble(
            f"New content stays pending for players whose past could not be replayed: {said}{more}.",
            "The log of the time says at what. " + where,
        )
    waiting = Backfill.objects.filter(state__in=(Backfill.State.PENDING, Backfill.State.RUNNING)).count()
    return f"{waiting} under way" if waiting else "none is under way"


def the_facts(patience: float) -> str:
    if missed := followers.missed():
        raise Trouble(
            f"{missed[0][0].upper()}{missed[0][1:]}.",
            "Let it run all the time, or keep more: FACTS_KEPT, FACT_RETENTION_DAYS.",
        )
    if not settings.RABBITMQ_URL:
        return f"{sum(shares.each(lambda: followers.FACTS.rows.count()))} are kept, for GET /facts"
    count, deadline = 0, time.monotonic() + patience
    for share in shares.every():
        with shares.within(share):
            count += _leaving(deadline, patience)
    return f"{count} wait, and they are leaving" if count else "none waits"


def the_webhooks(patience: float) -> str:
    for _, what in webhook_trouble.found(timezone.now()):
        raise Trouble(what, "Mend its receiver and enable it again, or delete it: the console, Set up, Webhooks.")
    count = Endpoint.objects.filter(is_enabled=True).count()
    return f"{count} at work" if count else "there are none"


def _leaving(deadline: float, patience: float) -> int:
    """How many facts of the share that is named wait, once the oldest has left. Raises Trouble."""
    count = relay.waiting().count()
    oldest = relay.waiting().first()
    while oldest is not None and relay.waiting().filter(pk=oldest.pk).exists():
        if time.monotonic() > deadline:
            _the_horizon()
            raise Trouble(
                f"{count} facts wait to be published. The oldest, {oldest.type} of "
                f"{oldest.timestamp:%Y-%m-%d %H:%M:%S} UTC, has not left within {patience:g} s.",
                "Whoever commits facts publishes them, and workers sweep up what was left: are any running, and does "
                "their log say that the broker refuses? A listener's full queue that rejects messages holds up the "
                "facts of the players that it concerns.",
            )
        time.sleep(0.1)
    return count


def _the_horizon() -> None:
    """Whether facts wait for an open transaction that may still state earlier ones."""
    if connection.vendor != "postgresql":
        return
    final, newest = followers.FACTS.horizon.look()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, coalesce(host(client_addr), 'this host'), extract(epoch FROM now() - xact_start)"
            " FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
            " AND datname = current_database()"
            " AND xact_start < now() - interval '1 second' ORDER BY xact_start LIMIT 1"
        )
        oldest = cursor.fetchone()
    if final < newest and oldest:
        pid, host, seconds = oldest
        raise Trouble(
            "Facts wait for a transaction that had begun before they were committed: "
            f"one from {host} has been writing for {seconds:.0f} s.",
            f"Let it end; SELECT pg_terminate_backend({pid}) ends it.",
        )


def the_profiler(patience: float) -> str:
    """Whether anybody looks at how players play."""
    if not settings.ENABLE_ANTI_CHEAT:
        return "anti-cheat is switched off"
    now = timezone.now()
    oldest = min(filter(None, shares.each(profiling.oldest_waiting)), default=now)
    if now - oldest > BEHIND_AFTER:
        raise Trouble(
            f"The profiler is behind: an event of {oldest:%Y-%m-%d %H:%M:%S} UTC waits to be looked at.",
            "It works on the clock's time: does the clock tick? After an import it catches up by itself.",
        )
    return f"{(now - oldest).total_seconds():.0f} s behind"


Check = Callable[[float], str]

CHECKS: list[tuple[str, set[str], Check]] = [
    ("settings", set(), the_settings),
    ("database", set(), the_database),
    ("migrations", {"database"}, the_migrations),
    ("zone", {"database", "migrations"}, the_zone),
    ("disk", {"database"}, the_disk),
    ("time", {"database"}, the_skew),
    ("sessions", {"database"}, the_sessions),
    ("keys", {"database", "migrations"}, the_keys),
    ("cache", set(), the_cache),
    ("broker", set(), the_broker),
    ("topology", {"broker"}, the_topology),
    ("workers", {"database", "migrations", "broker", "topology"}, the_workers),
    ("letters", {"broker", "topology"}, the_dead_letters),
    ("clock", {"database", "migrations", "cache", "broker"}, the_clock),
    ("backfills", {"database", "migrations"}, the_backfills),
    ("facts", {"database", "migrations", "broker"}, the_facts),
    ("webhooks", {"database", "migrations"}, the_webhooks),
    ("profiler", {"database", "migrations", "clock"}, the_profiler),
]
"""A name, the checks that must be well for this one to make sense, and the check."""
