"""More honest players: those whose device, server, body or life makes them look like none. As `honest_play`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random

from benchmarks.honest_play import (
    ACTIONS,
    DAY,
    HOUR,
    MINUTE,
    START,
    Act,
    Play,
    action,
    evening,
    human_gap,
    sitting,
)


def imported(luck: Random) -> Play:
    """A server that keeps what happens and sends all of it every quarter of an hour."""
    every = luck.choice((5, 15, 60)) * MINUTE
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(20, 90) * MINUTE, luck.uniform(4, 20)):
            yield act._replace(received=(act.at // every + 1) * every + luck.uniform(0, 2))


def stamped_at_import(luck: Random) -> Play:
    """A server that looks every minute at what has changed, and gives all of it the time at which it looked."""
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(40, 120) * MINUTE, luck.uniform(8, 30)):
            yield act._replace(at=(act.at // MINUTE + 1) * MINUTE)


def jumping_clock(luck: Random) -> Play:
    """A device whose clock is set an hour or more back or ahead now and then, while somebody plays."""
    wrong = 0.0
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(20, 60) * MINUTE, luck.uniform(5, 12)):
            if luck.random() < 0.01:
                wrong = luck.choice((0, 0, 2 * MINUTE, 7 * MINUTE, HOUR, -HOUR, 9 * HOUR))
            yield act._replace(at=act.at - wrong, received=act.at + luck.uniform(0.05, 1))


def two_devices(luck: Random) -> Play:
    """Plays at a computer, with the game's companion on a telephone whose clock is a little slow."""
    slow = min(luck.expovariate(1 / 45), 4 * MINUTE)
    for day in range(8):
        for act in sitting(luck, evening(luck, day), luck.uniform(40, 90) * MINUTE, 9):
            if luck.random() < 0.08:
                yield Act(act.at - slow, "chat.sent", {"length": luck.randint(1, 80)}, act.at + luck.uniform(0.1, 2))
            else:
                yield act


def speedrunner(luck: Random) -> Play:
    """The same run again and again, to a second: dozens of things in one order, given up wherever it goes wrong."""
    route = luck.choices(ACTIONS, (10, 6, 1, 2, 1, 4), k=luck.randint(25, 60))
    splits = [luck.lognormvariate(1.3, 0.6) for _ in route]
    for day in range(6):
        at = evening(luck, day)
        for _ in range(luck.randint(8, 25)):
            yield Act(at, "run.started", {})
            for type_, split in zip(route, splits, strict=True):
                at += split * luck.lognormvariate(0.02, 0.05)
                yield Act(at, type_, {"amount": luck.randint(5, 40)})
                if luck.random() < 0.025:
                    break
            at += human_gap(luck, 6)


def tapper(luck: Random) -> Play:
    """A child that taps as fast as it can, stops, laughs, and taps again."""
    for day in range(4):
        at = evening(luck, day) - 4 * HOUR
        for _ in range(luck.randint(15, 40)):
            pace = luck.uniform(0.15, 0.3)
            for _ in range(luck.randint(5, 40)):
                yield Act(at, "balloon.popped", {"amount": 1})
                at += max(0.03, luck.gauss(pace, pace / 3)) + (luck.uniform(0.5, 3) if luck.random() < 0.08 else 0)
            at += human_gap(luck, 7)


def auto_repeat(luck: Random) -> Play:
    """Cannot press a key often, so a helper repeats it while it is held: some at one pace, and then a choice."""
    pace = luck.uniform(0.2, 0.5)
    for day in range(7):
        at = evening(luck, day) - 6 * HOUR
        end = at + luck.uniform(20, 60) * MINUTE
        while at < end:
            type_ = luck.choices(ACTIONS, (10, 6, 1, 2, 1, 4))[0]
            for _ in range(luck.choices((1, 2, 3, 5, 8, 12), (6, 4, 3, 2, 2, 1))[0]):
                yield Act(at, type_, {"amount": luck.randint(5, 40)})
                at += pace + luck.gauss(0, 0.01)
            at += human_gap(luck, 5)


def midnight(luck: Random) -> Play:
    """From late in the evening until after midnight, every night."""
    for day in range(12):
        at = START + day * DAY + luck.uniform(22, 23.5) * HOUR
        yield from sitting(luck, at, luck.uniform(1, 3.5) * HOUR, luck.uniform(8, 30))


def rotation(luck: Random) -> Play:
    """Two nights on duty, two days on duty, two free: plays before sleeping, whenever that is."""
    first = luck.randrange(6)
    for day in range(12):
        begin = ((20, 22), (20, 22), (8, 11), (8, 11), (11, 23), (13, 24))[(first + day) % 6]
        at = START + day * DAY + (begin[0] + luck.uniform(0, 1)) * HOUR
        yield from sitting(luck, at, (begin[1] - begin[0]) * luck.uniform(0.6, 1) * HOUR, luck.uniform(20, 60))


def tournament(luck: Random) -> Play:
    """Two days of matches in rounds that the clock begins, with results that a referee sends in later."""
    for day in (5, 6):
        for number in range(luck.randint(14, 24)):
            at = START + day * DAY + 9 * HOUR + number * 25 * MINUTE + luck.uniform(0, 0.2)
            yield Act(at, "round.started", {"round": number})
            yield from sitting(luck, at + 5, luck.uniform(8, 19) * MINUTE, luck.uniform(2, 5))
            over = at + 20 * MINUTE
            yield Act(over, "round.finished", {"place": luck.randint(1, 16)}, over + luck.uniform(1, 15) * MINUTE)


def patch_day(luck: Random) -> Play:
    """The day of a large update: much that is new within minutes, and hours of it."""
    for day in range(9):
        at = evening(luck, day)
        if day == 4:
            at -= 5 * HOUR
            yield from sitting(luck, at, 5 * MINUTE, 6)
            for number in range(16):
                yield Act(at + 6 * MINUTE, f"isle.{number}", {"amount": 1})
                at += luck.lognormvariate(0.9, 1.2)
            yield from sitting(luck, at + 10 * MINUTE, 6 * HOUR, 5)
        else:
            yield from sitting(luck, at, luck.uniform(20, 50) * MINUTE, 7)


def traveller(luck: Random) -> Play:
    """Plays evenings at home, on an aeroplane without a net, and evenings nine hours away."""
    for day in range(12):
        at = evening(luck, day) - (0 if day < 5 else 9 * HOUR)
        yield from sitting(luck, at, luck.uniform(30, 120) * MINUTE, 12)
        if day == 4:
            offline = list(sitting(luck, at + 5 * HOUR, luck.uniform(4, 9) * HOUR, 20))
            for act in offline:
                yield act._replace(received=offline[-1].at + HOUR + luck.uniform(0, 20))


def streamer(luck: Random) -> Play:
    """Plays before others, who cheer: hundreds of events an hour that somebody else has caused."""
    viewers = luck.lognormvariate(3, 1.2)
    for day in range(8):
        acts = list(sitting(luck, evening(luck, day), luck.uniform(1, 4) * HOUR, 8))
        for act, after in pairwise(acts):
            yield act
            at = act.at
            while (at := at + luck.expovariate(viewers / 400)) < after.at:
                yield Act(at, "viewer.cheered", {"amount": round(luck.paretovariate(1.5), 2)})


def cafe(luck: Random) -> Play:
    """Students at a few machines: each plays half an hour on whichever is free, the same lesson as all others."""
    lesson = ("chest.opened", "trade.done", "spell.cast", "level.completed")
    for day in range(8):
        at = START + day * DAY + luck.choice((10, 13, 15)) * HOUR
        device = f"cafe-{luck.randrange(40)}"
        for number in range(luck.randint(30, 60)):
            yield Act(at, lesson[number % 4], {"amount": luck.randint(1, 9), "device": device})
            if luck.random() < 0.2:
                at += human_gap(luck, 12)
                type_, data = action(luck)
                yield Act(at, type_, {**data, "device": device})
            at += human_gap(luck, 20)


def rewarded(luck: Random, acts: Iterator[Act]) -> Play:
    """Somebody who comes back every evening for what each evening gives."""
    earned, quick = 0, luck.lognormvariate(2.9, 0.45)
    began = paid = last = 0.0
    for act in acts:
        if act.at - last > 2 * HOUR:
            began, earned = act.at, 0
        last = act.at
        yield act
        if not earned and act.at > began + quick * MINUTE:
            earned = 1
            yield Act(act.at, "achievement.completed", {"id": "daily-round", "type": "CHALLENGE", "points": 5})
        if act.at > paid + 2 * MINUTE and luck.random() < 0.2:
            paid = act.at
            yield purse(act.at, round(luck.lognormvariate(3.5, 0.7)) + 1)


def purse(at: float, salt: int) -> Act:
    return Act(at, "reward.claimed", {"id": f"purse-{salt % 5}", "type": "CURRENCY", "value": salt, "currency": "salt"})


def regular(luck: Random) -> Play:
    """Comes nearly every evening."""
    for day in range(14):
        if luck.random() < 0.8:
            yield from sitting(luck, evening(luck, day), luck.uniform(25, 90) * MINUTE, luck.uniform(6, 18))


AWKWARD: dict[str, Callable[[Random], Play]] = {
    "imported": imported, "stamped_at_import": stamped_at_import, "jumping_clock": jumping_clock,
    "two_devices": two_devices, "speedrunner": speedrunner, "tapper": tapper, "auto_repeat": auto_repeat,
    "midnight": midnight, "rotation": rotation, "tournament": tournament, "patch_day": patch_day,
    "traveller": traveller, "streamer": streamer, "cafe": cafe, "regular": regular,
}  # fmt: skip
REWARDED = ("casual", "regular", "midnight", "marathon", "shift_worker", "newcomer", "veteran", "rotation")
"""Who completes and earns something besides: the others of those who do so in no time, or without end."""
