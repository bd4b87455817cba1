import os
import shutil
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import pytest
from django.conf import settings
from django.db import connection
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker, Settings

from gamification import relay
from gamification.intake import backlog, handover
from gamification.kernel.messaging import broker
from gamification.kernel.storage import database_timeout
from gamification.kernel.storage.pseudonyms import pseudonym_key
from gamification.serving import reads
from tests.support import declared_facts, declared_refusals, emptying, rabbit, waiting

# A test takes as long as the machine lets it; what is slow shows in the suite's time, not as a failed property.
hypothesis.settings.register_profile("suite", deadline=None, print_blob=True)
# In CI a red run is the change's doing, not the dice's.
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("suite"), derandomize=True)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""Debian's, or whatever else the machine calls so; Playwright is not asked to download one of its own."""

PROGRAMS = {"java": ("javac", "default-jdk-headless"), "promtool": ("promtool", "prometheus")}
"""What a marker needs, and the package of Debian's that brings it."""

SERVICES = {"postgres": "DB_HOST", "redis": "REDIS_HOST", "rabbitmq": "RABBITMQ_URL"}


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def absent() -> list[str]:
    """The variables of the services that this run goes without."""
    return [variable for variable in SERVICES.values() if not getattr(settings, variable)]


def pytest_configure(config: pytest.Config) -> None:
    declared_facts.watch()
    hypothesis.settings.load_profile("ci" if in_ci() else "suite")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    static = tempfile.TemporaryDirectory()  # WhiteNoise warns of a folder that is not there: nothing is collected here
    settings.STATIC_ROOT = static.name
    config.add_cleanup(static.cleanup)
    settings.MIDDLEWARE = ["tests.support.declared_refusals.note", *settings.MIDDLEWARE]
    if not settings.DB_HOST:  # as with PostgreSQL below: no commit of the tests' own process waits for the disk
        options = settings.DATABASES["default"]["OPTIONS"]
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    settings.KEY_CACHE = 0  # a test that revokes a key wants to see it refused
    reads.IDLE = 0.05  # a database cannot be thrown away while somebody holds a connection to it
    # Tests ask more of one player in a second than a person would. Those of the limits set their own.
    for name in ("PLAYER_READS", "PLAYER_WRITES", "EXPORT", "TOKEN", "LOGIN"):
        setattr(settings, f"RATE_LIMIT_{name}", 0)
    if settings.REDIS_HOST:
        # One Redis, many processes of tests: each keeps to its own keys and channels.
        prefix = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        settings.CACHES["default"]["KEY_PREFIX"] = prefix
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker in ("browser", "node", *PROGRAMS):
        if os.environ.get(f"WITHOUT_{marker.upper()}"):  # .ci/run could not get it: nobody is to wait for it
            left_out = [item for item in items if item.get_closest_marker(marker)]
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)
    if in_ci() and not absent():  # the second run there: the first, with nothing set, was of these too
        left_out = [item for item in items if item.get_closest_marker("once")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    if not os.environ.get("CITUS_HOST"):  # said at the end of the run
        left_out = [item for item in items if item.get_closest_marker("citus")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    # A run has one database, made with one number of shares: with SHARES > 1 it is the tests of shares that run.
    of_shares = settings.SHARES > 1
    left_out = [item for item in items if bool(item.get_closest_marker("shares")) != of_shares]
    items[:] = [item for item in items if item not in left_out]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    for marker, (program, package) in PROGRAMS.items():
        if item.get_closest_marker(marker) and shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")
    for marker, variable in SERVICES.items():
        if item.get_closest_marker(marker) and variable in absent():
            pytest.skip(f"needs {variable}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI with every server named, a skipped test is a guarantee that nobody checked: it fails."""
    report = yield
    if report.skipped and in_ci() and not absent() and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where every server is there: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    at = f"{settings.DB_HOST}:{settings.DB_PORT}"
    amqp = urlsplit(settings.RABBITMQ_URL)
    terminalreporter.section("this run used")
    terminalreporter.line(f"database  {f'PostgreSQL at {at}' if settings.DB_HOST else 'SQLite, a file'}")
    terminalreporter.line(f"shares    {settings.SHARES}")
    if settings.SHARES > 1:
        cluster = os.environ.get("CITUS_HOST") or "none: its test is left out (CITUS_HOST, the same as DB_HOST)"
        terminalreporter.line(f"Citus     {cluster}")
    terminalreporter.line(
        f"cache     {f'Redis at {settings.REDIS_HOST}:{settings.REDIS_PORT}' if settings.REDIS_HOST else 'memory'}"
    )
    terminalreporter.line(
        f"broker    {f'RabbitMQ at {amqp.hostname}:{amqp.port or 5672}' if settings.RABBITMQ_URL else 'in place'}"
    )
    terminalreporter.line(f"browser   {CHROMIUM or 'none'}")
    for stayed in terminalreporter.config.stash.get(STAYED_HERE, []):
        terminalreporter.line(f"forgotten {stayed}")


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A database is thrown away when nobody is connected to it: PostgreSQL ends a killed process's session a little
    after the process, which the last test of a run does not wait for. A session that stays nevertheless is ended, and
    the run's summary names it: that a test has forgotten a connection is no fault of what it tested. No commit waits
    for the disk: a test database need not outlive the machine's next crash."""
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit TO off')
        connection.close()
    yield
    if connection.vendor == "postgresql":
        database_timeout.limit_to(None)  # what the last test ran may have left its own: to drop a database takes long
        with django_db_blocker.unblock():
            if not waiting.holds_within(10, lambda: not _other_sessions()):
                alive = sorted(thread.name for thread in threading.enumerate())
                left = [f"{_other_sessions(end=True)}, threads {alive}"]
                getattr(request.config, "workeroutput", {})[STAYED] = left
                request.config.stash[STAYED_HERE] = left


STAYED = "sessions that stayed"
STAYED_HERE = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of the run has to say reaches the summary, which another process writes."""
    said = getattr(node, "workeroutput", {}).get(STAYED, [])
    node.config.stash.setdefault(STAYED_HERE, []).extend(said)


def _other_sessions(*, end: bool = False) -> list[tuple[Any, ...]]:
    """Process, beginning, state and last statement of each; with `end` they are ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, backend_start::text, application_name, state, left(query, 200)"
            f"{', pg_terminate_backend(pid)' if end else ''} FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return list(cursor.fetchall())


@pytest.fixture(autouse=True)
def broker_only_where_it_is_asked_for(request: pytest.FixtureRequest, settings: Settings) -> None:
    """With one, events are handed over and facts leave: what most tests look at would be elsewhere."""
    if not request.node.get_closest_marker("rabbitmq"):
        settings.RABBITMQ_URL = ""


@pytest.fixture(autouse=True)
def refusals_are_as_the_schema_says() -> Iterator[None]:
    """A refusal that its operation does not declare is missing in `gamification/schemas/refusals.py`."""
    yield
    assert declared_refusals.undeclared() == []


@pytest.fixture(autouse=True)
def facts_are_as_their_shapes_say() -> Iterator[None]:
    """What a fact says, or tells the player, is missing in `gamification/schemas/fact_shapes.py`, or is not said."""
    yield
    assert declared_facts.undeclared() == []


@pytest.fixture(autouse=True)
def key_of_this_database() -> None:
    """Tests empty the database, and with it the key that a process otherwise reads once."""
    pseudonym_key.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def emptying_may_delete_from_the_audit_log() -> None:
    """SQLite is emptied between tests by DELETE, which the audit log's trigger refuses: it is put aside meanwhile."""
    empty = SQLite.ops_class.execute_sql_flush

    def emptied(self: Any, sql_list: Any) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            empty(self, sql_list)
            for _, text in triggers:
                cursor.execute(text)

    SQLite.ops_class.execute_sql_flush = emptied  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_that_were_written_to() -> None:
    if settings.SHARES == 1:  # the tables of several shares are emptied by their tests
        whole = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
        TransactionTestCase._fixture_teardown = emptying.only_what_was_written(whole)  # type: ignore[attr-defined]


@pytest.fixture
def exchange(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A name at RabbitMQ that is this test's own; what is declared under it is removed, and who publishes stopped."""
    settings.RABBITMQ_EXCHANGE = rabbit.own_name()
    monkeypatch.setattr(handover, "_fell_back", float("-inf"))  # that of an earlier test shows for a while
    yield settings.RABBITMQ_EXCHANGE
    relay.stop()
    backlog.stop()
    broker.stop()
    rabbit.remove(settings.RABBITMQ_EXCHANGE)
    Path(f"{connection.settings_dict['NAME']}-relay").unlink(missing_ok=True)  # SQLite's


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """For root, as in a container, Chromium has no sandbox; there /dev/shm is small, too."""
    quiet = ["gpu", "quic", "background-networking", "component-update", "sync", "dev-shm-usage"]
    return {
        "executable_path": CHROMIUM,
        "args": [*(f"--disable-{what}" for what in quiet), "--no-first-run", *["--no-sandbox"] * (os.geteuid() == 0)],
    }
