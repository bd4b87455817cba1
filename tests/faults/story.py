"""What is played while things break: the same for a seed, and with one right ending whatever the order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gamification.kernel.content.publishing import Change
from gamification.kernel.core.encoding import instant
from tests.support.content import achievement, metric, publish, requirement, reward

BEGINNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SIZES = (1, 1, 1, 2, 7, 20, 50, 200, 500)
"""Events a message."""
REFUSED = "refused-"
"""How the ids begin that the database is made to refuse."""


@dataclass
class Story:
    """`events` are good ones, each once; `messages` tell them all with duplicates and poison, shuffled."""

    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    poison: set[bytes] = field(default_factory=set)


def tell(seed: int, size: int) -> Story:
    """`size` arrivals: 30 in 100 say again what was said, 1 in 100 is poison of one of three kinds."""
    dice = random.Random(seed)
    story = Story()
    players = [f"p{n:04}" for n in range(max(20, size // 200))]
    favours = [1 / (n + 1) for n in range(len(players))]
    repeated, bad = size * 3 // 10, max(3, size // 100)
    for n, player in enumerate(dice.choices(players, favours, k=size - repeated - bad)):
        story.events.append(_event(dice, f"e{n:06}", player, n))
    arrivals = [json.dumps(event) for event in story.events]
    arrivals += [json.dumps(event) for event in dice.choices(story.events, k=repeated)]
    for n in range(bad):
        event = _event(dice, f"{REFUSED}{n}", dice.choice(players), n)
        if n % 3 == 1:
            event |= {"id": f"bad-{n}", "timestamp": "yesterday"}
        if n % 3 != 2:
            story.poison.add(json.dumps(event).encode())
            arrivals.append(json.dumps(event))
    dice.shuffle(arrivals)
    story.messages = list(_messages(dice, arrivals))
    for n in range(2, bad, 3):
        garbage = f"no JSON {n}".encode()
        story.poison.add(garbage)
        story.messages.insert(dice.randrange(len(story.messages)), garbage)
    return story


def _event(dice: random.Random, id_: str, player: str, n: int) -> dict[str, Any]:
    type_, data = dice.choice(
        [
            ("enemy.killed", {}),
            ("coin.found", {"amount": dice.randint(1, 9)}),
            ("boss.hit", {"damage": dice.randint(1, 1_000)}),
            ("place.seen", {"place": f"place-{dice.randrange(30)}"}),
        ]
    )
    at = BEGINNING + timedelta(seconds=n, microseconds=dice.randrange(10**6))
    return {"id": id_, "player_id": player, "type": type_, "data": data, "timestamp": instant(at)}


def _messages(dice: random.Random, arrivals: list[str]) -> Iterator[bytes]:
    rest = list(arrivals)
    while rest:
        size = dice.choice(SIZES)
        part, rest = rest[:size], rest[size:]
        yield (part[0] if len(part) == 1 else f"[{', '.join(part)}]").encode()


def content() -> list[Change]:
    """Only what SPEC §3 promises to end the same for every order, batching and duplication."""
    found = [
        metric("kills"),
        metric("coins", "coin.found", value_field="amount"),
        metric("damage", "boss.hit", value_field="damage"),
        metric("places", "place.seen", member_field="place"),
        reward("purse", value=5),
        reward("gem", currency="gem", value=1),
    ]
    for threshold in (1, 5, 25, 125):
        found.append(achievement(f"kills-{threshold}", requirement("COUNT", "kills", threshold), rewards=["purse"]))
    for threshold in (10, 100, 1_000):
        found.append(achievement(f"coins-{threshold}", requirement("SUM", "coins", threshold), rewards=["purse"]))
    for threshold in (500, 900, 990):
        found.append(achievement(f"damage-{threshold}", requirement("MAX", "damage", threshold), rewards=["gem"]))
    for threshold in (3, 10, 25):
        found.append(achievement(f"places-{threshold}", requirement("DISTINCT", "places", threshold), rewards=["gem"]))
    found.append(
        achievement(
            "all-round",
            requirement("COUNT", "kills", 10),
            requirement("SUM", "coins", 50),
            rewards=["purse", "purse", "gem"],
        )
    )
    return found


def prepare() -> None:
    publish(*content(), now=BEGINNING)
