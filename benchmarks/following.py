"""How many events a second of one core the follower of analytics counts, and how much the database works for it.

`python -m benchmarks.following` makes a database of its own on PostgreSQL, fills the log of events by the database
itself (players by a skewed law, in the order of arrival), follows it to its end, and drops it. A core's seconds are
this process's; what PostgreSQL's own process took is what else the wall's clock shows on an idle machine.
"""

from __future__ import annotations

import argparse
import sys
import time

LEAST = 20_000
TYPES, ACHIEVEMENTS = 20, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--players", type=int, default=5_000)
    asked = parser.parse_args()
    from django.db import connection

    if connection.vendor != "postgresql":
        sys.exit("This is about PostgreSQL: set DB_HOST.")
    connection.settings_dict["TEST"]["NAME"] = "gamification_following"

    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        return _measure(asked.events, asked.players)
    finally:
        connection.creation.destroy_test_db("gamification", verbosity=0)


def _measure(events: int, players: int) -> int:
    from django.db import connection
    from django.utils import timezone

    from gamification.analytics import following
    from gamification.analytics.logs import OF_EVENTS
    from tests.support.content import achievement, metric, publish, requirement

    publish(
        *(metric(f"m{n}", f"t{n}", value_field="v" if n % 2 else None) for n in range(TYPES)),
        *(achievement(f"a{n}", requirement("COUNT", f"m{n % TYPES}", 1 << n % 20)) for n in range(ACHIEVEMENTS)),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_event (player_id, event_id, type, data, timestamp, received_at, state)"
            " SELECT 'p' || floor(%s * power(random(), 3)), 'e' || n, 't' || n %% %s,"
            " %s, now() - (%s - n) * interval '5 seconds', now(), 0 FROM generate_series(1, %s) AS n",
            [players, TYPES, '{"v": 3, "zone": "north"}', events, events],
        )
        cursor.execute("ANALYZE kernel_event")
    following.TIME_SLICE = float("inf")
    began, used = time.perf_counter(), time.process_time()
    following.follow(timezone.now())
    wall, own = time.perf_counter() - began, time.process_time() - used
    assert OF_EVENTS.behind() == 0
    print(f"{events:,} events of {players:,} players in pages of {following.PAGE:,}:")
    print(f"{events / own:,.0f} a second of a core, {events / wall:,.0f} by the wall")
    return 0 if events / own >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
