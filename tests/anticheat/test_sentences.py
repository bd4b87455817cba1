"""A rule is said as a sentence: what it looks at, what it allows, what follows."""

from __future__ import annotations

import pytest

from anticheat import judging, rules
from anticheat.models import Rule
from anticheat.sentences import PATTERNS, sentence, span

HELD = "it has no effect until somebody releases it."
SAID = [
    (
        {"kind": "VALUE_RANGE", "metric": "kills", "minimum": 1.0, "maximum": 2.5},
        f"A sample of kills that is worth less than 1 or more than 2.5: {HELD}",
    ),
    ({"kind": "VALUE_RANGE", "metric": "it", "minimum": 0.0}, f"A sample of it that is worth less than 0: {HELD}"),
    ({"kind": "VALUE_RANGE", "metric": "kills"}, f"A sample of kills that is worth more than …: {HELD}"),
    ({"kind": "MAX_PER_EVENT", "maximum": 9.0}, f"An event that is worth more than 9 to …: {HELD}"),
    (
        {"kind": "MAX_PER_WINDOW", "event_type": "foe.beaten", "maximum": 9.0, "seconds": 3600, "action": "FLAG"},
        "An event with which there are more than 9 of foe.beaten within 1 hour: it counts, and is noted.",
    ),
    (
        {"kind": "COOLDOWN", "event_type": "foe.beaten", "seconds": 90, "is_enabled": False},
        "Switched off: nothing is looked at. Switched on: two events foe.beaten less than 90 seconds apart: "
        f"{HELD}",
    ),
    (
        {"kind": "CLOCK_SKEW", "metric": "kills", "seconds": 300},
        f"An event that counts for kills and whose time is more than 5 minutes from the clock: {HELD}",
    ),
    (
        {"kind": "PACE", "action": "FLAG"},
        "Gaps that hardly vary: somebody is to look at it.",
    ),
    ({}, ""),
    ({"kind": "NOTHING"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said"), SAID)
def test_a_rule_is_said_as_a_sentence(rule: dict[str, object], said: str) -> None:
    assert sentence({"action": "HOLD", **rule}) == said


def test_every_kind_and_action_has_words() -> None:
    assert PATTERNS.keys() == {*rules.KINDS, *judging.KINDS}
    for kind in PATTERNS:
        for action in Rule.Action.values:
            filled = {"metric": "m", "event_type": "e", "minimum": 1.0, "maximum": 2.0, "seconds": 1}
            assert "…" not in sentence({"kind": kind, "action": action, **filled})


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (90, "90 seconds"), (120, "2 minutes"), (86_400, "1 day"), (90_000, "25 hours")],
)
def test_a_time_is_said_in_its_greatest_whole_unit(seconds: int, said: str) -> None:
    assert span(seconds) == said
