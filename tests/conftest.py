import os
from collections.abc import Generator
from urllib.parse import urlsplit

import hypothesis
import pytest
from django.conf import settings

# A test takes as long as the machine lets it; what is slow shows in the suite's time, not as a failed property.
hypothesis.settings.register_profile("suite", deadline=None, print_blob=True)
# In CI a red run is the change's doing, not the dice's.
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("suite"), derandomize=True)

SERVICES = {"postgres": "DB_HOST", "redis": "REDIS_HOST", "rabbitmq": "RABBITMQ_URL"}


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def absent() -> list[str]:
    """The variables of the services that this run goes without."""
    return [variable for variable in SERVICES.values() if not getattr(settings, variable)]


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("ci" if in_ci() else "suite")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one is slow on purpose
    if settings.REDIS_HOST:
        # One Redis, many processes of tests: each keeps to its own keys and channels.
        prefix = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        settings.CACHES["default"]["KEY_PREFIX"] = prefix
        settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix


def pytest_runtest_setup(item: pytest.Item) -> None:
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
    broker = urlsplit(settings.RABBITMQ_URL)
    terminalreporter.section("this run used")
    terminalreporter.line(f"database  {f'PostgreSQL at {at}' if settings.DB_HOST else 'SQLite, a file'}")
    terminalreporter.line(
        f"cache     {f'Redis at {settings.REDIS_HOST}:{settings.REDIS_PORT}' if settings.REDIS_HOST else 'memory'}"
    )
    terminalreporter.line(
        f"broker    {f'RabbitMQ at {broker.hostname}:{broker.port or 5672}' if settings.RABBITMQ_URL else 'in place'}"
    )


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    """Debian's Chromium, not one of Playwright's own to download. For root, as in a container, it has no sandbox."""
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    return {
        "executable_path": "/usr/bin/chromium",
        "args": [*quiet, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
    }
