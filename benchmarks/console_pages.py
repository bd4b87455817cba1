"""How long each page of the console takes with 200,000 players and 5 million events.

`python -m benchmarks.console_pages` makes a database of its own on PostgreSQL, fills it by COPY, asks for every page
once and then up to three times, of which it takes the quickest, and drops it. `--players N --events N` (a player) for a
smaller crowd.
tests/console/test_at_scale.py asks the same of 10,000 players: counted queries and plans.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import NoReturn

MOST_SECONDS, MOST_QUERIES = 1.0, 25
MOST_READ = 0.1
"""What part of a table of players one plan may read."""
TRIES, SURE = 3, 0.3
"""How often a page is asked for that takes longer than so many seconds: the machine may do other things too."""
DATABASE = "gamification_console_pages"


def begin_anew() -> NoReturn:
    """The same command once more, with a database of its own on PostgreSQL, and no other servers."""
    of_its_own = {"DB_NAME": DATABASE, "RABBITMQ_URL": "", "REDIS_HOST": ""}
    where = {"DB_HOST": "127.0.0.1", "DB_USER": "postgres", **os.environ, **of_its_own}
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks.console_pages", *sys.argv[1:]], where)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--players", type=int, default=200_000)
    parser.add_argument("--events", type=int, default=25, help="of each player")
    parser.add_argument("--rows", type=int, default=2, help="of each player in every other table")
    asked = parser.parse_args()
    if os.environ.get("DB_NAME") != DATABASE:  # the package has set Django up by now, on whatever there was
        begin_anew()
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return _measure(asked.players, asked.events, asked.rows)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def _measure(players: int, events: int, rows: int) -> int:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tests.support import console_pages, crowd, plans

    began = time.perf_counter()
    crowd.content()
    with crowd.without_indexes():
        crowd.fill(players, rows=rows, events=events)
    player = crowd.name(players // 2)
    large = plans.sizes(model._meta.db_table for model in crowd.owned())
    print(f"{players:,} players, {large['kernel_event']:,} events, made in {time.perf_counter() - began:.0f} s")
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"))
    found: list[tuple[float, int, str, int]] = []
    whole: list[str] = []
    for path in [*console_pages.own_pages(player), *console_pages.of_screens(client, player)]:
        client.get(path)
        took = float("inf")
        for _ in range(TRIES):
            with CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                status = client.get(path).status_code
                took = min(took, time.perf_counter() - began)
            if took < SURE:
                break
        queries = [query["sql"] for query in captured.captured_queries]
        found.append((took, len(queries), path, status))
        whole += [
            f"{path}: {told}" for sql in dict.fromkeys(queries) for told in plans.read_whole(sql, large, MOST_READ)
        ]
    found.sort(reverse=True)
    for took, queries_, path, status in found[:20]:
        print(f"{took * 1000:7.0f} ms {queries_:4} queries {status} {path}")
    slow = [each for each in found if each[0] > MOST_SECONDS or each[1] > MOST_QUERIES or each[3] >= 400]
    median, worst = found[len(found) // 2][0] * 1000, found[0][0] * 1000
    over = f"{len(slow)} over {MOST_SECONDS:g} s, {MOST_QUERIES} queries or refused"
    print(f"{len(found)} pages; median {median:.0f} ms, worst {worst:.0f} ms; {over}")
    print("\n".join(whole) or "every plan reads a part of the players' tables")
    return 1 if slow or whole else 0


if __name__ == "__main__":
    sys.exit(main())
