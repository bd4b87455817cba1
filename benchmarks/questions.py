"""How long each question of analytics takes over 400 days, where a million players have played all of them.

`python -m benchmarks.questions` makes a database of its own on PostgreSQL, fills the tables of figures by the database
itself, asks each route several times, and drops it. `--keep` leaves it there, and says its name.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta
from typing import Any

MOST = 0.3
"""Seconds."""
DAYS = 400
ACHIEVEMENTS, QUESTS, REWARDS, TYPES, STEPS = 100, 40, 60, 50, 6
POPULAR = 10
"""Achievements that thousands complete a day: their durations are in this many buckets a day."""
BUCKETS, FEW_BUCKETS = 120, 20
ROWS = {
    "game": "SELECT 'game', '', day, m, 30000 + n % 999 FROM days, unnest(ARRAY['active', 'new', 'events',"
    " 'completions', 'quests_completed', 'claims', 'new returned', 'active in week', 'active in month']) AS m",
    "retention": "SELECT 'retention', lpad(k::text, 2, '0'), day, 'players', 2500 / (k + 1) FROM days,"
    " generate_series(0, 63) AS k WHERE n + k < 400",
    "achievements": f"SELECT 'achievement', 'a' || c, day, m, 1 + n % 99 FROM days, generate_series(1, {ACHIEVEMENTS})"
    " AS c, unnest(ARRAY['begun', 'quarter', 'half', 'three_quarters', 'completed', 'claims', 'players', 'early',"
    " 'early returned', 'pays gold']) AS m",
    "durations": f"SELECT 'achievement', 'a' || c, day, m || ' ' || b, 1 + n % 9 FROM days,"
    f" generate_series(1, {ACHIEVEMENTS}) AS c, unnest(ARRAY['seconds', 'played']) AS m,"
    f" generate_series(1, CASE WHEN c <= {POPULAR} THEN {BUCKETS} ELSE {FEW_BUCKETS} END) AS b",
    "quests": f"SELECT 'quest', 'q' || c, day, m, 1 + n % 99 FROM days, generate_series(1, {QUESTS}) AS c,"
    " unnest(ARRAY['begun', 'completed', 'failed', 'expired', 'abandoned', 'claims', 'players', 'early']) AS m",
    "funnels": f"SELECT 'funnel', 'q' || c, day, m || ' 1 s' || s, 1 + n % 99 FROM days,"
    f" generate_series(1, {QUESTS}) AS c, generate_series(1, {STEPS}) AS s, unnest(ARRAY['reached', 'completed']) AS m",
    "rewards": f"SELECT 'reward', 'r' || c, day, m, 1 + n % 99 FROM days, generate_series(1, {REWARDS}) AS c,"
    " unnest(ARRAY['claims', 'players']) AS m",
    "events": f"SELECT 'event', 't' || c, day, m, 1 + n % 99 FROM days, generate_series(1, {TYPES}) AS c,"
    " unnest(ARRAY['events', 'late', 'held', 'valueless', 'rejected id_reused', 'rejected too_old']) AS m"
    " WHERE m = 'events' OR (c + n) % 3 = 0",
    "money": "SELECT 'currency', cur, day, m, 1 + n % 99 FROM days, unnest(ARRAY['gold', 'gems', 'dust']) AS cur,"
    " unnest(ARRAY['in ACHIEVEMENT', 'in QUEST', 'in QUEST_STEP', 'in LEVEL', 'in GRANT', 'out SPEND', 'out REVOKE'])"
    " AS m",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    from django.db import connection

    if connection.vendor != "postgresql":
        sys.exit("This is about PostgreSQL: set DB_HOST.")
    connection.settings_dict["TEST"]["NAME"] = "gamification_questions"
    from django.test.utils import setup_test_environment

    setup_test_environment()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        _fill()
        return _ask(asked.rounds)
    finally:
        if asked.keep:
            print(f"kept: {name}")
        else:
            connection.creation.destroy_test_db("", verbosity=0)


def _fill() -> None:
    from django.db import connection
    from django.utils import timezone

    from tests.support.content import achievement, metric, publish, quest, requirement, reward, step

    hunting = requirement("COUNT", "m1", 5)
    publish(
        *(metric(f"m{n}", f"t{n}") for n in range(1, TYPES)),
        *(reward(f"r{n}") for n in range(1, REWARDS + 1)),
        *(achievement(f"a{n}", hunting) for n in range(1, ACHIEVEMENTS + 1)),
        *(
            quest(f"q{n}", *(step(f"s{s}", hunting, order=s) for s in range(1, STEPS + 1)))
            for n in range(1, QUESTS + 1)
        ),
        now=timezone.now(),
    )
    days = (
        f"WITH days AS (SELECT n, CURRENT_DATE - {DAYS - 1} + n AS day FROM generate_series(0, {DAYS - 1}) AS n),"
        f" rows (kind, subject, day, measure, amount) AS ({' UNION ALL '.join(ROWS.values())})"
    )
    with connection.cursor() as cursor:
        cursor.execute(  # a day after the other, as they grow
            f"{days} INSERT INTO analytics_rollup (kind, subject, day, measure, amount) SELECT * FROM rows ORDER BY day"
        )
        print(f"{cursor.rowcount:,} figures of {DAYS} days")
        cursor.execute(
            "INSERT INTO progress_metricday (metric_id, day, samples, no_value)"
            " SELECT 'm' || c, CURRENT_DATE - n, 9, 9"
            f" FROM generate_series(1, {TYPES - 1}) AS c, generate_series(0, {DAYS - 1}) AS n"
        )
        cursor.execute("VACUUM ANALYZE analytics_rollup")
        cursor.execute("ANALYZE progress_metricday")


def _ask(rounds: int) -> int:
    from django.utils import timezone

    from tests.support.callers import game_server

    client, today = game_server("analytics:read"), timezone.now().date()
    first = today - timedelta(days=DAYS - 1)
    slow = 0
    some = ("achievement/a1", f"achievement/a{POPULAR + 1}", "quest/q1", "reward/r1")
    of_content = [f"content/{each}" for each in some]
    for path in ("summary", "retention", *of_content, "economy/gold", "funnel/q1", "unused", "quality"):
        for group in ("day", "month"):
            asked: dict[str, Any] = {"from": first.isoformat(), "to": today.isoformat()}
            if path.split("/")[0] not in ("retention", "funnel", "unused"):
                asked["group_by"] = group
            elif group == "month":
                continue
            wall, own = [], []
            for _ in range(rounds + 1):
                began, used = time.perf_counter(), time.process_time()
                answer = client.get(f"/api/v1/analytics/{path}", asked)
                wall.append(time.perf_counter() - began)
                own.append(time.process_time() - used)
            assert answer.status_code == 200, answer.content
            took = sorted(wall[1:])[rounds // 2]
            slow += took > MOST
            print(f"{took * 1000:7.0f} ms, of which {sorted(own[1:])[rounds // 2] * 1000:4.0f} ms are this process's; "
                  f"{len(answer.content) / 1000:7,.0f} kB  {path} by {group}")  # fmt: skip
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
