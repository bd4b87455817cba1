"""`python -m tests.faults.mutants`: each guard is taken out of a copy of the source; the short run must notice.

The copy is made in a temporary folder. A mutant that no run notices, and a guard that is no longer written as it stands
here, end this with 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", "*.sqlite3*", "staticfiles", ".*_cache", "docs")
SHORT = ["--events", "3000", "--kills", "5", "--workers", "1", "--seed", "1", "--patience", "12"]


@dataclass(frozen=True)
class Mutant:
    """Without what guard; file, what is written there, what instead."""

    guard: str
    changes: tuple[tuple[str, str, str], ...]


MUTANTS = [
    Mutant("nothing is changed: this one must pass", ()),
    Mutant(
        "an event is admitted once, in the transaction that applies it",
        (
            (
                "gamification/kernel/storage/inbox.py",
                "    fresh = take(first)\n",
                "    take(first)\n    fresh = set(first)\n",
            ),
        ),
    ),
    Mutant(
        "messages are acknowledged after the commit",
        (
            (
                "gamification/intake/worker.py",
                "        self.is_busy = True\n        try:\n",
                "        self.is_busy = True\n        if batch is not self.stuck:\n"
                "            self._acknowledge(batch)\n        try:\n",
            ),
            (
                "gamification/intake/worker.py",
                "            self._acknowledge(batch)\n            self._adjust_prefetch(batch)\n",
                "            self._adjust_prefetch(batch)\n",
            ),
        ),
    ),
    Mutant(
        "a dead letter is confirmed before its message is acknowledged",
        (
            ("gamification/intake/confirmed_publisher.py", "basic_publish_confirm(", "_basic_publish("),
            ("gamification/intake/confirmed_publisher.py", "mandatory=True,", "mandatory=False,"),
        ),
    ),
    Mutant(
        "a database that is away is waited for",
        (
            (
                "gamification/intake/amqp.py",
                "                if transient(problem) and not self._is_to_blame(part):\n                    raise\n",
                "                if transient(problem):\n                    self._todo.done()\n"
                "                    continue\n",
            ),
        ),
    ),
    Mutant(
        "poison stands alone before it is parked",
        (
            (
                "gamification/intake/amqp.py",
                "problem: Exception) -> None:\n        if len(part) > 1:\n",
                "problem: Exception) -> None:\n        while len(part) > 1:\n"
                "            self._todo.put_first([part.pop()])\n"
                "            self._split(self._todo.next, problem)\n        if len(part) > 1:\n",
            ),
        ),
    ),
    Mutant(
        "a cause is paid once, and the database knows it",
        (
            (
                "rewards/rules.py",
                "    text = f\"{player_id}\\0{source}\\0{source_id}\\0{occurrence}\\0{line}\".encode()\n",
                "    text = __import__(\"os\").urandom(16)\n",
            ),
            (
                "rewards/migrations/0001_initial.py",
                "name='granted_once'",
                "name='granted_once', condition=models.Q(source='NONE')",
            ),
        ),
    ),
]  # fmt: skip


def main() -> int:
    broker = os.environ.get("RABBITMQ_URL", "")
    chosen = sys.argv[1:]
    wrong = 0
    for mutant in MUTANTS:
        if chosen and not any(word in mutant.guard for word in chosen):
            continue
        code, output = tried(mutant, ["--broker", broker] if broker else [])
        noticed = [line.partition("WRONG: ")[2] for line in output.splitlines() if "WRONG: " in line]
        as_it_should = code == (1 if mutant.changes else 0) and bool(noticed) == bool(mutant.changes)
        wrong += not as_it_should
        print(f"{'ok   ' if as_it_should else 'WRONG'}  without: {mutant.guard}", flush=True)
        for line in noticed[:3] or ["nothing was noticed"]:
            print(f"         {line[:150]}", flush=True)
        if not as_it_should:
            print(output[-2_000:])
    return 1 if wrong else 0


def tried(mutant: Mutant, arguments: list[str]) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / "source"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT, symlinks=True)
        for name, guard, instead in mutant.changes:
            source = (copy / name).read_text()
            if source.count(guard) != 1:
                return 2, f"{name} is not written as this script knows it:\n{guard}"
            (copy / name).write_text(source.replace(guard, instead))
        run = subprocess.run(
            [sys.executable, "-m", "tests.faults", *SHORT, *arguments],
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return run.returncode, run.stdout


if __name__ == "__main__":
    sys.exit(main())
