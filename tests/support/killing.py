"""A worker that is killed again and again, by SIGKILL in the middle of what it does, on this test's database."""

from __future__ import annotations

import os
import subprocess
import sys

from django.db import connection

SCRIPT = """
import os, random, signal, sys
import django
django.setup()
from django.db import connection

work, times, most, at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
dice, killed = random.Random(7), 0
exec(work)

def dying(left, before):
    def execute(execute, sql, params, many, context):
        nonlocal left
        left -= at in sql
        if left <= 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = execute(sql, params, many, context)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return execute

for _ in range(times):
    left, before = dice.randint(1, most), dice.random() < 0.5
    child = os.fork()
    if not child:
        with connection.execute_wrapper(dying(left, before)):
            turn()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    killed += os.WIFSIGNALED(status)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
print(killed)
"""


def kill_again_and_again(work: str, *, times: int, most: int, at: str = "", **settings: str) -> int:
    """Let `turn()`, which `work` defines, run in one process after the other, each of which is killed before or after
    one of its first `most` statements (those with `at` in them). Says how many did not come to an end."""
    here = {**os.environ, "DB_NAME": str(connection.settings_dict["NAME"]), **settings}
    here["DJANGO_SETTINGS_MODULE"] = "gamification.settings"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, work, str(times), str(most), at],
        env=here, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return int(done.stdout)
