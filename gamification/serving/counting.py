"""What processes count, where several of them answer at one port: `/metrics` adds it up, whichever is asked.

prometheus_client does so through files of one directory, which each process finds in its environment when it starts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import prometheus_client
from prometheus_client import multiprocess
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus_client reads when it is imported."""


@contextmanager
def together() -> Iterator[Mapping[str, str]]:
    """The variables by which processes that are started within this count together."""
    with tempfile.TemporaryDirectory(prefix="gamification-metrics-") as directory:
        yield {DIRECTORY: directory}


def forget(variables: Mapping[str, str], process: int) -> None:
    """Leave out how things stood with a process that has ended. What it counted stays: a counter never falls."""
    multiprocess.mark_process_dead(process, variables[DIRECTORY])  # type: ignore[no-untyped-call]


def shown(*others: Collector) -> bytes:
    """What this process has counted, or all that count together with it, and what others say besides, as Prometheus
    reads it."""
    registry = prometheus_client.CollectorRegistry()
    for each in others:
        registry.register(each)
    if DIRECTORY not in os.environ:
        return prometheus_client.generate_latest() + prometheus_client.generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(registry)
