"""What tests make up is what the service itself would keep: whole, and with nothing for it to put in order."""

from __future__ import annotations

import pytest

from gamification.kernel.content import kinds
from gamification.kernel.content.publishing import Change
from tests.support import authoring, content, rewarding

WEEK = {"duration": 7, "unit": "days"}
COUNT = content.requirement("COUNT", "kills", 3)
IN_A_WEEK = content.requirement("COUNT", "kills", 3, timeframe=WEEK)

MADE = [
    content.metric("kills"),
    content.achievement("hunter", COUNT, IN_A_WEEK),
    content.reward("coins"),
    content.reward("wisdom", "XP"),
    content.reward("kit", "ITEM", 0, items=rewarding.items(("axe", 1))),
    rewarding.manual("later"),
    content.level(2, 100, "coins"),
    content.currency("gold"),
    content.quest("trail", content.step("hunt", COUNT), content.step("tell", order=2)),
    content.pool("daily", "trail"),
]
COUNTED = {"type": "COUNT", "metric": "kills", "operator": "gte", "threshold": 10}
SENT: list[tuple[str, authoring.Json, authoring.Json]] = [
    ("metric", authoring.metric(), {"id": "kills", "name": "Kills", "event_type": "enemy.killed"}),
    ("achievement", authoring.achievement(), {"id": "hunter", "title": "Hunter", "requirements": [COUNTED]}),
    ("reward", authoring.coins(), {"id": "ten-coins", "type": "CURRENCY", "value": 10, "currency": "gold"}),
    (
        "quest",
        authoring.quest(),
        {"id": "trail", "title": "Trail", "steps": [{"id": "hunt", "title": "Hunt", "requirements": [COUNTED]}]},
    ),
]
"""Kind, what is sent, and the least of it that has to be said."""


def test_there_is_one_for_each_kind_of_content() -> None:
    assert {change.kind for change in MADE} == {kind.name for kind in kinds.kinds()}


@pytest.mark.parametrize("change", MADE, ids=lambda change: f"{change.kind} {change.id}")
def test_a_definition_to_be_published_is_canonical(change: Change) -> None:
    assert change.definition is not None
    assert kinds.kind(change.kind).parse(change.definition) == change.definition
    assert kinds.kind(change.kind).id_of(change.definition) == change.id


@pytest.mark.parametrize(("kind", "body", "least"), SENT, ids=[kind for kind, _, _ in SENT])
def test_a_body_to_be_sent_is_canonical_and_so_is_what_need_not_be_said(
    kind: str, body: authoring.Json, least: authoring.Json
) -> None:
    assert kinds.kind(kind).parse(body) == body
    assert kinds.kind(kind).parse(least) == body
