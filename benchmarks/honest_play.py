"""Honest players, as awkward as we can think of: each function yields what one of them does, as luck has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

START = 1_767_571_200.0
"""Monday, 5 January 2026, in seconds."""
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
ACTIONS = ("enemy.killed", "item.collected", "level.completed", "chest.opened", "trade.done", "spell.cast")


class Act(NamedTuple):
    at: float
    type: str
    data: dict[str, Any]
    received: float | None = None


Play = Iterator[Act]


def human_gap(luck: Random, median: float, sigma: float = 0.9) -> float:
    """Log-normal, with a look away now and then."""
    gap = luck.lognormvariate(math.log(median), sigma)
    return gap + (luck.uniform(20, 240) if luck.random() < 0.02 else 0.0)


def action(luck: Random, weights: tuple[float, ...] = (10, 6, 1, 2, 1, 4)) -> tuple[str, dict[str, Any]]:
    type_ = luck.choices(ACTIONS, weights)[0]
    return type_, {"amount": round(luck.lognormvariate(3, 0.5), 2), "zone": luck.randrange(9)}


def sitting(luck: Random, at: float, seconds: float, median: float, sigma: float = 0.9) -> Play:
    """Somebody plays for a while."""
    end, favourite = at + seconds, luck.uniform(0.5, 2)
    while at < end:
        type_, data = action(luck, (10 * favourite, 6, 1, 2, 1, 4))
        yield Act(at, type_, data)
        at += human_gap(luck, median, sigma)


def evening(luck: Random, day: int) -> float:
    return START + day * DAY + luck.gauss(19, 1.5) * HOUR


def casual(luck: Random) -> Play:
    median = luck.uniform(3, 15)
    for day in range(14):
        if luck.random() < 0.6:
            yield from sitting(luck, evening(luck, day), luck.uniform(10, 60) * MINUTE, median)


def grinder(luck: Random) -> Play:
    """One thing over and over, with the game's own animation in every gap."""
    least, median = luck.uniform(0.8, 2), luck.uniform(1, 3)
    for day in range(6):
        at = evening(luck, day)
        end = at + luck.uniform(1, 2.5) * HOUR
        while at < end:
            yield Act(at, "enemy.killed" if luck.random() < 0.8 else "item.collected", {"amount": luck.randint(5, 40)})
            at += least + human_gap(luck, median, 0.8)


def rhythm(luck: Random) -> Play:
    """Notes of songs: whole, half and quarter beats, with a hand's jitter."""
    for day in range(5):
        at = evening(luck, day)
        for _ in range(luck.randint(4, 8)):
            beat = 60 / luck.uniform(90, 170)
            for _ in range(luck.randint(60, 140)):
                yield Act(at + luck.gauss(0, 0.012), "note.hit", {"score": luck.randint(1, 300)})
                at += beat * luck.choices((0.5, 1, 2, 4), (4, 6, 2, 1))[0]
            yield Act(at, "song.finished", {"score": luck.randint(1_000, 90_000)})
            at += luck.uniform(8, 60)


def idle(luck: Random) -> Play:
    """A game left open for hours, or days, that says every 30 seconds that it is there."""
    at = evening(luck, 0)
    for _ in range(luck.randint(1, 2)):
        end = at + luck.uniform(3, 30) * HOUR
        collected = at + luck.uniform(10, 60) * MINUTE
        while at < end:
            yield Act(at, "game.heartbeat", {"gold": luck.randint(100, 900)})
            if at > collected and 8 <= (at % DAY) / HOUR <= 23:
                yield Act(at + luck.uniform(0, 29), "gold.collected", {"gold": luck.randint(1_000, 9_000)})
                collected = at + human_gap(luck, 30 * MINUTE)
            at += 30 + luck.gauss(0, 0.2)
        at += luck.uniform(5, 20) * HOUR


def marathon(luck: Random) -> Play:
    at = START + 5 * DAY + luck.uniform(7, 10) * HOUR
    yield from sitting(luck, at, luck.uniform(13, 19) * HOUR, luck.uniform(15, 40))
    yield from sitting(luck, at + luck.uniform(30, 40) * HOUR, luck.uniform(2, 9) * HOUR, luck.uniform(15, 40))


def shift_worker(luck: Random) -> Play:
    """Early, late and night shifts, two days each; plays when neither at work nor asleep, and in a break."""
    free = {0: (16.0, 21.5), 1: (9.0, 12.5), 2: (16.0, 20.5)}
    breaks = {0: 10.0, 1: 18.0, 2: 26.0}
    first = luck.randrange(6)
    for day in range(12):
        shift = (first + day) // 2 % 3
        begin, end = free[shift]
        at = START + day * DAY + (begin + luck.uniform(0, 1)) * HOUR
        yield from sitting(luck, at, (end - begin - 1) * luck.uniform(0.5, 1) * HOUR, luck.uniform(20, 40))
        if luck.random() < 0.7:
            at = START + day * DAY + (breaks[shift] + luck.uniform(0, 0.5)) * HOUR
            yield from sitting(luck, at, 15 * MINUTE, 15)


def commuter(luck: Random) -> Play:
    """Plays in the underground: what happened there arrives in bulk, once there is a net; some of it in pieces."""
    for day in range(10):
        for hour in (7.5, 17.5):
            at = START + day * DAY + (hour + luck.uniform(0, 0.7)) * HOUR
            yield from sitting(luck, at, 5 * MINUTE, 6)
            offline = list(sitting(luck, at + 6 * MINUTE, luck.uniform(10, 40) * MINUTE, 6))
            back = offline[-1].at + luck.uniform(30, 200)
            piece = luck.choice((1, 20, 1_000))
            for number, act in enumerate(offline):
                yield act._replace(received=back + number // piece * luck.uniform(0.1, 0.5))
            yield from sitting(luck, back + 60, 3 * MINUTE, 6)


def skewed(luck: Random) -> Play:
    """A clock that goes wrong by as much as an hour, and is set right once."""
    behind = luck.choice((1, 4, 5.01, 6, 20, 60)) * MINUTE
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(20, 60) * MINUTE, 7):
            wrong = behind if day < 6 else 0
            yield act._replace(at=act.at - wrong, received=act.at + luck.uniform(0.05, 2))


def siblings(luck: Random) -> Play:
    """One of two who share a device."""
    for day in range(10):
        yield from sitting(luck, evening(luck, day), luck.uniform(20, 60) * MINUTE, luck.uniform(4, 12))


def turns(luck: Random) -> Play:
    """A game of turns by post: minutes pass between them, and two event types alternate."""
    for day in range(20):
        at = START + day * DAY + luck.uniform(8, 20) * HOUR
        for _ in range(luck.randint(5, 12)):
            yield Act(at, "turn.began", {})
            at += human_gap(luck, 60)
            yield Act(at, "turn.ended", {"moves": luck.randint(1, 5)})
            at += human_gap(luck, 300)


def whole_seconds(luck: Random) -> Play:
    """A quick game whose server writes whole seconds."""
    for day in range(5):
        for act in sitting(luck, evening(luck, day), 25 * MINUTE, 2.5):
            yield act._replace(at=float(int(act.at)))


def clicker(luck: Random) -> Play:
    """Bursts of clicks, several at one instant, and pauses to look."""
    for day in range(4):
        at = evening(luck, day)
        for _ in range(luck.randint(30, 60)):
            for _ in range(luck.randint(3, 15)):
                yield Act(at, "item.collected", {"amount": 1})
                at += max(0.0, luck.gauss(0.25, 0.18))
            at += human_gap(luck, 6)


def newcomer(luck: Random) -> Play:
    """A first hour: a tutorial shows nearly everything there is."""
    at = evening(luck, 0)
    for number in range(14):
        yield Act(at, f"tutorial.step{number}", {})
        at += human_gap(luck, 8, 0.7)
    yield from sitting(luck, at, 40 * MINUTE, 6)


def sleepless(luck: Random) -> Play:
    """Looks in at any hour: short visits, day and night, for two weeks."""
    at = START
    while at < START + 14 * DAY:
        yield from sitting(luck, at, luck.uniform(1, 8) * MINUTE, 7)
        at += luck.uniform(1.5, 5) * HOUR if 7 <= (at % DAY) / HOUR <= 24 else luck.uniform(3, 8) * HOUR


def veteran(luck: Random) -> Play:
    """Hits as hard as only years of play allow."""
    power = luck.lognormvariate(1.0, 0.6)
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(1, 3) * HOUR, 4):
            yield act._replace(data={**act.data, "amount": act.data["amount"] * power})


HONEST: dict[str, Callable[[Random], Play]] = {
    "casual": casual, "grinder": grinder, "rhythm": rhythm, "idle": idle, "marathon": marathon,
    "shift_worker": shift_worker, "commuter": commuter, "skewed": skewed, "siblings": siblings, "turns": turns,
    "whole_seconds": whole_seconds, "clicker": clicker, "newcomer": newcomer, "sleepless": sleepless,
    "veteran": veteran,
}  # fmt: skip
