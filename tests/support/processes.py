"""Several processes at work on this test's database, all at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from django.db import connection


def side_by_side(script: str, arguments: Sequence[Sequence[str]]) -> list[str]:
    """Run `script` once for each line of arguments. Each prints `ready` and then reads a line, so that they begin
    together; says what each printed after that.
    """
    database = str(connection.settings_dict["NAME"])
    here = {**os.environ, "DB_NAME": database, "DJANGO_SETTINGS_MODULE": "gamification.settings"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, *line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=here,
        )
        for line in arguments
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    answers = [each.communicate(timeout=240) for each in started]
    for each, (_, errors) in zip(started, answers, strict=True):
        assert each.returncode == 0, errors
    return [out for out, _ in answers]
