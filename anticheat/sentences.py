"""A rule as a sentence, in English: "Two events enemy.killed less than 2 seconds apart: the event is held."

The patterns are also what the console's form fills in while somebody types (kernel/static/kernel/spoken.js), so both
say the same. Of the patterns of a kind the first is taken that has all it names, or else the one that lacks the least.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anticheat import judging, rules, verdicts
from gamification.kernel.core.encoding import number

NOT_SAID = "…"
"""What stands for what is not chosen yet."""
PATTERNS: dict[str, tuple[str, ...]] = {
    "VALUE_RANGE": (
        "A sample of {metric} that is worth less than {minimum} or more than {maximum}: {action}",
        "A sample of {metric} that is worth more than {maximum}: {action}",
        "A sample of {metric} that is worth less than {minimum}: {action}",
    ),
    "MAX_PER_EVENT": ("An event that is worth more than {maximum} to {metric}: {action}",),
    "MAX_PER_WINDOW": (
        "An event with which {metric} comes to more than {maximum} within {seconds}: {action}",
        "An event with which there are more than {maximum} of {event_type} within {seconds}: {action}",
    ),
    "COOLDOWN": (
        "Two samples of {metric} less than {seconds} apart: {action}",
        "Two events {event_type} less than {seconds} apart: {action}",
    ),
    "CLOCK_SKEW": (
        "An event that counts for {metric} and whose time is more than {seconds} from the clock: {action}",
        "An event {event_type} whose time is more than {seconds} from the clock: {action}",
    ),
    **{name: (f"{kind.label[0].upper()}{kind.label[1:]}: {{action}}",) for name, kind in judging.KINDS.items()},
}
ACTIONS = {
    rules.HOLD: "it has no effect until somebody releases it.",
    rules.FLAG: "it counts, and is noted.",
    verdicts.WITHHOLD: "what they earn waits, once it is certain, until somebody decides.",
    verdicts.SHADOW: "reviewers see it, and nothing follows.",
}
OF_PLAY = {verdicts.FLAG: "somebody is to look at it."}
"""What an action means of a statistical rule, where that is something else."""
SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
SWITCHED_OFF = "Switched off: nothing is looked at. Switched on: "
NAMED = re.compile(r"\{(\w+)\}")

SPOKEN = {
    "by": "kind",
    "patterns": PATTERNS,
    "words": {"action": ACTIONS},
    "instead": {name: {"action": OF_PLAY} for name in judging.KINDS},
    "spans": {"seconds": SPANS},
    "off": {"is_enabled": SWITCHED_OFF},
}
"""All of it, as the form takes it along."""


def sentence(rule: Mapping[str, Any]) -> str:
    """A rule by its columns: `{kind, metric, event_type, minimum, maximum, seconds, action, is_enabled}`."""
    patterns = PATTERNS.get(rule.get("kind") or "")
    if not patterns:
        return ""
    words = {name: text for name in ("metric", "event_type", "minimum", "maximum") if (text := _said(rule.get(name)))}
    if rule.get("seconds"):
        words["seconds"] = span(int(rule["seconds"]))
    actions = ACTIONS | (OF_PLAY if rule["kind"] in judging.KINDS else {})
    if action := actions.get(rule.get("action") or ""):
        words["action"] = action
    lacking = [sum(name not in words for name in NAMED.findall(pattern)) for pattern in patterns]
    pattern = patterns[lacking.index(min(lacking))]
    said = NAMED.sub(lambda found: words.get(found[1], NOT_SAID), pattern)
    return said if rule.get("is_enabled", True) else f"{SWITCHED_OFF}{said[:1].lower()}{said[1:]}"


def _said(value: Any) -> str:
    return "" if value in (None, "") else str(number(value) if isinstance(value, float) else value)


def span(seconds: int) -> str:
    """`90 seconds`, `5 minutes`, `1 hour`: in the greatest unit of which it is a whole number."""
    length, unit = next((length, unit) for length, unit in SPANS if seconds % length == 0)
    many = seconds // length
    return f"{many} {unit}" if many == 1 else f"{many} {unit}s"
