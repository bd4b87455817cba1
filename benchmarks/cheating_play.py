"""Cheats: each function yields what one of them does, as luck has it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.awkward_play import purse, rewarded
from benchmarks.honest_play import (
    ACTIONS,
    DAY,
    HOUR,
    MINUTE,
    START,
    Act,
    Play,
    action,
    casual,
    evening,
    human_gap,
    sitting,
)


def _bot(luck: Random, gap: Callable[[], float], days: int = 3, hours: float = 1.5) -> Play:
    for day in range(days):
        at = evening(luck, day)
        end = at + hours * HOUR
        while at < end:
            yield Act(at, *action(luck, (30, 3, 0.2, 1, 0.2, 1)))
            at += gap()


def fixed_bot(luck: Random) -> Play:
    seconds = luck.uniform(2, 12)
    return _bot(luck, lambda: seconds + luck.gauss(0, 0.01))


def jittered_bot(luck: Random) -> Play:
    seconds, jitter = luck.uniform(2, 12), luck.uniform(0.05, 0.3)
    return _bot(luck, lambda: seconds * luck.uniform(1 - jitter, 1 + jitter))


def short_bot(luck: Random) -> Play:
    """Runs only once, for as long as 320 to 500 events take."""
    seconds = luck.uniform(2, 8)
    return _bot(luck, lambda: seconds * luck.uniform(0.9, 1.1), 1, luck.uniform(320, 500) * seconds / HOUR)


def _macro(luck: Random, gap: Callable[[int], float], missed: float) -> Play:
    cycle = [luck.choice(ACTIONS) for _ in range(luck.randint(4, 9))]
    cycle[:2] = luck.sample(ACTIONS, 2)
    for day in range(3):
        at = evening(luck, day)
        for number in range(luck.randint(180, 400)):
            if luck.random() > missed:
                yield Act(at, cycle[number % len(cycle)], {"amount": luck.randint(5, 40)})
            at += gap(number % len(cycle))


def macro(luck: Random) -> Play:
    """The same keys in the same order, with a person's gaps."""
    return _macro(luck, lambda _: human_gap(luck, 4, 0.7), 0.005)


def timed_macro(luck: Random) -> Play:
    waits = [luck.uniform(0.5, 9) for _ in range(16)]
    return _macro(luck, lambda place: waits[place] * luck.uniform(0.97, 1.03), 0.0)


def always_on(luck: Random) -> Play:
    """Never sleeps, with a person's gaps."""
    return sitting(luck, START + luck.uniform(0, 24) * HOUR, luck.uniform(2.2, 4) * DAY, luck.uniform(60, 120), 0.8)


def relay(luck: Random) -> Play:
    """An account that is played around the clock, with breaks of half an hour."""
    at, end = START + luck.uniform(0, 24) * HOUR, START + 5 * DAY
    while at < end:
        span = luck.uniform(1.5, 4) * HOUR
        yield from sitting(luck, at, span, luck.uniform(40, 80))
        at += span + luck.uniform(25, 40) * MINUTE


def unlocker(luck: Random) -> Play:
    """Plays for a while, and then a tool sends all there is."""
    yield from sitting(luck, evening(luck, 0), 20 * MINUTE, 6)
    at = evening(luck, 1)
    for number in range(luck.randint(12, 40)):
        yield Act(at, f"secret.found{number}", {})
        at += luck.uniform(0.01, 0.4)


def completer(luck: Random) -> Play:
    """Achievements fall within seconds, each by another event."""
    yield from sitting(luck, evening(luck, 0), 20 * MINUTE, 6)
    at = evening(luck, 1)
    for number in range(luck.randint(6, 20)):
        yield Act(at, "level.completed", {"level": number})
        yield Act(at, "achievement.completed", {"id": f"a{number}", "type": "MILESTONE", "points": 10})
        at += luck.uniform(0.1, 0.5)


def taken_over(luck: Random) -> Play:
    """Honest for two weeks, then a program plays."""
    yield from casual(luck)
    seconds = luck.uniform(2, 8)
    for act in _bot(luck, lambda: seconds * luck.uniform(0.9, 1.1), 4):
        yield act._replace(at=act.at + 15 * DAY)


def forger(luck: Random) -> Play:
    """Values that nobody reaches."""
    for day in range(5):
        for act in sitting(luck, evening(luck, day), 40 * MINUTE, 6):
            yield act._replace(data={**act.data, "amount": act.data["amount"] * 1e5})


def backdater(luck: Random) -> Play:
    """Every few minutes an event that happened hours ago, for a day that is over."""
    for day in range(5):
        at = evening(luck, day)
        for number, act in enumerate(sitting(luck, at, 60 * MINUTE, 9)):
            yield act
            if number % 20 == 19:
                yield act._replace(at=act.at - luck.uniform(2, 20) * HOUR, received=act.at + 1)


def hasty(luck: Random) -> Play:
    """Has within moments of coming what takes others a quarter of an hour of play."""
    at = evening(luck, 9)
    yield from sitting(luck, at, luck.uniform(3, 25), 2)
    yield Act(at + 30, "achievement.completed", {"id": "daily-round", "type": "CHALLENGE", "points": 5})
    yield from rewarded(luck, sitting(luck, at + 60, HOUR, 8))


def farmer(luck: Random) -> Play:
    """Has found a purse that fills itself."""
    for day in range(8, 12):
        acts = list(sitting(luck, evening(luck, day), 90 * MINUTE, 8))
        for number, act in enumerate(acts):
            yield act
            if number % 4 == 0:
                yield purse(act.at, luck.randint(4_000, 6_000))


def twin(luck: Random) -> Play:
    """One of two accounts that one program plays on one device, in turns."""
    seconds = luck.uniform(3, 8)
    return _bot(luck, lambda: seconds * luck.uniform(0.85, 1.15))


def pausing_bot(luck: Random) -> Play:
    """Draws its gaps from a bell, and waits for a minute or three now and then."""
    seconds, share = luck.uniform(2, 12), luck.uniform(0.03, 0.15)
    return _bot(luck, lambda: max(0.1, luck.gauss(seconds, seconds * share)) + _rest(luck))


def _rest(luck: Random) -> float:
    return luck.uniform(20, 200) if luck.random() < 0.02 else 0.0


def day_bot(luck: Random) -> Play:
    """Works by day and sleeps at night."""
    seconds = luck.uniform(5, 20)
    return _bot(luck, lambda: seconds * luck.uniform(0.75, 1.25), 4, luck.uniform(3, 8))


def looter(luck: Random) -> Play:
    """A bot a third of whose acts drop something, at the same instant."""
    seconds = luck.uniform(2, 8)
    for act in _bot(luck, lambda: seconds * luck.uniform(0.9, 1.1)):
        yield act
        if luck.random() < 0.35:
            yield Act(act.at, "item.collected", {"amount": 1})


def seconds_bot(luck: Random) -> Play:
    """A bot whose client writes whole seconds."""
    seconds = luck.uniform(3, 12)
    for act in _bot(luck, lambda: seconds * luck.uniform(0.9, 1.1)):
        yield act._replace(at=float(int(act.at)))


def resting(luck: Random) -> Play:
    """Always on but for an hour or less at a time, at any time of day."""
    at = START + luck.uniform(0, 24) * HOUR
    end = at + luck.uniform(4, 6) * DAY
    while at < end:
        span = luck.uniform(5, 14) * HOUR
        yield from sitting(luck, at, span, luck.uniform(60, 120))
        at += span + luck.uniform(0.5, 1.1) * HOUR


def all_at_once(luck: Random) -> Play:
    """An account that is new, and a tool that gives all there is one and the same time."""
    at = evening(luck, 0)
    for number in range(luck.randint(12, 40)):
        yield Act(at, f"secret.found{number}", {})


def speed_hack(luck: Random) -> Play:
    """A client whose clock runs twenty times as fast: twenty times as much in an hour."""
    for day in range(4):
        yield from sitting(luck, evening(luck, day), 20 * MINUTE, 0.2, 0.5)


def dripper(luck: Random) -> Play:
    """Not detectable: a tool that sends what there is one by one, a minute or more apart."""
    yield from sitting(luck, evening(luck, 0), 20 * MINUTE, 6)
    at = evening(luck, 1)
    for number in range(luck.randint(12, 40)):
        yield Act(at, f"secret.found{number}", {})
        at += luck.uniform(60, 600)


def replayed(luck: Random) -> Play:
    """Not detectable: what a person did on one evening, again and again to the millisecond."""
    recorded = list(sitting(luck, evening(luck, 0), HOUR, 8))
    for day in range(6):
        yield from (act._replace(at=act.at + day * DAY) for act in recorded)


def mimic(luck: Random) -> Play:
    """Not detectable: a program that draws its gaps as a person's are, in the evening, for an hour."""
    return casual(luck)


def slow_bot(luck: Random) -> Play:
    """Not detectable: regular, but too rare for a sample."""
    return _bot(luck, lambda: 300.0, 5, 2)


CHEATS: dict[str, Callable[[Random], Play]] = {
    "fixed_bot": fixed_bot, "jittered_bot": jittered_bot, "short_bot": short_bot, "pausing_bot": pausing_bot,
    "day_bot": day_bot, "looter": looter, "seconds_bot": seconds_bot, "macro": macro, "timed_macro": timed_macro,
    "always_on": always_on, "resting": resting, "relay": relay, "unlocker": unlocker, "all_at_once": all_at_once,
    "completer": completer, "taken_over": taken_over, "forger": forger, "speed_hack": speed_hack,
    "backdater": backdater, "hasty": hasty, "farmer": farmer, "twin": twin, "mimic": mimic, "slow_bot": slow_bot,
    "dripper": dripper, "replayed": replayed,
}  # fmt: skip
NOT_DETECTABLE = ("mimic", "slow_bot", "dripper", "replayed")
