"""What goes wrong a thousand times is said once; what goes wrong in another way is said, too."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from gamification.kernel.core.logs import INTERVAL, Line, OnceAnInterval
from tests.support import rabbit, workers


class Written(logging.Handler):
    """Lines, as they are written to stderr, by a clock of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.lines: list[str] = []
        self.addFilter(OnceAnInterval(lambda: self.now))
        self.setFormatter(Line("{levelname} {message!r}", style="{"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def log(written: Written) -> logging.Logger:
    log = logging.Logger("test")
    log.addHandler(written)
    return log


def fail(kind: type[Exception], text: str = "gone\nDETAIL: more") -> Exception:
    try:
        raise kind(text)
    except Exception as problem:
        return problem


def test_another_servers_failure_is_one_line_an_interval_however_often_it_comes(
    log: logging.Logger, written: Written
) -> None:
    for number in range(1_000):
        log.error("could not do %d", number, exc_info=fail(OperationalError))
        written.now = INTERVAL if number == 998 else 0.0
    assert written.lines == [
        "ERROR 'could not do 0: OperationalError: gone'",
        "ERROR 'could not do 999: OperationalError: gone (and 998 more like it since)'",
    ]


def test_a_failure_of_another_kind_is_said_at_once(log: logging.Logger, written: Written) -> None:
    for _ in range(3):
        log.warning("it waits: %s", fail(OperationalError))
        log.warning("it waits: %s", fail(ConnectionResetError, "reset"))
        log.warning("something else: %s", fail(OperationalError))
        log.warning("%d messages wait", len(written.lines))
        log.warning("it is %s", "sunny")
        log.warning("it is %s", "cloudy")
    assert len(written.lines) == 6


def test_a_failure_of_our_own_brings_its_traceback_once(log: logging.Logger, written: Written) -> None:
    for _ in range(3):
        log.error("failed", exc_info=fail(KeyError, "x"))
    [line] = written.lines
    assert line.startswith("ERROR 'failed'\nTraceback")
    try:
        raise KeyError("x")
    except KeyError as elsewhere:
        log.error("failed", exc_info=elsewhere)
    assert len(written.lines) == 2


def test_what_is_no_warning_is_always_said(log: logging.Logger, written: Written) -> None:
    for _ in range(3):
        log.info("as it should be")
    assert len(written.lines) == 3


def test_the_record_itself_stays_as_it_is_for_whoever_else_writes_it(
    log: logging.Logger, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    log.addHandler(caplog.handler)
    log.error("could not %s", "do", exc_info=fail(OperationalError))
    [record] = caplog.records
    assert record.exc_info
    assert (record.msg, record.args) == ("could not %s", ("do",))


def test_every_process_logs_each_failure_once_an_interval() -> None:
    logging_: Any = settings.LOGGING
    assert logging_["handlers"]["stderr"]["filters"] == ["once an interval"]


@pytest.mark.rabbitmq
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("exchange")
def test_a_worker_with_a_wrong_password_knocks_later_and_later_and_says_so_once(tmp_path: Path) -> None:
    knocks = tmp_path / "knocks"
    counting = f"""
import time
from kombu.transport.pyamqp import Transport
establish = Transport.establish_connection
def knock(self):
    with open({str(knocks)!r}, "a") as file:
        file.write(f"{{time.monotonic()}} ")
    return establish(self)
Transport.establish_connection = knock
"""
    url = rabbit.BROKER.replace("://guest:guest@", "://guest:wrong@")
    with workers.running(tmp_path / "log", counting, RABBITMQ_URL=url) as worker:
        rabbit.until(lambda: knocks.exists() and len(knocks.read_text().split()) > 4, seconds=60)
        assert worker.poll() is None
    times = [float(each) for each in knocks.read_text().split()]
    assert times[4] - times[0] > 3
    lines = (tmp_path / "log").read_text().splitlines()
    assert sum("ACCESS_REFUSED" in line for line in lines) <= 2
    assert len(lines) < 60
