"""What routes take by query, in a process that has just begun."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

FIRST_REQUESTS = """
import sys, threading
import django
django.setup()
from django.urls import get_resolver
from django.test import Client

addresses = ["/api/v1/rewards", "/api/v1/quests", "/api/v1/metrics", "/api/v1/levels", "/api/v1/pools", "/api/schema/"]
from gamification.kernel.web import parameters

together, failed = threading.Barrier(len(addresses)), []

def ask(address):
    view = getattr(get_resolver().resolve(address).func, "cls", None)
    together.wait()
    try:
        if view is None:
            assert Client(HTTP_HOST="localhost").get("/api/schema/").status_code == 200
        else:
            parameters._declared(view, "GET")
    except Exception as problem:
        failed.append(f"{address}: {problem!r}")

threads = [threading.Thread(target=ask, args=(address,)) for address in addresses]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("; ".join(failed) or 0)
"""


def test_the_first_requests_of_a_process_may_come_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_REQUESTS], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
