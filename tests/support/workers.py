"""Celery workers as processes of their own, on the test's database and its own names at RabbitMQ."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.support import rabbit

FIRST = "import os, signal, sys, django; django.setup(); from gamification.celery import app"
LAST = "app.worker_main(['worker', '--loglevel', 'INFO', *sys.argv[1:]])"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "gamification.settings",
        "DB_NAME": str(connection.settings_dict["NAME"]),
        "RABBITMQ_EXCHANGE": settings.RABBITMQ_EXCHANGE,
    }


def start(log: Path, *code: str, **changes: str) -> subprocess.Popen[bytes]:
    """`code`: what is done to the worker before it begins."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join([FIRST, *code, LAST])],
            cwd=settings.BASE_DIR,
            env=environment() | changes,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextmanager
def running(log: Path, *code: str, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    worker = start(log, *code, **changes)
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
        worker.wait()


OWN_TASKS = """
from gamification import celery
for queue, name in ((celery.tasks, "{0}.tasks"), (celery.parked, "{0}.tasks.dead"), (celery.ticks, "{0}.ticks")):
    queue.name = queue.routing_key = name
    queue.exchange.name = name
celery.tasks.queue_arguments["x-dead-letter-exchange"] = celery.parked.exchange.name
app.conf.update(
    task_default_queue=celery.tasks.name,
    task_default_exchange=celery.tasks.exchange.name,
    task_default_routing_key=celery.tasks.routing_key,
    task_routes={{"gamification.clock.tick": {{"queue": celery.ticks.name}}}},
)
"""


@contextmanager
def own_tasks() -> Iterator[str]:
    """Code that gives a worker queues of tasks that are this test's own: others' workers take from the usual ones."""
    names = [f"{settings.RABBITMQ_EXCHANGE}.{each}" for each in ("tasks", "tasks.dead", "ticks")]
    yield OWN_TASKS.format(settings.RABBITMQ_EXCHANGE)
    with rabbit.channel() as channel:
        for name in names:
            channel.queue_delete(name)
            channel.exchange_delete(name)
