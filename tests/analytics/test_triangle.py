"""The script of the docs makes of an export what the route answers."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from gamification import pipeline
from gamification.analytics import following, queries
from gamification.kernel.core.messages import GameEvent
from progress.models import Player
from tests.support.content import publish

pytestmark = pytest.mark.django_db
SCRIPT = settings.BASE_DIR / "docs" / "examples" / "retention_triangle.py"


def test_the_retention_triangle_is_made_of_an_export(tmp_path: Path) -> None:
    now = timezone.now()
    publish(now=now)
    for number in range(12):
        ago = [40 - number, 40 - 2 * number, 33 - number, 1 if number % 3 else 0]
        times = [now - timedelta(days=days, hours=number) for days in ago]
        pipeline.process([GameEvent(f"e{n}", f"p{number}", "walked", {}, at) for n, at in enumerate(times)], now=now)
    Player.objects.filter(pk="p5").update(is_test=True)
    following.follow(now)
    call_command("export", "events", form="jsonl", output=tmp_path / "events.jsonl")
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "events.jsonl", "--zone", settings.PLAYER_TIME_ZONE],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    today = queries.today(now)
    expected = [
        [str(row["first_day"]), str(row["players"]), *("" if n is None else str(n) for n in row["returned"])]
        for row in queries.retention(queries.Span(today - timedelta(days=60), today), now)
    ]
    assert list(csv.reader(done.stdout.splitlines()))[1:] == expected
    assert sum(int(row[1]) for row in expected) == 11
