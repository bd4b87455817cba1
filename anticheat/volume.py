"""The rules on volume: too soon, too much at once, far more than others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from anticheat.cohorts import Cohort, Sketch
from anticheat.profile import Due, Profile, is_collected
from anticheat.streams import BURST, HOUR
from anticheat.verdicts import LEAST_TAIL, Case, StatisticalRule, Verdict, normal_tail, poisson_tail


def velocity(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Seconds played are counted from the player's first event, so they are never fewer than since the first sample.

    Of any thousand completions one is quicker than all others, and somebody honest completes hundreds of things; and
    where some completions are cheats', so are the quickest. So where its author says no least, one must be twice as far
    below the quickest one in twenty as that is below the median, in proportion. Model: the likelier of two,
    that the logarithm is normal, and that half the time is half as likely; where the author says one, that it is a
    quarter."""
    completion, profile = case.completion, case.profile
    if completion is None:
        return
    played, sketch = completion.seconds, case.cohort.seconds_of(completion.content)
    limit, n, likelier = completion.min_seconds, sketch.count, LEAST_TAIL
    if limit is None:
        if n < rule["completions"]:
            return
        median, quickest = sketch.quantile(0.5), sketch.quantile(rule["percentile"] / 100)
        spread = max(LEAST_SPREAD_OF_SECONDS, spread_of(sketch))
        limit = quickest * min((quickest / median) ** 2, MOST_OF_QUICKEST)
        likelier = math.log10(rule["percentile"] / 100) + math.log10(max(played, 1.0) / quickest)
        likelier = max(likelier, normal_tail(math.log(median / max(played, 1e-3)) / spread))
    if played >= limit or is_collected(profile):
        yield None
        return
    tail = max(LEAST_TAIL, likelier, -3 + 2 * math.log10(max(played, 1.0) / limit))
    evidence = {
        "content": completion.content,
        "seconds_played": round(played, 1),
        "said_by_its_author": completion.min_seconds,
        "cohort": sketch.coarse(),
    }
    yield Verdict(played, limit, n, profile.first, profile.newest, min(tail, 0.0), evidence)


def densest(times: list[int]) -> int:
    """How many of these lie within ten seconds at most."""
    return max((sum(1 for each in times if at <= each <= at + BURST) for at in times), default=0)


def burst(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: within ten seconds, 0.1 completions or one new event type are expected."""
    profile = case.profile
    completed, new = densest(profile.completed), densest(profile.new_types)
    for count, limit, mean, times, what in (
        (completed, rule["completions"], 0.1, profile.completed, "completions"),
        (new, rule["types"], 1.0, profile.new_types, "new_types"),
    ):
        if count >= limit:
            evidence = {what: count, "seconds": 10, "at_seconds": [round((at - times[0]) / 1_000, 3) for at in times]}
            tail = poisson_tail(count, mean)
            yield Verdict(float(count), limit, count, times[0], times[-1], tail, evidence)
            return
    yield None


DEVIATIONS = 4.5
"""How far above the cohort a value must lie besides: one in 300,000, were its logarithm normal."""
LEAST_SPREAD_OF_SECONDS = 0.1
MOST_OF_QUICKEST = 0.7
"""Of the quickest one in twenty, at most: where all take as long, a hundredth part less is nothing."""
A_FEW = 0.02
"""Where more of a cohort lie beyond a limit, they are some of the game's players, who do something else than most."""
LEAST_SPREAD = 0.6
"""Deviations of the logarithm: cohorts that look alike hold a few who have played for years all the same."""


def spread_of(sketch: Sketch) -> float:
    """The deviation of the logarithm that the middle half shows."""
    return (math.log(sketch.quantile(0.75)) - math.log(sketch.quantile(0.25))) / 1.349


class Beyond(NamedTuple):
    limit: float
    median: float
    log10_tail: float


def beyond(value: float, sketch: Sketch, times: float, least: float) -> Beyond | None:
    """Where a value stands in a cohort that is large enough: more than so many times the median, and than few others
    can be. Model: the likelier of two, that the logarithm is normal, with the deviation that the middle half shows, and
    that of those beyond the median ten times as much is a thousand times as rare. Where more are beyond than a
    few, that is how some play."""
    if sketch.count < least:
        return None
    median = sketch.quantile(0.5)
    spread = max(LEAST_SPREAD, spread_of(sketch))
    limit = median * max(times, math.exp(DEVIATIONS * spread))
    ratio = math.log(max(value, 1e-12)) - math.log(median)
    if value > limit and sketch.share_beyond(limit) > A_FEW:
        limit = math.inf
    if value <= limit:
        return Beyond(limit, median, 0.0)
    return Beyond(limit, median, max(normal_tail(ratio / spread), LEAST_TAIL, -3 * ratio / math.log(10)))


def rate(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """For the model see `beyond`."""
    profile, cohort = case.profile, case.cohort
    for stream in case.due.streams:
        if not stream.type or stream.count < rule["samples"]:
            continue
        known, name = cohort.of_type(stream.type), cohort.called(stream.type)
        looked = []
        if profile.played >= rule["hours"] * HOUR:
            looked.append(("samples an hour", stream.count / (profile.played / HOUR), known.rate))
        for each in stream.values:
            if each.count >= rule["samples"] and each.field in known.values:
                looked.append((known.fields.get(each.field, "?"), each.high, known.values[each.field]))
        for what, value, sketch in looked:
            found = beyond(value, sketch, rule["times"], rule["cohort"])
            if found is None:
                continue
            limit, median, tail = found
            if value <= limit:
                yield None
                continue
            evidence = {"type": name, "what": what, "median": round(median, 6), "cohort": sketch.coarse()}
            yield Verdict(value, limit, stream.count, profile.first, profile.newest, tail, evidence, stream.type)


def income(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """For the model see `beyond`."""
    profile = case.profile
    hours = profile.played / HOUR
    if hours < rule["hours"]:
        return
    for income in profile.incomes:
        sketch = case.cohort.incomes.get(income.currency)
        an_hour = income.amount / hours
        found = beyond(an_hour, sketch, rule["times"], rule["cohort"]) if sketch else None
        if found is None or sketch is None:
            continue
        limit, median, tail = found
        if an_hour <= limit:
            yield None
            continue
        share = income.of_source / income.claims if income.claims else 0.0
        evidence = {"median": round(median, 6), "share_of_one_source": round(share, 4), "cohort": sketch.coarse()}
        yield Verdict(an_hour, limit, income.claims, profile.first, profile.newest, tail, evidence)


def tell(player: Profile, cohort: Cohort, due: Due) -> None:
    """Let the cohort know how much this player does, and earns."""
    if "RATE" in due.kinds:
        for stream in due.streams:
            if stream.type and stream.count >= 50:
                if player.played >= HOUR:
                    cohort.tell_rate(stream, stream.count / (player.played / HOUR))
                cohort.tell_values(stream)
    if "INCOME" in due.kinds and player.played >= 2 * HOUR:
        for income in player.incomes:
            income.told = cohort.tell_income(income.currency, income.told, income.amount / (player.played / HOUR))
