"""METRICS_PORT: `/metrics` and `/healthz` on a port of their own, of web processes, workers and beat alike.

A thread serves it, with nothing of Django around it: it answers while the process is busy, and says so where the
process is stuck.
"""

from __future__ import annotations

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client
from django.conf import settings
from django.db import connection

from gamification.kernel.core import liveness
from gamification.monitoring.deployment import DEPLOYMENT
from gamification.serving import counting

log = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds that whoever asks may take to do so."""


class _Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT
    reads_database = True

    def do_GET(self) -> None:
        if self.path == "/metrics":
            try:
                text = counting.shown(*([DEPLOYMENT] if self.reads_database else []))
            finally:
                connection.close()
            self._answer(200, text, prometheus_client.CONTENT_TYPE_LATEST)
        elif self.path == "/healthz":
            stuck = liveness.is_stuck()
            self._answer(503 if stuck else 200, b'{"status": "stuck"}' if stuck else b'{"status": "ok"}')
        else:
            self._answer(404, b"{}")

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


class _WithoutDatabase(_Handler):
    reads_database = False


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("whoever asked for metrics left", exc_info=True)


def serve(listening: socket.socket, *, reads_database: bool = True) -> None:
    """Answer at a socket that listens, on a thread, for as long as the process runs."""
    server = _Server(listening.getsockname()[:2], _Handler if reads_database else _WithoutDatabase, False)
    server.socket.close()
    server.socket = listening
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def open_port(*, reads_database: bool = True) -> None:
    """Serve METRICS_PORT, where it is set. A port that is taken costs the metrics, and not the work."""
    if not settings.METRICS_PORT:
        return
    host = "0.0.0.0" if settings.PRODUCTION else "127.0.0.1"  # noqa: S104
    try:
        listening = socket.create_server((host, settings.METRICS_PORT))
    except OSError as problem:
        log.error("no metrics: cannot listen at %s:%d: %s", host, settings.METRICS_PORT, problem.strerror)
        return
    serve(listening, reads_database=reads_database)
