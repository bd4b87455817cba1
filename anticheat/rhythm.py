"""The rules on rhythm: a program's gaps hardly vary, have few lengths, or its acts repeat in one order."""

from __future__ import annotations

import math
from collections.abc import Iterator

from anticheat.cohorts import Cohort, said
from anticheat.profile import Due, Profile, is_collected, median_gap
from anticheat.streams import EVERY, GRID_BIN, GRID_LEAST, LAGS, UNIT, WINDOW, Stream
from anticheat.verdicts import Case, StatisticalRule, Verdict, binomial_tail, normal_tail

HONEST_FLAT = 0.05
"""The share of windows in which an honest player's gaps hardly vary: 4 % at most were seen."""
HONEST_ENTROPY = 2.4
"""Bits: the lowest that was seen of an honest player, in a rhythm game."""


def pace(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Windows of fifteen overlap: as many count as lie side by side. Model: each is flat with a probability of 5 %."""
    profile, cohort = case.profile, case.cohort
    for stream in {id(each): each for each in case.due.streams}.values():
        yield from _pace_of(rule, profile, cohort, stream)


def _pace_of(rule: StatisticalRule, profile: Profile, cohort: Cohort, stream: Stream) -> Iterator[Verdict | None]:
    least, alone, limit = rule["gaps"], rule["gaps_in_one_session"], rule["share"]
    if stream.gaps < (least if stream.sessions > 1 else alone) or not stream.windows:
        return
    share = stream.flatness
    if share < limit or (not stream.type and cohort.is_left_out(profile)) or is_collected(profile):
        yield None
        return
    name = cohort.called(stream.type) if stream.type else ""
    evidence = {
        "type": name,
        "flat_windows": stream.flat,
        "windows": stream.windows,
        "sessions": stream.sessions,
        "median_gap": round(median_gap(stream.ring), 3),
        "gaps": [round(gap / UNIT, 3) for gap in stream.ring],
    }
    tail = binomial_tail(share, stream.windows / WINDOW, HONEST_FLAT)
    yield Verdict(share, limit, stream.gaps, profile.first, stream.last, tail, evidence, stream.type)


def entropy(counts: list[int]) -> float:
    total = sum(counts)
    return -sum(count / total * math.log2(count / total) for count in counts if count) if total else 0.0


def grid(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: the entropy of an honest sample varies about 2.4 bits as that of independent gaps does, at the least."""
    profile, limit = case.profile, rule["bits"]
    total = sum(profile.grid)
    if profile.everything.gaps < rule["gaps"] or total < rule["gaps"] / 2:
        return
    bits = entropy(profile.grid)
    is_game = case.cohort.is_left_out(profile) or case.cohort.is_game("GRID", profile)
    if bits >= limit or is_game or is_collected(profile):
        yield None
        return
    spread = sum(c / total * (math.log2(c / total) + bits) ** 2 for c in profile.grid if c)
    z = (HONEST_ENTROPY - bits) / math.sqrt(max(spread, 0.25) / total)
    bins = [
        [round(math.exp(GRID_LEAST + place * GRID_BIN), 3), count] for place, count in enumerate(profile.grid) if count
    ]
    evidence = {"bits": round(bits, 3), "gaps": total, "gaps_from_seconds": bins}
    newest = profile.everything.last
    yield Verdict(bits, limit, profile.everything.gaps, profile.first, newest, normal_tail(z), evidence)


def best_lag(profile: Profile) -> tuple[int, float]:
    most = max(range(len(LAGS)), key=lambda place: profile.loop[place])
    return LAGS[most], profile.loop[most] / profile.looked if profile.looked else 0.0


def concentration(profile: Profile) -> float:
    """The probability that two events of a player are of one type."""
    total = sum(each.count for each in profile.types)
    return sum((each.count / total) ** 2 for each in profile.types) if total else 1.0


def loop(rule: StatisticalRule, case: Case) -> Iterator[Verdict | None]:
    """Model: an honest player's types match as often as by chance, half of the rest besides; repeats of one lag depend
    on each other, so only one in `lag` counts, and fifteen lags were tried."""
    profile, limit, chance = case.profile, rule["matches"], concentration(case.profile)
    if profile.everything.count < rule["events"] or not profile.looked:
        return
    lag, share = best_lag(profile)
    is_honest = share < limit or chance > rule["concentration"]
    if is_honest or case.cohort.is_left_out(profile) or case.cohort.is_game("LOOP", profile):
        yield None
        return
    tail = min(0.0, binomial_tail(share, profile.looked / lag, (1 + chance) / 2) + math.log10(len(LAGS)))
    types = sorted(profile.types, key=lambda each: -each.count)
    evidence = {
        "lag": lag,
        "matches": round(share, 4),
        "by_chance": round(chance, 4),
        "types": {case.cohort.called(each.type): each.count for each in types},
        "by_lag": {str(each): count for each, count in zip(LAGS, profile.loop, strict=True)},
    }
    yield Verdict(share, limit, profile.everything.count, profile.first, profile.newest, tail, evidence)


# -- what is the game's own --------------------------------------------------------------------------------------------

GAME_FLAT, GAME_BITS = 0.4, 2.5
"""What most players of a type have to show for it to be the game's. Nothing else brings half of them so far, and where
the game's own pace brings most of them near a rule's limit, it brings some beyond."""
FIRST_GAPS, FIRST_EVENTS = 16, 10
"""Gaps, and events, of a type from which on a player says something of the type, if not yet of themselves."""


def tell(
    player: Profile, cohort: Cohort, due: Due, pace: StatisticalRule, grid: StatisticalRule, loop: StatisticalRule
) -> None:
    """Let the cohort know, by the default rules, whether this player is as regular as a program in what they do."""
    if "PACE" in due.kinds:
        flat = min(pace["share"], GAME_FLAT)
        for stream in due.streams:
            if stream.type:
                whole = int(pace["gaps"] if stream.sessions > 1 else pace["gaps_in_one_session"])
                cohort.tell("PACE", stream, said(stream.gaps, FIRST_GAPS, whole, stream.flatness >= flat))
    if "GRID" in due.kinds or "LOOP" in due.kinds:
        is_grid = entropy(player.grid) < max(grid["bits"], GAME_BITS)
        matches, chance = best_lag(player)[1], concentration(player)
        is_loop = matches >= min(loop["matches"], (1 + chance) / 2) and chance <= loop["concentration"]
        has_looked, gaps = player.looked >= 2 * EVERY, player.everything.gaps
        for stream in player.types:
            few = stream.count if gaps >= 2 * EVERY else 0
            cohort.tell("GRID", stream, said(few, FIRST_EVENTS, int(grid["gaps"]) // 2, is_grid))
            few = stream.count if has_looked else 0
            cohort.tell("LOOP", stream, said(few, FIRST_EVENTS, int(loop["events"]) // 4, is_loop))
