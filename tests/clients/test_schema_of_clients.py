"""The shapes that our clients were made of are those of the service."""

import re

from clients import generate
from gamification.kernel.core.fact_types import FactType

UNTOLD = {
    *(type_ for type_ in FactType if type_.endswith((".created", ".updated"))),
    *(type_ for type_ in FactType if type_.startswith(("currency.", "event.", "standing."))),
    FactType.ACHIEVEMENT_REVOKED,
    FactType.ACHIEVEMENT_REINSTATED,
    FactType.QUEST_ABANDONED,
}
"""Facts without a message for the player."""


def test_what_they_know_of_the_schema_is_so() -> None:
    """After a change of shapes: `make clients`."""
    made = generate.written(generate.of_games(generate.live_schema()))
    assert made == (generate.HERE / "schema.json").read_text()


def test_both_know_each_type_of_message() -> None:
    typescript = (generate.HERE / "typescript" / "types" / "messages.d.ts").read_text()
    python = (generate.PACKAGE / "messages.py").read_text()
    told = {*FactType} - UNTOLD | {"achievement.progressed", "backfill.digest"}
    assert set(re.findall(r'^  "([a-z.]+)": ', typescript, re.MULTILINE)) == told
    assert set(re.findall(r'"([a-z]+\.[a-z]+)"', python)) == told
