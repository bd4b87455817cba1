"""Prints the retention triangle of an export, as CSV: of the players of each first day, how many played n days later.

    python retention_triangle.py events.jsonl --zone Europe/Madrid > triangle.csv

`events.jsonl` is what `manage.py export events --format jsonl` writes, of all days; `--zone` is the deployment's
TIME_ZONE. Needs Python alone. `GET /analytics/retention` says the same.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

DAYS = 64
OWN = ("achievement.completed", "quest.completed", "reward.claimed", "level.reached")
"""Events that the service states itself: by these nobody has played."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--zone", type=ZoneInfo, default=ZoneInfo("UTC"))
    parser.add_argument("--today", type=date.fromisoformat, help="days after it are to come; by default today")
    asked = parser.parse_args()
    days: defaultdict[str, set[date]] = defaultdict(set)
    with asked.events.open() as lines:
        for line in lines:
            event = json.loads(line)
            if event["type"] not in OWN:
                at = datetime.fromisoformat(event["timestamp"])
                days[event["player_id"]].add(at.astimezone(asked.zone).date())
    returned: defaultdict[date, Counter[int]] = defaultdict(Counter)
    for active in days.values():
        first = min(active)
        returned[first].update((day - first).days for day in active)
    today = asked.today or datetime.now(asked.zone).date()
    out = csv.writer(sys.stdout)
    out.writerow(["first_day", "players", *(f"D{n}" for n in range(DAYS))])
    for first, counts in sorted(returned.items()):
        known = (counts[n] if first + timedelta(days=n) <= today else "" for n in range(DAYS))
        out.writerow([first, counts[0], *known])


if __name__ == "__main__":
    main()
