"""The live feed under load: `python -m benchmarks.sockets --sockets 10000 --rate 1000 --seconds 60`.

It needs PostgreSQL and Redis. One process serves, one holds the sockets, one commits messages and says so; beside it
the same load on a bare Node `ws` server, if there is `node` and a folder with `ws` in it (`--modules`). All clocks are
the machine's monotonic one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import databases
from benchmarks.databases import Database
from benchmarks.held_sockets import raise_open_files

HERE = Path(__file__).parent
REDIS = (os.environ.get("REDIS_HOST") or "127.0.0.1", os.environ.get("REDIS_PORT") or "6379")
CHANNEL = os.environ.setdefault("BENCHMARK_CHANNEL", f"benchmark-{os.getpid()}")
TICK = 0.02
TEXT = (
    '{{"seq":{seq},"type":"achievement.completed","player_id":"{player}","data":{{"id":"first-blood",'
    '"title":"First blood","points":10,"rewards":["coins"]}},"timestamp":"2026-11-22T18:03:11.250Z"}}'
)


def _django() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "gamification.settings"
    django.setup()


# -- committing messages (a process of its own) ------------------------------------------------------------------------


def push(sockets: int, rate: int, seconds: int, bare: bool, first: int, path: str) -> None:
    """`rate` messages a second to players at random, a transaction each TICK; writes (player, seq, when committed)."""
    _django()
    import redis
    from django.db import transaction
    from django.utils import timezone

    from gamification.feed import hints
    from gamification.feed.models import Message
    from gamification.kernel.storage import sql
    from progress.models import Player

    dice, seqs = random.Random(first), [0] * sockets
    if not bare:
        seqs = [0] * sockets
        for player_id, last_seq in Player.objects.values_list("player_id", "last_seq"):
            seqs[int(player_id[1:])] = last_seq
    wire = redis.Redis(host=REDIS[0], port=int(REDIS[1]))
    pushed: list[tuple[int, int, float]] = []
    data = {"id": "first-blood", "title": "First blood", "points": 10, "rewards": ["coins"]}
    each = max(1, round(rate * TICK))
    due = time.monotonic()
    end = due + seconds
    while due < end:
        chosen = sorted(dice.sample(range(sockets), each))
        for index in chosen:
            seqs[index] += 1
        now = timezone.now()
        if bare:
            texts = [[f"p{i}", TEXT.format(seq=seqs[i], player=f"p{i}")] for i in chosen]
            at = time.monotonic()
            wire.publish(CHANNEL, json.dumps(texts))
        else:
            rows = [(f"p{i}", seqs[i], "achievement.completed", data, now, now) for i in chosen]
            with transaction.atomic():
                sql.insert(Message, ("player_id", "seq", "type", "data", "timestamp", "created_at"), rows)
                sql.update(Player, ("player_id",), ("last_seq",), [(f"p{i}", seqs[i]) for i in chosen])
            at = time.monotonic()
            hints.after_commit(
                last_seq={f"p{i}": seqs[i] for i in chosen},
                metrics={},
                locked_out={},
                tokens_ended={},
                messages=[row[:5] for row in rows],
            )
        pushed += [(i, seqs[i], at) for i in chosen]
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
    Path(path).write_text(json.dumps(pushed))


# -- the run -----------------------------------------------------------------------------------------------------------


class Process:
    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            arguments,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
        )

    def ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended")
        return line

    def memory(self) -> int:
        """Resident, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()


@contextmanager
def running(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(*arguments: object, env: dict[str, str] | None = None) -> Process:
    return Process(sys.executable, *map(str, arguments), env=env)


def serve(port: int, env: dict[str, str]) -> Process:
    server = python("manage.py", "serve", "--host", "127.0.0.1", "--port", port, env=env)
    server.line()
    time.sleep(1)
    return server


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(name: str, server: Process, port: int, env: dict[str, str], wanted: argparse.Namespace, bare: bool) -> None:
    sockets, rate, seconds = wanted.sockets, wanted.rate, wanted.seconds
    folder = Path(wanted.folder)
    me = ("-m", "benchmarks.sockets")
    before = server.memory()
    with running(python("-m", "benchmarks.held_sockets", port, sockets, int(bare), env=env)) as holder:
        connecting = server.cpu()
        opened = holder.ask("connect")
        connecting = server.cpu() - connecting
        time.sleep(2)
        held = (server.memory() - before) / sockets
        idle = server.cpu()
        time.sleep(10)
        cpu = server.cpu()
        idle = (cpu - idle) / 10
        pusher = python(*me, "push", sockets, rate, seconds, int(bare), 1, folder / "pushed", env=env)
        pusher.process.wait()
        cpu = server.cpu() - cpu
        time.sleep(2)
        report = holder.ask(f"report {folder / 'heard'}")
        pushed = {(i, seq): at for i, seq, at in json.loads((folder / "pushed").read_text())}
        heard = {(i, seq): at for i, seq, at in json.loads((folder / "heard").read_text())}
        late = [1000 * (heard[key] - at) for key, at in pushed.items() if key in heard]
        print(
            f"{name}: {opened['open']:,} sockets, {sockets / opened['seconds']:,.0f} connects/s, "
            f"{1e6 * connecting / sockets:.0f} µs of CPU each, {held / 1024:.1f} KB a socket\n"
            f"  {len(pushed):,} pushed, {len(heard):,} heard, {len(pushed.keys() - heard.keys())} missing, "
            f"{report['wrong']} out of order or twice\n"
            f"  commit to client: p50 {percentile(late, 0.5):.1f} ms, p99 {percentile(late, 0.99):.1f} ms, "
            f"worst {max(late):.0f} ms\n"
            f"  CPU a push {1e6 * cpu / len(pushed):.0f} µs, of which the same sockets idle take "
            f"{1e6 * idle * seconds / len(pushed):.0f} µs ({100 * idle:.1f} % of a core)",
            flush=True,
        )
        if not bare:
            restart(server, holder, port, env, sockets)


def restart(server: Process, holder: Process, port: int, env: dict[str, str], sockets: int) -> None:
    started = time.monotonic()
    server.end(signal.SIGTERM)
    ended = time.monotonic() - started
    holder.ask("lost")
    with running(serve(port, env)) as anew:
        cpu = anew.cpu()
        back = holder.ask("connect")
        print(
            f"  restart: ended in {ended:.1f} s; once it listens, all {back['open']:,} of {sockets:,} "
            f"back and caught up in {back['seconds']:.1f} s, {1e6 * (anew.cpu() - cpu) / sockets:.0f} µs of CPU each",
            flush=True,
        )


def database(env: dict[str, str], sockets: int) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env={**os.environ, **env}, check=True)
    made = python("-m", "benchmarks.sockets", "players", sockets, env=env)
    made.process.wait()


def players(sockets: int) -> None:
    _django()
    from progress.models import Player

    Player.objects.bulk_create([Player(player_id=f"p{n}") for n in range(sockets)], batch_size=1000)


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in ("push", "players"):
        work, *given = sys.argv[1:]
        if work == "players":
            players(int(given[0]))
        else:
            push(*map(int, given[:3]), given[3] == "1", int(given[4]), given[5])  # type: ignore[misc]
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--modules", default=str(HERE.parent), help="a folder whose node_modules has ws")
    parser.add_argument("--folder", default="/tmp")
    wanted = parser.parse_args()
    raise_open_files()
    with databases.empty(is_sqlite=False) as made:
        env = environment(made, wanted.sockets)
        database(env, wanted.sockets)
        if shutil.which("node") and (Path(wanted.modules) / "node_modules/ws").exists():
            port = free_port()
            node = Process("node", str(HERE / "bare.mjs"), str(port), *REDIS, CHANNEL, f"{wanted.modules}/x.js")
            with running(node):
                node.line()
                measure("Node ws, a Map", node, port, env, wanted, True)
        else:
            print("No node, or no ws for it: that part is left out.")
        port = free_port()
        with running(serve(port, env)) as server:
            measure("the feed", server, port, env, wanted, False)


def environment(made: Database, sockets: int) -> dict[str, str]:
    redis = {"REDIS_HOST": REDIS[0], "REDIS_PORT": REDIS[1], "RABBITMQ_URL": "", "LOG_LEVEL": "WARNING"}
    return {**made.environment(), **redis, "WS_MAX_CONNECTIONS": str(sockets + 100), "SECRET_KEY": "x" * 60}


if __name__ == "__main__":
    main()
