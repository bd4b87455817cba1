"""How the connections to PostgreSQL are used that a web process shares among its threads, for `/metrics`.

Looked at again and again rather than when somebody asks: of several processes that count together only one is asked.
"""

from __future__ import annotations

import threading
from typing import Any

import prometheus_client
from django.db.backends.postgresql import base

_backend: Any = base
INTERVAL = 5.0
"""Seconds from one look to the next."""

_connections = prometheus_client.Gauge(
    "gamification_database_connections",
    "Connections of the pool, used and idle",
    ["state"],
    multiprocess_mode="livesum",
)
_waiting = prometheus_client.Gauge(
    "gamification_database_waiting", "Threads that wait for a connection of the pool", multiprocess_mode="livesum"
)
_most = prometheus_client.Gauge(
    "gamification_database_connections_max", "Connections that the pool may hold", multiprocess_mode="livesum"
)


def look() -> None:
    pools: dict[str, Any] = _backend.DatabaseWrapper._connection_pools  # not `connection.pool`, which makes one
    pool = pools.get("default")
    if pool is None:
        return
    stats = pool.get_stats()
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    _connections.labels("used").set(size - idle)
    _connections.labels("idle").set(idle)
    _waiting.set(stats.get("requests_waiting", 0))
    _most.set(stats.get("pool_max", 0))


def watch() -> None:
    """Begin a thread that looks until the process ends."""

    def run() -> None:
        ends = threading.Event()
        while True:
            look()
            ends.wait(INTERVAL)

    threading.Thread(target=run, name="pool", daemon=True).start()
