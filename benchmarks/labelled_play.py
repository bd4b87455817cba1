"""Made-up play of labelled players: honest ones as awkward as we can think of, and cheats. `make evaluate` plays it.

    python -m benchmarks.labelled_play FOLDER --honest N --cheats N --seed S --most EVENTS

writes FOLDER/events.jsonl, in the order of arrival, and FOLDER/labels.csv. What a player does depends
on the seed, the kind and the player alone.
"""

from __future__ import annotations

import argparse
import csv
import heapq
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from benchmarks.awkward_play import AWKWARD, REWARDED, rewarded
from benchmarks.cheating_play import CHEATS
from benchmarks.everyday_play import EVERYDAY
from benchmarks.honest_play import HONEST, HOUR, Act


def players(honest: int, cheats: int, seed: int) -> Iterator[tuple[str, str, Iterator[Act]]]:
    """(player, class, what they do), so many of each kind."""
    for kinds, many in ((HONEST | AWKWARD | EVERYDAY, honest), (CHEATS, cheats)):
        for kind, play in kinds.items():
            for number in range(many):
                acts = play(Random(f"{seed} {kind} {number // 2 if kind == 'twin' else number}"))
                if kind in ("siblings", "twin"):
                    acts = _sharing(f"{kind}-{number // 2}", acts)
                if kind in REWARDED:
                    acts = rewarded(Random(f"{seed} {kind} {number} rewarded"), acts)
                if kind == "twin" and number % 2:
                    acts = (act._replace(at=act.at + 4 * HOUR) for act in acts)
                yield f"{kind}-{number}", kind if kinds is CHEATS else "honest", acts


def _sharing(device: str, acts: Iterator[Act]) -> Iterator[Act]:
    return (act._replace(data={**act.data, "device": device}) for act in acts)


def _ordered(player_id: str, acts: Iterator[Act]) -> Iterator[tuple[float, str, int, Act]]:
    found = [(act.at + 0.05 if act.received is None else act.received, act) for act in acts]
    found.sort(key=lambda each: each[0])
    return ((received, player_id, number, act) for number, (received, act) in enumerate(found))


@lru_cache(maxsize=512)
def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(number)).isoformat()


def instant(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1_000), 60_000)
    day, minute = divmod(minutes, 1_440)
    return f"{_day(day)}T{minute // 60:02}:{minute % 60:02}:{milliseconds / 1_000:06.3f}Z"


def lines(
    honest: int, cheats: int, seed: int, labels: dict[str, str], most: int | None = None
) -> Iterator[dict[str, Any]]:
    """All events in the order of arrival, the first so many of each honest player; `labels` is filled in."""
    number = count()
    streams = []
    for player_id, label, acts in players(honest, cheats, seed):
        labels[player_id] = label
        streams.append(_ordered(player_id, islice(acts, most if label == "honest" else None)))
    for received, player_id, _, act in heapq.merge(*streams, key=lambda each: each[:3]):
        yield {
            "id": f"e{next(number)}", "player_id": player_id, "type": act.type, "data": act.data,
            "timestamp": instant(act.at), "received_at": instant(received),
        }  # fmt: skip


def write(folder: Path, honest: int, cheats: int, seed: int, most: int | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, str] = {}
    with (folder / "events.jsonl").open("wb") as file:
        for line in lines(honest, cheats, seed, labels, most):
            file.write(_encode(line) + b"\n")
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("player_id", "class"), *sorted(labels.items())])


_encode = msgspec.json.Encoder().encode


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes labelled play.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--honest", type=int, default=40, help="players of each honest kind (40)")
    parser.add_argument("--cheats", type=int, default=20, help="players of each kind of cheat (20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, help="events of each honest player at most (all)")
    asked = parser.parse_args()
    write(asked.folder, asked.honest, asked.cheats, asked.seed, asked.most)


if __name__ == "__main__":
    main()
