"""Whether somebody plays as only a program would: every kind of statistical rule, with its parameters and its defaults.

A sample that is too small has no verdict, and neither has a rhythm that is the game's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from anticheat import rhythm, volume
from anticheat.cohorts import Cohort
from anticheat.profile import Due, Profile
from anticheat.streams import HOUR, HOURS, Stream
from anticheat.verdicts import (
    ENDURANCE,
    IDENTITY,
    LEAST_TAIL,
    RHYTHM,
    SHADOW,
    VOLUME,
    Case,
    StatisticalRule,
    Verdict,
    binomial_tail,
    poisson_tail,
)


def judge(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Each verdict on what is due: None where the sample is large enough and all is well."""
    return KINDS[rule.kind].judge(rule, case)


# -- endurance ---------------------------------------------------------------------------------------------------------


def _marathon(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: one honest day in a thousand goes on for the limit, and of those that do, each two hours more leave one in
    e."""
    profile, limit = case.profile, rule["hours"]
    hours = hours_on(profile.everything)
    if profile.everything.gaps < rule["gaps"]:
        return
    if hours <= limit or case.cohort.is_left_out(profile):
        yield None
        return
    tail = max(LEAST_TAIL, -3 - (hours - limit) / 2 / math.log(10))
    evidence = {"hours": round(hours, 2), "hours_of_day": hours_of_day(profile.everything)}
    newest = profile.everything.last
    yield Verdict(hours, limit, profile.everything.gaps, 1_000 * profile.everything.span_from, newest, tail, evidence)


def hours_on(stream: Stream) -> float:
    return (stream.last - 1_000 * stream.span_from) / HOUR if stream.span_from else 0.0


def hours_of_day(stream: Stream) -> list[int]:
    """For each hour of the day (UTC), on how many of the last three days it had an event."""
    bits, found = int.from_bytes(stream.hours, "big"), [0] * 24
    for back in range(HOURS):
        if bits >> back & 1:
            found[(stream.last // HOUR - back) % 24] += 1
    return found


def longest_pause(hours: list[int]) -> int:
    """The longest stretch of hours of the day, past midnight too, without an event."""
    longest = run = 0
    for count in hours * 2:
        run = 0 if count else run + 1
        longest = max(longest, run)
    return min(longest, len(hours))


def _around_the_clock(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: an honest player is there in half of the hours, three hours at a time."""
    profile, limit = case.profile, rule["pause"]
    hours = hours_of_day(profile.everything)
    seen = sum(hours)
    if seen < rule["hours"]:
        return
    pause = longest_pause(hours)
    if pause >= limit or case.cohort.is_left_out(profile):
        yield None
        return
    tail = binomial_tail(seen / HOURS, HOURS / 3, 0.5)
    since = (profile.everything.last // HOUR - HOURS + 1) * HOUR
    evidence = {"hours_of_day": hours, "hours_with_events": seen, "longest_pause": pause}
    yield Verdict(float(pause), limit, seen, max(since, profile.first), profile.newest, tail, evidence)


# -- identity ----------------------------------------------------------------------------------------------------------


def _clock(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: a connection that fails now and then makes one event late alone where somebody is online."""
    profile, limit = case.profile, rule["events"]
    late = case.cohort.late_of(profile)
    if late < limit:
        yield None
        return
    types = {case.cohort.called(each.type): each.late for each in profile.late_types}
    evidence = {"late_alone": late, "latest_by_seconds": round(profile.late_most / 1_000, 1), "types": types}
    tail = poisson_tail(late, limit / 4)
    yield Verdict(float(late), limit, late, profile.first, profile.newest, tail, evidence)


def _reuse(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: one in a thousand players meets a fault of the game once, and each time more is as rare again."""
    profile, limit = case.profile, rule["ids"]
    if profile.reused < limit:
        return
    evidence = {"reused": profile.reused, "case_from": 3}
    tail = max(LEAST_TAIL, -3.0 * profile.reused)
    yield Verdict(float(profile.reused), limit, profile.reused, profile.first, profile.newest, tail, evidence)


def _twins(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Needs another player: see `anticheat.twins`."""
    return iter(())


# -- the kinds ---------------------------------------------------------------------------------------------------------


class Parameter(NamedTuple):
    default: float
    label: str
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """All that there is to say of one kind of statistical rule."""

    label: str
    family: str
    judge: Callable[[StatisticalRule, Case], Iterator[Verdict | None]]
    parameters: Mapping[str, Parameter]


KINDS: dict[str, Kind] = {
    "PACE": Kind(
        "gaps that hardly vary",
        RHYTHM,
        rhythm.pace,
        {
            "share": Parameter(0.8, "share of windows whose coefficient of variation is below 0.25"),
            "gaps": Parameter(200, "gaps at least, in two sessions or more", True),
            "gaps_in_one_session": Parameter(300, "gaps at least, in one session", True),
        },
    ),
    "GRID": Kind(
        "gaps of few lengths",
        RHYTHM,
        rhythm.grid,
        {
            "bits": Parameter(2.0, "entropy of the gaps' lengths, in bits"),
            "gaps": Parameter(200, "gaps at least", True),
        },
    ),
    "LOOP": Kind(
        "the same things in the same order",
        RHYTHM,
        rhythm.loop,
        {
            "matches": Parameter(0.9, "share of events that repeat the one some steps before"),
            "concentration": Parameter(0.7, "at most: the probability that two events are of one type"),
            "events": Parameter(300, "events at least", True),
        },
    ),
    "MARATHON": Kind(
        "play without a pause",
        ENDURANCE,
        _marathon,
        {
            "hours": Parameter(20, "hours without a gap of 20 minutes"),
            "gaps": Parameter(60, "gaps at least", True),
        },
    ),
    "AROUND_THE_CLOCK": Kind(
        "play at every hour of the day",
        ENDURANCE,
        _around_the_clock,
        {
            "pause": Parameter(2, "hours of the day in a row without an event, over 72 hours", True),
            "hours": Parameter(52, "hours with events, of the last 72, at least", True),
        },
    ),
    "VELOCITY": Kind(
        "completed too soon",
        VOLUME,
        volume.velocity,
        {
            "percentile": Parameter(
                5, "percentile of the seconds played that counts as quick, where its author says no least"
            ),
            "completions": Parameter(1_000, "completions at least, for that", True),
        },
    ),
    "BURST": Kind(
        "too much that is new within ten seconds",
        VOLUME,
        volume.burst,
        {
            "completions": Parameter(5, "completions within ten seconds", True),
            "types": Parameter(10, "event types never seen of this player, within ten seconds", True),
        },
    ),
    "RATE": Kind(
        "far more, or far larger, than others",
        VOLUME,
        volume.rate,
        {
            "times": Parameter(10, "times the median of players of that type"),
            "cohort": Parameter(200, "players of that type at least", True),
            "samples": Parameter(50, "events of the type at least", True),
            "hours": Parameter(1, "hours played at least"),
        },
    ),
    "INCOME": Kind(
        "earns far more than others",
        VOLUME,
        volume.income,
        {
            "times": Parameter(10, "times the median an hour"),
            "cohort": Parameter(200, "players with that currency at least", True),
            "hours": Parameter(2, "hours played at least"),
        },
    ),
    "CLOCK": Kind(
        "late events while online",
        IDENTITY,
        _clock,
        {"events": Parameter(20, "events more than 5 minutes late, alone, within 5 minutes of one on time", True)},
    ),
    "REUSE": Kind("ids used again for something else", IDENTITY, _reuse, {"ids": Parameter(1, "ids used again", True)}),
    "TWINS": Kind(
        "two players who are one",
        IDENTITY,
        _twins,
        {
            "alike": Parameter(0.97, "how alike their event types and gaps are, of 1"),
            "events": Parameter(300, "events of each at least", True),
        },
    ),
}
"""Every kind of statistical rule there is; forms, checks, defaults and the judging go by this table."""


def rule_of(
    kind: str, name: str, parameters: Mapping[str, float], action: str = SHADOW, slot: int = 0
) -> StatisticalRule:
    """A rule with these parameters; those that it does not name are the kind's."""
    defaults = {key: each.default for key, each in KINDS[kind].parameters.items()}
    return StatisticalRule(name, kind, defaults | dict(parameters), action, slot)


DEFAULTS = tuple(rule_of(name, name, {}, slot=slot) for slot, name in enumerate(KINDS))
_PACE, _GRID, _LOOP, _MARATHON, _AROUND = DEFAULTS[:5]


def tell(player: Profile, cohort: Cohort, due: Due) -> None:
    """Let the cohort know what this player adds, before anybody is judged by it."""
    rhythm.tell(player, cohort, due, _PACE, _GRID, _LOOP)
    volume.tell(player, cohort, due)
    if "AROUND_THE_CLOCK" in due.kinds:
        _tell_endurance(player, cohort)
    if "CLOCK" in due.kinds:
        cohort.tell_late(player)


def _tell_endurance(player: Profile, cohort: Cohort) -> None:
    for stream in player.types:
        hours = hours_of_day(stream)
        is_around = sum(hours) >= _AROUND["hours"] and longest_pause(hours) < _AROUND["pause"]
        cohort.tell_endless("MARATHON", stream, hours_on(stream) > _MARATHON["hours"])
        cohort.tell_endless("AROUND_THE_CLOCK", stream, is_around)
