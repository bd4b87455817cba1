"""More honest players: whose game, server, network or household makes play look odd. As `honest_play`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from benchmarks.honest_play import DAY, HOUR, MINUTE, START, Act, Play, action, evening, human_gap, sitting


def floored(acts: Iterable[Act], to: float, late: float = 0.05) -> Play:
    """Events whose time is cut to so many seconds; they arrive when they happened."""
    for act in acts:
        yield act._replace(at=act.at // to * to, received=act.at + late)


def minutes(luck: Random) -> Play:
    """A client that writes whole minutes, of a game slow or quick."""
    median = luck.choice((4, 10, 25, 60, 120))
    for day in range(8):
        acts = sitting(luck, evening(luck, day), luck.uniform(1, 2) * HOUR, median)
        yield from floored(acts, MINUTE)


def quick_seconds(luck: Random) -> Play:
    """A game of many hits a second, whose client writes whole seconds."""
    for day in range(4):
        at = evening(luck, day)
        for _ in range(luck.randint(8, 20)):
            end = at + luck.uniform(5, 60)
            while at < end:
                yield Act(float(int(at)), "bullet.hit", {"amount": luck.randint(1, 9)}, at + 0.05)
                at += max(0.05, luck.gauss(0.4, 0.15))
            at += human_gap(luck, 6)


def one_time_a_batch(luck: Random) -> Play:
    """A server that gives all events of a batch one time, some batches every few seconds, some once a day."""
    every = luck.choice((2, 5, 20, 300, 900))
    for day in range(8):
        acts = list(sitting(luck, evening(luck, day), luck.uniform(20, 50) * MINUTE, max(1.5, every / 12)))
        if luck.random() < 0.1:
            for act in acts:
                yield act._replace(at=acts[-1].at + 60, received=acts[-1].at + 61)
            continue
        for act in acts:
            at = (act.at // every + 1) * every + 0.321
            yield act._replace(at=at, received=at + 0.2)


def once_a_day(luck: Random) -> Play:
    """A client that is offline all day and sends what happened in the evening, in whole seconds."""
    for day in range(10):
        acts: list[Act] = []
        for _ in range(luck.randint(1, 4)):
            begins = START + day * DAY + luck.uniform(7, 21) * HOUR
            acts += sitting(luck, begins, luck.uniform(5, 40) * MINUTE, luck.uniform(2, 9))
        sent = START + day * DAY + luck.uniform(22, 23) * HOUR
        for number, act in enumerate(sorted(acts, key=lambda act: act.at)):
            yield act._replace(at=float(int(act.at)), received=sent + number // 100 * luck.uniform(0.2, 3))


def auto_battler(luck: Random) -> Play:
    """Battles that go on by themselves day and night, each about as long as the last; a look at them now and then."""
    at, power = START + luck.uniform(0, 48) * HOUR, luck.uniform(7, 16)
    end = at + luck.uniform(8, 60) * HOUR
    looked = at
    while at < end:
        yield Act(at, "battle.won", {"gold": luck.randint(5, 90)})
        at += power + abs(luck.gauss(0, power * 0.08))
        if at > looked and (at % DAY) / HOUR >= 7:
            yield Act(at + 0.4, "hero.upgraded", {"level": luck.randint(1, 99)})
            looked = at + human_gap(luck, 20 * MINUTE)


def slow_battler(luck: Random) -> Play:
    """The same where a battle takes minutes, and no two alike: the game plays, the player sleeps."""
    at = START + luck.uniform(0, 48) * HOUR
    end = at + luck.uniform(24, 90) * HOUR
    while at < end:
        yield Act(at, "expedition.returned", {"gold": luck.randint(5, 900)})
        at += luck.lognormvariate(5.3, 0.6)


def timers(luck: Random) -> Play:
    """Harvests what takes five minutes to grow as soon as it is ripe, for an hour or two."""
    for day in range(14):
        at = evening(luck, day)
        for _ in range(luck.randint(8, 24)):
            for bed in range(6):
                yield Act(at + bed * luck.uniform(0.6, 1.4), "crop.harvested", {"bed": bed})
            yield Act(at + 9, "crop.sown", {"beds": 6})
            at += 5 * MINUTE + abs(luck.gauss(8, 10))


def ready_again(luck: Random) -> Play:
    """Uses what needs eight seconds to be ready again whenever it is: the game's own pace, and a hand's delay."""
    for day in range(5):
        at = evening(luck, day)
        end = at + luck.uniform(20, 60) * MINUTE
        while at < end:
            yield Act(at, "ability.used", {"damage": luck.randint(50, 400)})
            at += 8 + luck.lognormvariate(-0.9, 0.7)
            if luck.random() < 0.1:
                at += human_gap(luck, 5)


def ticking(luck: Random) -> Play:
    """A server of 0.6 s a tick: all that is done falls on one, much of it every fourth."""
    for day in range(5):
        tick = evening(luck, day) // 0.6
        for _ in range(luck.randint(300, 900)):
            yield Act(tick * 0.6, luck.choice(("log.cut", "log.cut", "log.cut", "fire.lit")), {"xp": 25})
            tick += luck.choice((4, 4, 4, 5, 6, 8, 12)) if luck.random() < 0.9 else luck.randint(10, 120)


def by_mail(luck: Random) -> Play:
    """Twenty games by mail: a move whenever one is due and somebody looks, a second one when the other is there."""
    at = START
    while at < START + 40 * DAY:
        hour = (at % DAY) / HOUR
        if 7 <= hour <= 23:
            for _ in range(luck.randint(1, 6)):
                yield Act(at, "move.made", {"game": luck.randrange(20)})
                at += human_gap(luck, 45)
        at += luck.expovariate(1 / (3 * HOUR))


def arcade(luck: Random) -> Play:
    """A machine that many play, from ten in the morning until after midnight; it says every minute that it is on."""
    for day in range(4):
        at = START + day * DAY + 10 * HOUR
        end = at + luck.uniform(13, 15) * HOUR
        beat = at
        while at < end:
            while beat < at:
                yield Act(beat, "machine.on", {}, beat + 0.1)
                beat += 60
            yield Act(at, "coin.inserted", {"coins": luck.choice((1, 1, 2))})
            yield Act(at + 3, "game.started", {})
            for _ in range(luck.randint(1, 3)):
                at += luck.uniform(30, 150)
                yield Act(at, "stage.cleared", {"score": luck.randint(100, 90_000)})
            yield Act(at + 2, "game.over", {})
            at += human_gap(luck, 90) if (at % DAY) / HOUR >= 16 else human_gap(luck, 500)


def fitness(luck: Random) -> Play:
    """A watch: the heart every five minutes, day and night, and steps four times an hour while somebody is up."""
    at = START + luck.uniform(0, 24) * HOUR
    for number in range(int(luck.uniform(4, 9) * DAY / 300)):
        when = at + number * 300
        yield Act(when, "heart.measured", {"bpm": luck.randint(45, 150)})
        if number % 3 == 0 and 7 <= (when % DAY) / HOUR <= 23:
            yield Act(when + 1, "steps.counted", {"steps": luck.randint(0, 2_000)})


def hourly(luck: Random) -> Play:
    """A telephone that says once an hour, in the background, what was earned meanwhile; played in the evenings."""
    at = START + luck.uniform(0, 24) * HOUR
    for day in range(6):
        for hour in range(24):
            when = at + day * DAY + hour * HOUR + luck.uniform(0, 90)
            yield Act(when, "offline.earned", {"gold": luck.randint(10, 500)})
            if hour == 12:
                yield from sitting(luck, when + 60, luck.uniform(5, 25) * MINUTE, 8)


def household(luck: Random) -> Play:
    """Four people of one account: a child after school, a parent at breakfast and late, somebody in the night."""
    acts: list[Act] = []
    for day in range(10):
        for begin, end, often in ((6, 7.5, 0.5), (15, 18, 0.9), (19, 23, 0.8), (23, 26, 0.4)):
            if luck.random() < often:
                at = START + day * DAY + luck.uniform(begin, end - 0.5) * HOUR
                acts += sitting(luck, at, luck.uniform(10, 60 * (end - begin)) * MINUTE, luck.uniform(8, 20))
    yield from sorted(acts, key=lambda act: act.at)


def bad_network(luck: Random) -> Play:
    """Whose connection drops: some events are tried again minutes later, one by one, and some are sent twice."""
    for day in range(12):
        for act in sitting(luck, evening(luck, day), luck.uniform(20, 80) * MINUTE, 7):
            if luck.random() < 0.015:
                yield act._replace(received=act.at + luck.uniform(30, 1_200))
            else:
                yield act


def short_visits(luck: Random) -> Play:
    """A child, three minutes at a time, many times a day: the client reports the same at each begin and end."""
    for day in range(12):
        for _ in range(luck.randint(3, 10)):
            at = START + day * DAY + luck.uniform(7, 20) * HOUR
            for type_ in ("session.started", "profile.loaded", "shop.seen"):
                yield Act(at, type_, {})
                at += luck.uniform(0.05, 0.4)
            acts = list(sitting(luck, at, luck.uniform(1, 4) * MINUTE, 5))
            yield from acts
            yield Act(acts[-1].at + 1, "session.ended", {"seconds": int(acts[-1].at - at)})


def all_day(luck: Random) -> Play:
    """Sixteen hours before a camera, every day, and to bed an hour or two later each time."""
    begins = START + luck.uniform(8, 14) * HOUR
    for day in range(4):
        at = begins + day * (DAY + luck.uniform(0, 1.5) * HOUR)
        yield from sitting(luck, at, luck.uniform(14, 16.5) * HOUR, luck.uniform(15, 40))


def tester(luck: Random) -> Play:
    """Tries the same things again after each change, by hand: whatever is odd is looked at twice."""
    steps = [action(luck)[0] for _ in range(luck.randint(5, 12))]
    for day in range(5):
        at = START + day * DAY + 9 * HOUR
        for _ in range(luck.randint(10, 25)):
            for step in steps:
                yield Act(at, step, {"amount": luck.randint(1, 60)})
                at += human_gap(luck, 7, 0.7)
                while luck.random() < 0.12:
                    yield Act(at, action(luck)[0], {"amount": luck.randint(1, 60)})
                    at += human_gap(luck, 5, 0.7)


def clock_steps(luck: Random) -> Play:
    """A server whose clock steps: forward when time is set, an hour back when summer ends."""
    wrong = 0.0
    for day in range(10):
        if luck.random() < 0.4:
            wrong = luck.choice((-HOUR, HOUR, -420, 400, 0.0, 0.0))
        for act in sitting(luck, evening(luck, day), luck.uniform(20, 60) * MINUTE, 7):
            if luck.random() < 0.003:
                wrong = luck.choice((-HOUR, 0.0, -360.0, 20.0))
            yield act._replace(at=act.at + wrong, received=act.at + 0.1)


def splits(luck: Random) -> Play:
    """Runs against the clock: a dozen stages that have names of their own, always in one order."""
    paces = [luck.uniform(8, 60) for _ in range(12)]
    for day in range(6):
        at = evening(luck, day)
        for _ in range(luck.randint(5, 12)):
            for number, pace in enumerate(paces):
                at += pace * luck.lognormvariate(0.0, 0.06)
                yield Act(at, f"split.{number}", {"seconds": pace})
                if luck.random() < 0.03:
                    break
            at += human_gap(luck, 8)


def metronome(luck: Random) -> Play:
    """Steps of a dance to one beat, nearly all of them on it; the harder the song, the more beside it."""
    for day in range(5):
        at = evening(luck, day)
        for _ in range(luck.randint(3, 7)):
            beat, off = 60 / luck.uniform(100, 160), luck.uniform(0.0, 0.12)
            for _ in range(luck.randint(80, 160)):
                yield Act(at + luck.gauss(0, 0.015), "step.danced", {"score": luck.choice((50, 100, 300))})
                at += beat * (luck.choice((0.5, 2)) if luck.random() < off else 1)
            at += luck.uniform(10, 60)


def importing(luck: Random) -> Play:
    """Comes from another game with a year of history, which is sent at once; plays on from there."""
    joined = evening(luck, 1)
    for number in range(luck.randint(40, 400)):
        at = joined - luck.uniform(0.1, 300) * DAY
        type_ = f"history.{number % 14}" if number % 3 else action(luck)[0]
        yield Act(at, type_, {"amount": luck.randint(1, 60)}, joined + number // 50 * 0.5)
    for day in range(2, 9):
        yield from sitting(luck, evening(luck, day), luck.uniform(15, 60) * MINUTE, luck.uniform(4, 12))


EVERYDAY: dict[str, Callable[[Random], Play]] = {
    "minutes": minutes, "quick_seconds": quick_seconds, "one_time_a_batch": one_time_a_batch,
    "once_a_day": once_a_day, "auto_battler": auto_battler, "slow_battler": slow_battler, "timers": timers,
    "ready_again": ready_again, "ticking": ticking, "by_mail": by_mail, "arcade": arcade, "fitness": fitness,
    "hourly": hourly, "household": household, "bad_network": bad_network, "short_visits": short_visits,
    "all_day": all_day, "tester": tester, "clock_steps": clock_steps, "splits": splits, "metronome": metronome,
    "importing": importing,
}  # fmt: skip
