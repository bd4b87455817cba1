"""What is wrong with metrics, levels and requirements that are about to be published. Plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from gamification.kernel.content.publishing import Definition, Definitions, Problem
from gamification.kernel.core.encoding import canonical, parse_instant
from gamification.kernel.core.fact_types import OWN_TYPES
from progress.rules.samples import ReportedBy
from progress.rules.vocabulary import COMPARE, TRAITS, WITH_A_TIMEFRAME, ZERO_OVER_NOTHING, Operator

UPWARD = tuple(op for op in Operator if op.is_upward)
MAX_RUN_DAYS = {"DAILY": 1, "WEEKLY": 14, "MONTHLY": 62}
"""The most days that one period can hold: a change of zone may stretch it to less than twice its length."""
MAX_COUNT = 2**63
"""A count from which on a threshold can never be reached: a bigint holds no more."""

WHAT_A_METRIC_COUNTS = ("event_type", "value_field", "member_field", "conditions")


def metric_problems(definitions: Definitions) -> Iterator[Problem]:
    """What a metric counts cannot change once it is published, since players' tallies were counted by it."""
    for id_, metric in definitions.get("metric", {}).items():
        before = definitions.before.get("metric", {}).get(id_)
        for name in WHAT_A_METRIC_COUNTS:
            if before is not None and canonical(before[name]) != canonical(metric[name]):
                detail = f"What {id_} counts was fixed when it was published: make another metric for another count."
                yield Problem("metric", id_, name, "metric_is_fixed", detail)


def metric_advice(metric: Definition, definitions: Definitions, now: datetime) -> Iterator[tuple[str, str, str]]:
    event_type = metric["event_type"]
    others = [m for m in definitions.get("metric", {}).values() if m["id"] != metric["id"]]
    if event_type not in OWN_TYPES and all(m["event_type"] != event_type for m in others):
        known = ", ".join(sorted({m["event_type"] for m in others})[:10]) or "none yet"
        detail = f"No other metric counts {event_type}; is it spelt as the game sends it? Counted are: {known}."
        yield "event_type", "used_nowhere_else", detail


def ends_in_the_past(ends: str | None, path: str, now: datetime) -> Iterator[tuple[str, str, str]]:
    """A warning for content whose end has passed before it is published."""
    if ends is not None and parse_instant(ends) <= now:
        yield path, "ends_in_the_past", f"It ended on {ends}, before it was published."


def level_problems(definitions: Definitions) -> Iterator[Problem]:
    levels = sorted(definitions.get("level", {}).items(), key=lambda item: int(item[1]["level"]))
    for (_, lower), (id_, upper) in pairwise(levels):
        if upper["xp"] <= lower["xp"]:
            detail = f"Level {upper['level']} needs more xp than level {lower['level']}, which is at {lower['xp']}."
            yield Problem("level", id_, "xp", "xp_not_rising", detail)


def requirement_problems(
    requirements: Sequence[Definition],
    metrics: Mapping[str, Definition],
    repeat: str = "NEVER",
    within: str = "requirements",
) -> Iterator[tuple[str, str, str]]:
    """(path, code, detail) for each requirement that can never be met, or whose time frame makes no sense. `within` is
    the path of the list."""
    for index, requirement in enumerate(requirements):
        path = f"{within}[{index}]"
        if requirement.get("timeframe"):
            for name, allowed in (("type", WITH_A_TIMEFRAME), ("operator", UPWARD)):
                if requirement[name] not in allowed:
                    detail = f"A time frame goes with {', '.join(sorted(allowed))} only."
                    yield f"{path}.timeframe", "timeframe_not_allowed", detail
        if "metric" in requirement:
            metric = metrics.get(requirement["metric"])
            if metric is not None:  # an unknown one is a problem of its own
                yield from _never_met(path, requirement, metric, repeat)


def _never_met(path: str, requirement: Definition, metric: Definition, repeat: str) -> Iterator[tuple[str, str, str]]:
    type_, operator, threshold = requirement["type"], requirement["operator"], requirement["threshold"]
    if type_ == "DISTINCT" and not metric["member_field"]:
        detail = f"DISTINCT needs a metric with a member_field, and {metric['id']} has none."
        yield f"{path}.metric", "no_member_field", detail
        return
    # A player's report may hold any number; a server's event is worth 1 to a metric without a value_field.
    always_one = not metric["value_field"] and metric["reported_by"] == ReportedBy.SERVER
    why = None
    if TRAITS[type_].is_whole or (type_ == "SUM" and always_one):
        why = _why_no_count(type_, operator, threshold)
    elif type_ in ("MAX", "MIN", "LATEST") and always_one and not COMPARE[operator](1, threshold):
        why = f"every sample of {metric['id']} is worth 1, as it has no value_field"
    if why is None and type_ == "STREAK" and repeat in MAX_RUN_DAYS:
        least = threshold + 1 if operator == "gt" else threshold
        if operator in ("gt", "gte", "eq") and least > MAX_RUN_DAYS[repeat]:
            why = f"what is {repeat} begins anew before so many days have passed"
    if why is not None:
        detail = f"{type_} {operator} {threshold} can never be met: {why}."
        yield f"{path}.threshold", "never_met", detail


def _why_no_count(type_: str, operator: str, threshold: float) -> str | None:
    if operator == "eq" and threshold != int(threshold):
        return f"{type_} is a whole number"
    if (operator == "lt" and threshold <= 0) or (operator in ("lte", "eq") and threshold < 0):
        return f"{type_} is never below 0"
    if operator in ("gt", "gte", "eq") and threshold >= MAX_COUNT:
        return "nobody can count that far"
    return None


def contradictions(requirements: Sequence[Definition]) -> Iterator[tuple[str, str, str]]:
    """(path, code, detail) for each aggregate that never falls and must be both high and low at one moment."""
    low: dict[tuple[str, str], float] = {}
    for requirement in requirements:
        if TRAITS[requirement["type"]].never_falls and not requirement.get("timeframe"):
            least = least_to_reach(requirement)
            if least is not None:
                key = requirement["type"], requirement["metric"]
                low[key] = max(least, low.get(key, least))
    for index, requirement in enumerate(requirements):
        least = low.get((requirement["type"], requirement.get("metric", "")))
        if least is None or requirement["operator"] not in ("lt", "lte"):
            continue
        if not COMPARE[requirement["operator"]](least, requirement["threshold"]):
            detail = f"{requirement['type']} never falls, and another requirement asks for {least:g} at least."
            yield f"requirements[{index}].threshold", "never_met", detail


def least_to_reach(requirement: Definition) -> float | None:
    """The least value that meets a requirement with gt, gte or eq; None: it has another operator."""
    threshold, is_whole = float(requirement["threshold"]), TRAITS[requirement["type"]].is_whole
    if requirement["operator"] not in ("gt", "gte", "eq"):
        return None
    if requirement["operator"] == "gt":
        return math.floor(threshold) + 1 if is_whole else math.nextafter(threshold, math.inf)
    return math.ceil(threshold) if is_whole else threshold


def met_without_events(requirement: Definition) -> bool:
    """Whether a player without any event already meets it."""
    if requirement["type"] not in ZERO_OVER_NOTHING or requirement.get("timeframe"):
        return False  # it needs a sample, or something that was completed
    return bool(COMPARE[requirement["operator"]](0, requirement["threshold"]))


def cycles(edges: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[tuple[str, str, list[str]]]:
    """(node, label, path) for each edge `node → (label, other)` on a cycle; the path leads from the node back to it."""
    left = _without_ends(edges)
    for node, out in left.items():
        for label, other in out:
            back = _shortest_path(left, other, node)
            if back is not None:
                yield node, label, [node, *back]


def _without_ends(edges: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    """The edges left after removing nodes without outgoing edges, again and again: none, where there is no cycle."""
    incoming: dict[str, list[str]] = {}
    for node, out in edges.items():
        for _, other in out:
            incoming.setdefault(other, []).append(node)
    degree = {node: len(out) for node, out in edges.items()}
    ends = [node for node in {*edges, *incoming} if not degree.get(node)]
    for end in ends:
        for node in incoming.get(end, ()):
            degree[node] -= 1
            if not degree[node]:
                ends.append(node)
    gone = set(ends)
    return {
        node: [(label, other) for label, other in out if other not in gone]
        for node, out in edges.items()
        if node not in gone
    }


def _shortest_path(edges: Mapping[str, Sequence[tuple[str, str]]], start: str, end: str) -> list[str] | None:
    """A shortest path from `start` to `end`, both included."""
    came: dict[str, str] = {start: ""}
    queue: list[str] = [start]
    for node in queue:
        if node == end:
            path = [node]
            while came[node]:
                node = came[node]
                path.insert(0, node)
            return path
        for _, other in edges.get(node, ()):
            if other not in came:
                came[other] = node
                queue.append(other)
    return None


def problems(definitions: Definitions) -> Iterator[Problem]:
    yield from metric_problems(definitions)
    yield from level_problems(definitions)
