"""Servers of one's own, to be killed: nobody else's PostgreSQL or RabbitMQ is touched."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.support.waiting import until

ESTABLISHED = "01"


class Missing(Exception):
    """This machine does not have what it takes; the text says what."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *places: str) -> str:
    found = shutil.which(name)
    for place in places:
        found = found or next((str(path) for path in sorted(Path("/").glob(f"{place}/{name}"), reverse=True)), None)
    if not found:
        raise Missing(f"there is no {name} here")
    return found


class Server:
    """A process in a session of its own, so that all of it can be killed at one blow."""

    command: list[str]
    environment: dict[str, str]

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = dict(os.environ)

    def start(self, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        with (self.home / f"{type(self).__name__}.log").open("ab") as log:
            while not self.answers():
                if self.process is None or self.process.poll() is not None:
                    self.process = subprocess.Popen(
                        self.command,
                        env=self.environment,
                        stdout=log,
                        stderr=log,
                        cwd="/",
                        start_new_session=True,
                    )
                if time.monotonic() > deadline:
                    raise Missing(f"{type(self).__name__} does not start, see {log.name}")
                time.sleep(0.1)

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            until(lambda: not self.answers())  # what it started takes a moment to die

    def pause(self) -> None:
        """All of it hangs: it takes connections, and says nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):  # each has a process group of its own
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def has_unread(self) -> bool:
        """Whether somebody said something to it that it has not read yet, as Linux counts it."""
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return any(
            local.endswith(f":{self.port:04X}") and int(queues.partition(":")[2], 16) > 0 and state == ESTABLISHED
            for _, local, _, state, queues, *_ in map(str.split, lines)
        )

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class PostgreSQL(Server):
    """Refuses to run as root, so root runs it as `postgres`."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        places = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
        self.data = home / "data"
        self.data.mkdir()
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.data, "postgres")
            self.prefix = [program("runuser"), "-u", "postgres", "--"]
        subprocess.run(
            [*self.prefix, program("initdb", *places), "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync"],
            cwd="/",
            check=True,
            capture_output=True,
        )
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        self.command = [
            program("postgres", *places),
            "-D",
            str(self.data),
            *(f"--{name}={value}" for name, value in options.items()),
        ]
        if self.prefix:  # not runuser, which would stand between the signal and the server
            self.command = [program("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups", *self.command]

    def answers(self) -> bool:
        """A port that is open may belong to a server that is still repairing itself."""
        ready = [program("pg_isready", "usr/lib/postgresql/*/bin"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0


class RabbitMQ(Server):
    def __init__(self, home: Path) -> None:
        super().__init__(home)
        place = "usr/lib/rabbitmq/bin"  # Debian's own scripts insist on the system's data
        self.command = [program_in(place, "rabbitmq-server")]
        self.control = program_in(place, "rabbitmqctl")
        config = home / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.local = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 1MB\n")
        self.environment |= {
            "HOME": str(home),
            "RABBITMQ_NODENAME": f"faults-{self.port}@localhost",
            "RABBITMQ_BASE": str(home),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def alarm(self, on: bool) -> None:
        """Say that the disk is full, or that it is not."""
        limit = "100000GB" if on else "1MB"
        subprocess.run(
            [self.control, "set_disk_free_limit", limit], env=self.environment, check=True, capture_output=True
        )


class Redis(Server):
    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]


def program_in(place: str, name: str) -> str:
    path = Path("/") / place / name
    if not path.exists():
        raise Missing(f"there is no {path} here")
    return str(path)
