"""What was found of how players play is kept once a player, rule and day, and handed on in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from anticheat import findings
from anticheat.findings import Found, record
from anticheat.models import StatisticalFinding

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY = NOON.date()


def found(player_id: str = "ann", rule: str = "pace", day: date = DAY, **more: Any) -> Found:
    said: dict[str, Any] = {
        "kind": "PACE", "family": "rhythm", "action": "SHADOW", "value": 0.97, "limit": 0.8, "n": 240,
        "since": NOON - timedelta(hours=1), "until": NOON, "log10_tail": -12.5, "source": findings.PROFILER,
        "evidence": {"gaps": [1.0, 1.1]}, "found_at": NOON,
    }  # fmt: skip
    return Found(player_id=player_id, rule=rule, day=day, **(said | more))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[StatisticalFinding]:
    heard: list[StatisticalFinding] = []

    def react(new: Sequence[StatisticalFinding]) -> None:
        heard.extend(new)

    monkeypatch.setattr(findings, "_react", findings._react)
    findings.connect(react)
    return heard


def test_a_finding_is_kept_as_it_was_found(told: list[StatisticalFinding]) -> None:
    one = found()
    [new] = record([one])
    kept = StatisticalFinding.objects.get()
    assert {name: getattr(kept, name) for name in Found._fields} == one._asdict()
    assert {name: getattr(new, name) for name in Found._fields} == one._asdict()
    assert new.pk == kept.pk
    assert told == [new]


def test_there_is_at_most_one_a_player_rule_and_day(told: list[StatisticalFinding]) -> None:
    assert len(record([found(), found(value=1.0)])) == 1
    others = [found("bob"), found(rule="grid"), found(day=date(2026, 5, 2))]
    assert len(record([found(value=1.0), *others])) == 3
    assert StatisticalFinding.objects.count() == len(told) == 4
    assert StatisticalFinding.objects.get(player_id="ann", rule="pace", day=DAY).value == 0.97


def test_new_ones_are_handed_on_in_order_and_known_ones_are_not(told: list[StatisticalFinding]) -> None:
    record([found("cid"), found("ann"), found("bob")])
    assert [each.player_id for each in told] == ["ann", "bob", "cid"]
    record([found("bob")])
    record([])
    assert len(told) == 3


def test_what_the_reaction_cannot_do_leaves_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(new: Sequence[StatisticalFinding]) -> None:
        raise ValueError("no")

    monkeypatch.setattr(findings, "_react", refuse)
    with pytest.raises(ValueError, match="no"), transaction.atomic():
        record([found()])
    assert not StatisticalFinding.objects.exists()
