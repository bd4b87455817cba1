"""What is wrong with achievements that are about to be published: plain decisions, no database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gamification.kernel.content.publishing import Definition, Definitions, Problem
from gamification.kernel.core.encoding import parse_instant
from progress.checks import contradictions, cycles, ends_in_the_past, met_without_events, requirement_problems
from progress.rules.goals import needed
from progress.rules.vocabulary import WITH_A_TARGET, RequirementType

REPEATABLE = {RequirementType.COUNT, RequirementType.SUM, RequirementType.DISTINCT}

Found = Iterator[tuple[str, str, str]]


def problems(definitions: Definitions) -> Iterator[Problem]:
    achievements = definitions.get("achievement", {})
    metrics = definitions.get("metric", {})
    for id_, achievement in achievements.items():
        found = [
            *requirement_problems(achievement["requirements"], metrics, achievement["repeat"]),
            *_requirements_as_a_whole(achievement),
            *_repeat_and_dates(achievement),
        ]
        for path, code, detail in found:
            yield Problem("achievement", id_, path, code, detail)
    edges = {id_: list(_needs(achievement)) for id_, achievement in achievements.items()}
    for id_, path, way in cycles(edges):
        detail = f"It would need itself: {' → '.join(way)}."
        yield Problem("achievement", id_, path, "cycle", detail)


def advice(achievement: Definition, definitions: Definitions, now: datetime) -> Found:
    """What is odd about an achievement, but may be meant."""
    yield from ends_in_the_past(achievement["ends_at"], "ends_at", now)
    series, tier = achievement["series"], achievement["tier"]
    if series is not None and tier is not None:
        for id_, other in definitions.get("achievement", {}).items():
            if id_ != achievement["id"] and (other["series"], other["tier"]) == (series, tier):
                yield "tier", "tier_twice", f"{id_} is tier {tier} of the series {series} too."
                return


def _requirements_as_a_whole(achievement: Definition) -> Found:
    requirements, match = achievement["requirements"], achievement["match"]
    for index, requirement in enumerate(requirements):
        if requirement["type"] == RequirementType.LEVEL:
            yield f"requirements[{index}].type", "level_not_allowed", "Only a quest can require a level."
    take = needed(match, len(requirements))
    if take > len(requirements):
        yield "match", "never_met", f"{take} requirements are asked for, but there are only {len(requirements)}."
    elif not requirements:
        if not achievement["prerequisites"]:
            detail = "Without requirements or prerequisites every player would have it before playing."
            yield "requirements", "no_requirements", detail
    elif sum(map(met_without_events, requirements)) >= take:
        met = ", ".join(f"{r['type']} {r['operator']} {r['threshold']}" for r in requirements if met_without_events(r))
        detail = f"A player without any event already meets it ({met}). Add a requirement that playing meets."
        yield "requirements", "met_before_playing", detail
    elif take == len(requirements):
        yield from contradictions(requirements)


def _repeat_and_dates(achievement: Definition) -> Found:
    if achievement["repeat"] == "ALWAYS" and not any(r["type"] in REPEATABLE for r in achievement["requirements"]):
        yield "repeat", "repeat_needs_a_count", "ALWAYS needs a COUNT, SUM or DISTINCT requirement to begin anew."
    elif achievement["repeat"] == "ALWAYS" and _is_met_for_ever(achievement):
        detail = "Once what it names is completed it would be complete at every event: let it take one that counts."
        yield "repeat", "never_begins_anew", detail
    starts, ends = achievement["starts_at"], achievement["ends_at"]
    if starts and ends and parse_instant(starts) >= parse_instant(ends):
        yield "ends_at", "ends_before_it_starts", "It has to end after it starts."


def _is_met_for_ever(achievement: Definition) -> bool:
    """Whether other achievements and quests alone may complete it: their completion does not begin anew with it."""
    requirements = achievement["requirements"]
    others = [r for r in requirements if r["type"] in WITH_A_TARGET]
    lasting = len(others) + sum(map(met_without_events, requirements))
    return bool(others) and lasting >= needed(achievement["match"], len(requirements))


def _needs(achievement: Definition) -> Iterator[tuple[str, str]]:
    for index, required in enumerate(achievement["prerequisites"]):
        yield f"prerequisites[{index}]", required
    for index, requirement in enumerate(achievement["requirements"]):
        if requirement["type"] == RequirementType.ACHIEVEMENT:
            yield f"requirements[{index}].target", requirement["target"]
