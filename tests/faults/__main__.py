"""`python -m tests.faults`: events are sent while everything around them is killed; then the books are checked.

--events 100000 --kills 20     the long one, `make chaos`
--events 3000 --kills 6        the short one, which the suite runs
--seed 7                       the same story and the same order of faults again
--broker amqp://…              a RabbitMQ that is only cut off, not killed; without it one is started to be killed
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.support.servers import Missing, PostgreSQL, RabbitMQ, Redis, Server


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--broker", default="")
    parser.add_argument("--patience", type=float, default=120, help="seconds that nothing may happen for")
    parser.add_argument("--show-log", action="store_true", help="what the workers said")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="faults-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        try:
            database, cache = (begun(server(home), stack) for server in (PostgreSQL, Redis))
            broker = None if options.broker else begun(RabbitMQ(home), stack)
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 77
        os.environ.update(
            DJANGO_SETTINGS_MODULE="gamification.settings",
            DB_HOST="127.0.0.1",
            DB_PORT=str(database.port),
            DB_USER="postgres",
            DB_NAME="postgres",
            REDIS_HOST="127.0.0.1",
            REDIS_PORT=str(cache.port),
            RABBITMQ_URL=options.broker or broker.url,  # type: ignore[union-attr]
            RABBITMQ_EXCHANGE=f"faults-{os.getpid()}",
            LOG_LEVEL="WARNING",
        )
        # By name: only now is there something for the settings to read.
        driver = importlib.import_module("tests.faults.driver")
        return int(driver.run(options, home=home, database=database, cache=cache, broker=broker))


def begun(server: Server, stack: ExitStack) -> Server:
    stack.callback(server.kill)
    server.start()
    return server


if __name__ == "__main__":
    sys.exit(main())
