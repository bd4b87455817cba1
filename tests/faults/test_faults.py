"""Everything around the events is killed, cut off or emptied; each event counts once all the same.

This is the short one: RabbitMQ is cut off rather than killed. `make chaos` is the long one, `make mutants` shows that
either would notice.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

from tests.support import rabbit

SHORT = ["--events", "3000", "--kills", "5", "--workers", "1", "--seed", "1", "--patience", "60"]


@pytest.mark.rabbitmq
def test_whatever_is_killed_each_event_counts_once_and_nothing_is_paid_twice() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults", *SHORT, "--broker", rabbit.BROKER],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if run.returncode == 77:
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr[-2_000:]
